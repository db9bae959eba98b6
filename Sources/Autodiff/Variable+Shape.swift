// What can be done with the arrangement of variables.

import Tensors

extension Variable {
  /// The same scalars in row-major order under another shape of the same count.
  public func reshaped(to shape: Shape) -> Variable {
    shape == self.shape ? self : applying(.reshape(shape))
  }

  /// The axes in another order: axis i of the result is axis `permutation[i]` of this.
  public func transposed(_ permutation: [Int]) -> Variable {
    permutation == Array(0..<shape.rank) ? self : applying(.transpose(permutation))
  }

  /// The last two axes exchanged.
  public func transposed() -> Variable {
    transposed(Array(0..<shape.rank - 2) + [shape.rank - 1, shape.rank - 2])
  }

  /// Repeated along axes of extent 1 and new leading axes.
  public func broadcast(to shape: Shape) -> Variable {
    shape == self.shape ? self : applying(.broadcast(shape))
  }

  /// The given positions along an axis.
  public func slice(axis: Int, _ range: Range<Int>) -> Variable {
    let axis = shape.normalized(axis: axis)
    return range == 0..<shape[axis] ? self : applying(.slice(axis: axis, range: range))
  }

  /// Zeros before and after along an axis.
  public func padded(axis: Int, before: Int, after: Int) -> Variable {
    if before == 0 && after == 0 { return self }
    return applying(.pad(axis: shape.normalized(axis: axis), before: before, after: after))
  }

  /// Variables joined along an axis; their other extents must agree.
  public static func concatenate(_ parts: [Variable], axis: Int) -> Variable {
    require(!parts.isEmpty, "concatenate: nothing to join")
    if parts.count == 1 { return parts[0] }
    return parts[0].tape.apply(.concatenate(axis: parts[0].shape.normalized(axis: axis)), parts)
  }

  /// Variables of one shape joined along a new axis.
  public static func stack(_ parts: [Variable], axis: Int = 0) -> Variable {
    require(!parts.isEmpty, "stack: nothing to join")
    var dimensions = parts[0].shape.dimensions
    let position = axis < 0 ? dimensions.count + 1 + axis : axis
    dimensions.insert(1, at: position)
    return concatenate(parts.map { $0.reshaped(to: Shape(dimensions)) }, axis: position)
  }

  /// The given elements of axis 0, in order, with repetitions; an embedding's look-up.
  public func gathered(rows: [Int32]) -> Variable { applying(.gatherRows(rows)) }

  /// Row i added to row `rows[i]` of `count` rows of zeros.
  public func scattered(rows: [Int32], count: Int) -> Variable {
    applying(.scatterRows(rows, count: count))
  }

  /// For each position of the result, the element at `indices` along an axis: with axis 1,
  /// `result[i, j, k] = self[i, indices[i, j, k], k]`.
  ///
  /// `indices` is in row-major order of the result, whose shape is this one's but for the extent of
  /// the axis.
  public func gathered(along axis: Int, indices: [Int32]) -> Variable {
    let axis = shape.normalized(axis: axis)
    let elements = Kernels.elements(at: indices, along: axis, of: shape)
    var dimensions = shape.dimensions
    dimensions[axis] = 1
    dimensions[axis] = indices.count / Shape(dimensions).count
    return reshaped(to: [shape.count]).gathered(rows: elements).reshaped(to: Shape(dimensions))
  }

  /// The elements along an axis in order of size, and the position each had along the axis, in
  /// row-major order of the result (as `gathered(along:indices:)` takes them).
  ///
  /// Equal elements keep their order, and not-a-number comes last.
  public func sorted(
    axis: Int, descending: Bool = false
  ) -> (values: Variable, permutation: [Int32]) {
    let permutation = Kernels.sortedPositions(value, axis: axis, descending: descending)
    return (gathered(along: axis, indices: permutation), permutation)
  }
}
