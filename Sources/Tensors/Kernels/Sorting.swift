// Sorting along an axis, and the elements that positions along one name.

import CKernels

extension Kernels {
  /// For every run of elements along an axis, their positions along it in order of size, in
  /// row-major order of `x`'s shape.
  ///
  /// Equal elements keep their order, -0 and 0 are equal, and not-a-number comes last, in either
  /// direction and in its order.
  public static func sortedPositions(_ x: Tensor, axis: Int, descending: Bool = false) -> [Int32] {
    let axis = x.shape.normalized(axis: axis)
    let (outer, inner) = around(axis, of: x.shape)
    let extent = x.shape[axis]
    require(extent <= Int32.max, "sort: axis \(axis) of \(x.shape)")
    return [Int32](unsafeUninitializedCapacity: x.count) { positions, count in
      count = x.count
      guard let result = positions.baseAddress, count > 0 else { return }
      // Of twice as many numbers of 64 bits.
      withScratch(4 * extent) { scratch in
        x.withScalars {
          relate_sorted_positions(
            outer, extent, inner, $0.baseAddress, descending, result,
            UnsafeMutableRawPointer(scratch).bindMemory(to: UInt64.self, capacity: 2 * extent))
        }
      }
    }
  }

  /// Where elements at given positions along an axis lie among all elements of `shape`.
  ///
  /// `positions` is in row-major order of a shape that differs from `shape` in the axis's extent
  /// alone.
  package static func elements(
    at positions: [Int32], along axis: Int, of shape: Shape
  ) -> [Int32] {
    let (outer, inner) = around(axis, of: shape)
    let extent = shape[axis]
    require(
      outer * inner > 0 && positions.count.isMultiple(of: outer * inner)
        && shape.count <= Int32.max && areIndices(positions, below: extent),
      "gather: \(positions.count) indices along axis \(axis) of \(shape)")
    let taken = positions.count / (outer * inner)
    return [Int32](unsafeUninitializedCapacity: positions.count) { elements, count in
      count = positions.count
      var place = 0
      for i in 0..<outer {
        for _ in 0..<taken {
          let start = Int32(i * extent * inner)
          for k in 0..<inner {
            elements[place] = start &+ positions[place] &* Int32(inner) &+ Int32(k)
            place += 1
          }
        }
      }
    }
  }

  /// Whether no number is negative or too large.
  static func areIndices(_ numbers: [Int32], below count: Int) -> Bool {
    // A negative one is larger than all that are not.
    let largest = numbers.reduce(UInt32(0)) { max($0, UInt32(bitPattern: $1)) }
    return numbers.isEmpty || Int(largest) < count
  }
}
