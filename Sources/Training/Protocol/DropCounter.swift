// Counts what came from a socket and was not ours, and says so without flooding the log.

/// Counts dropped messages by reason, and reports each reason at most once a minute.
struct DropCounter {
  private struct Entry {
    var count = 0
    var reportedCount = 0
    var reportedAt: Double?
  }

  private var entries: [String: Entry] = [:]
  private static let reasonLimit = 100
  private static let secondsBetweenReports = 60.0

  mutating func count(_ error: WireError) {
    switch error {
    case .malformed(let reason): count(reason.printable)
    }
  }

  mutating func count(_ reason: String) {
    // What a stranger sends must not grow memory: past the limit reasons are lumped together.
    let isKnown = entries[reason] != nil || entries.count < Self.reasonLimit
    entries[isKnown ? reason : "other reasons", default: Entry()].count += 1
  }

  /// How many there were, by reason.
  var counts: [String: Int] { entries.mapValues(\.count) }

  /// The lines to log now.
  mutating func report(now: Double) -> [String] {
    var lines: [String] = []
    for (reason, entry) in entries.sorted(by: { $0.key < $1.key }) {
      let isDue = entry.reportedAt.map { now - $0 >= Self.secondsBetweenReports } ?? true
      guard entry.count > entry.reportedCount, isDue else { continue }
      lines.append(
        "Dropped \(entry.count - entry.reportedCount) message(s) that are not ours: \(reason).")
      entries[reason]?.reportedCount = entry.count
      entries[reason]?.reportedAt = now
    }
    return lines
  }
}

extension String {
  /// What a stranger wrote, fit for a terminal and a log: one line of at most 300 code points,
  /// whatever they combine to.
  public var printable: String {
    var line = String.UnicodeScalarView()
    for scalar in unicodeScalars.prefix(300) {
      line.append(scalar.properties.isPrintable ? scalar : " ")
    }
    return String(line)
  }
}

extension Unicode.Scalar.Properties {
  /// Whether a terminal shows the code point in its place instead of obeying it.
  fileprivate var isPrintable: Bool {
    switch generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator:
      false
    default: true
    }
  }
}
