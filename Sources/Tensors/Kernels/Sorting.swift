// Sorting along an axis.

extension Kernels {
  /// For every row of the last axis, the indices within `x` (all elements counted in row-major
  /// order) of its elements in order of size.
  ///
  /// Equal elements keep their order; not-a-number is last.
  public static func sortedIndices(_ x: Tensor, descending: Bool) -> [Int32] {
    let columns = x.shape[-1]
    return x.withScalars { x in
      var indices: [Int32] = []
      indices.reserveCapacity(x.count)
      for start in stride(from: 0, to: x.count, by: max(columns, 1)) {
        let row = (Int32(start)..<Int32(start + columns)).sorted { i, j in
          let (a, b) = (x[Int(i)], x[Int(j)])
          if a == b || (a.isNaN && b.isNaN) { return i < j }
          if a.isNaN || b.isNaN { return b.isNaN }
          return descending ? a > b : a < b
        }
        indices += row
      }
      return indices
    }
  }
}
