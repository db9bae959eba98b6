// How a tensor reads in a debugger or a test that fails.

extension Tensor: CustomStringConvertible {
  /// As many positions along an axis are shown; of longer ones, half of that at either end.
  private static let shownPositions = 6

  /// The shape, and the scalars in nested brackets, a row of the last axis in each line.
  ///
  ///     [2, 3] [[1.0, 2.0, 3.0],
  ///             [4.0, 5.0, 6.0]]
  ///
  /// Of axes longer than six, `…` stands for all but the first and the last three positions.
  public var description: String {
    let beginning = "\(shape) "
    return withScalars { scalars in
      beginning + text(scalars, axis: 0, from: 0, indent: beginning.count + 1)
    }
  }

  private func text(
    _ scalars: UnsafeBufferPointer<Float>, axis: Int, from start: Int, indent: Int
  ) -> String {
    guard axis < shape.rank else { return "\(scalars[start])" }
    let extent = shape[axis]
    let step = shape.strides[axis]
    func texts(_ positions: Range<Int>) -> [String] {
      positions.map { text(scalars, axis: axis + 1, from: start + $0 * step, indent: indent + 1) }
    }
    let isElided = extent > Self.shownPositions
    let end = Self.shownPositions / 2
    let parts = isElided ? texts(0..<end) + ["…"] + texts(extent - end..<extent) : texts(0..<extent)
    let isInnermost = axis == shape.rank - 1
    let separator = isInnermost ? ", " : ",\n" + String(repeating: " ", count: indent)
    return "[" + parts.joined(separator: separator) + "]"
  }
}
