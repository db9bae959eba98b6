// The extents of a tensor, outermost axis first.

/// The extents of a tensor along its axes, outermost first.
///
/// Storage is always contiguous in row-major order, so a shape alone says where an element lies.
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
  /// The extent of each axis.
  public let dimensions: [Int]

  /// A shape with the given extents, none of which may be negative.
  public init(_ dimensions: [Int]) {
    require(dimensions.allSatisfy { $0 >= 0 }, "shape: negative extent in \(dimensions)")
    self.dimensions = dimensions
  }

  /// A shape written as a literal, `[batch, features]`; `[]` is a scalar's.
  public init(arrayLiteral dimensions: Int...) { self.init(dimensions) }

  /// The number of axes.
  public var rank: Int { dimensions.count }

  /// The number of elements: the product of the extents, 1 for a scalar.
  public var count: Int { dimensions.reduce(1, *) }

  /// The extent of an axis; negative axes count from the last.
  public subscript(axis: Int) -> Int { dimensions[axis < 0 ? rank + axis : axis] }

  /// The distance in elements between neighbours along each axis.
  public var strides: [Int] {
    var strides = [Int](repeating: 1, count: rank)
    for axis in dimensions.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1] * dimensions[axis + 1]
    }
    return strides
  }

  /// The axis as a number from 0, where negative axes count from the last.
  public func normalized(axis: Int) -> Int {
    let normalized = axis < 0 ? rank + axis : axis
    require(dimensions.indices.contains(normalized), "axis \(axis) of shape \(self)")
    return normalized
  }

  /// The extents as `[2, 3]`.
  public var description: String {
    "[" + dimensions.map(String.init).joined(separator: ", ") + "]"
  }
}
