// What the settings of several families must hold to.

import Learning

/// Throws unless there are enough layers, none of them empty or beyond all reason.
func requireWidths(
  _ widths: [Int], _ name: String, atLeast least: Int = 1
) throws(CatalogueError) {
  guard (least...64).contains(widths.count), widths.allSatisfy({ (1...65_536).contains($0) })
  else {
    throw CatalogueError("\(name) is \(widths); give \(least) to 64 widths from 1 to 65536")
  }
}

/// Throws unless a setting lies in a range.
func requireRange(_ value: Int, _ range: ClosedRange<Int>, _ name: String) throws(CatalogueError) {
  guard range.contains(value) else {
    throw CatalogueError(
      "\(name) is \(value); give a number from \(range.lowerBound) to \(range.upperBound)")
  }
}

/// Throws unless something is left after dropping.
func requireDropout(_ dropout: Float) throws(CatalogueError) {
  guard dropout >= 0, dropout < 1 else {
    throw CatalogueError("dropout is \(dropout); it must be at least 0 and below 1")
  }
}
