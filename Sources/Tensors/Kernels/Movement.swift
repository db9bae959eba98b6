// Kernels that only move elements: transpose, slice, join, gather and scatter.

extension Kernels {
  /// The axes in another order: axis i of the result is axis `permutation[i]` of `x`.
  public static func transpose(_ x: Tensor, _ permutation: [Int]) -> Tensor {
    precondition(
      permutation.sorted() == Array(0..<x.shape.rank),
      "transpose: \(permutation) of shape \(x.shape)")
    let strides = x.shape.strides
    let shape = Shape(permutation.map { x.shape.dimensions[$0] })
    let steps = permutation.map { strides[$0] }
    guard let extent = shape.dimensions.last, let step = steps.last, x.count > 0 else {
      return x.reshaped(to: shape)
    }
    return Tensor(
      shape: shape,
      pointer: { out in
        x.withScalars { x in
          var index = [Int](repeating: 0, count: shape.rank - 1)
          var from = 0
          for start in stride(from: 0, to: shape.count, by: extent) {
            for i in 0..<extent { out[start + i] = x[from + i * step] }
            var axis = index.count - 1
            while axis >= 0 {
              index[axis] += 1
              from += steps[axis]
              if index[axis] < shape.dimensions[axis] { break }
              from -= steps[axis] * shape.dimensions[axis]
              index[axis] = 0
              axis -= 1
            }
          }
        }
      })
  }

  /// The extents before an axis and after it, multiplied.
  private static func around(_ axis: Int, of shape: Shape) -> (outer: Int, inner: Int) {
    (shape.dimensions[..<axis].reduce(1, *), shape.dimensions[(axis + 1)...].reduce(1, *))
  }

  private static func replacing(_ axis: Int, of shape: Shape, by extent: Int) -> Shape {
    var dimensions = shape.dimensions
    dimensions[axis] = extent
    return Shape(dimensions)
  }

  /// The given positions along an axis.
  public static func slice(_ x: Tensor, axis: Int, _ range: Range<Int>) -> Tensor {
    let extent = x.shape[axis]
    precondition(
      range.lowerBound >= 0 && range.upperBound <= extent,
      "slice: \(range) of axis \(axis) of \(x.shape)")
    let (outer, inner) = around(axis, of: x.shape)
    let shape = replacing(axis, of: x.shape, by: range.count)
    if outer == 1 { return x.window(from: range.lowerBound * inner, shape: shape) }
    return Tensor(
      shape: shape,
      pointer: { out in
        x.withScalars { x in
          guard let x = x.baseAddress else { return }
          for i in 0..<outer {
            (out + i * range.count * inner).update(
              from: x + (i * extent + range.lowerBound) * inner, count: range.count * inner)
          }
        }
      })
  }

  /// Zeros before and after along an axis: slice's adjoint.
  public static func pad(_ x: Tensor, axis: Int, before: Int, after: Int) -> Tensor {
    let (outer, inner) = around(axis, of: x.shape)
    let extent = x.shape[axis]
    let total = before + extent + after
    return Tensor(
      shape: replacing(axis, of: x.shape, by: total),
      pointer: { out in
        out.update(repeating: 0, count: outer * total * inner)
        x.withScalars { x in
          guard let x = x.baseAddress else { return }
          for i in 0..<outer {
            (out + (i * total + before) * inner).update(
              from: x + i * extent * inner, count: extent * inner)
          }
        }
      })
  }

  /// Tensors joined along an axis; their other extents must agree.
  public static func concatenate(_ parts: [Tensor], axis: Int) -> Tensor {
    let total = parts.reduce(0) { $0 + $1.shape[axis] }
    let shape = replacing(axis, of: parts[0].shape, by: total)
    let (outer, inner) = around(axis, of: shape)
    return Tensor(
      shape: shape,
      pointer: { out in
        var start = 0
        for tensor in parts {
          precondition(
            replacing(axis, of: tensor.shape, by: total) == shape,
            "concatenate: \(parts.map(\.shape)) along axis \(axis)")
          let run = tensor.shape[axis] * inner
          tensor.withScalars { x in
            guard let x = x.baseAddress else { return }
            for i in 0..<outer {
              (out + i * total * inner + start).update(from: x + i * run, count: run)
            }
          }
          start += run
        }
      })
  }

  /// The given rows (elements of axis 0) of `x`, in order, with repetitions.
  public static func gatherRows(_ x: Tensor, _ rows: [Int32]) -> Tensor {
    let (count, inner) = (x.shape[0], around(0, of: x.shape).inner)
    return Tensor(
      shape: replacing(0, of: x.shape, by: rows.count),
      pointer: { out in
        x.withScalars { x in
          guard let x = x.baseAddress else { return }
          for (i, row) in rows.enumerated() {
            precondition(row >= 0 && row < count, "gather: row \(row) of \(count)")
            (out + i * inner).update(from: x + Int(row) * inner, count: inner)
          }
        }
      })
  }

  /// Row i of `x` added to row `rows[i]` of `count` rows of zeros, i ascending: gather's adjoint.
  public static func scatterRows(_ x: Tensor, _ rows: [Int32], count: Int) -> Tensor {
    precondition(rows.count == x.shape[0], "scatter: \(rows.count) rows for \(x.shape)")
    let inner = around(0, of: x.shape).inner
    return Tensor(
      shape: replacing(0, of: x.shape, by: count),
      pointer: { out in
        out.update(repeating: 0, count: count * inner)
        x.withScalars { x in
          for (i, row) in rows.enumerated() {
            precondition(row >= 0 && row < count, "scatter: row \(row) of \(count)")
            let target = out + Int(row) * inner
            for j in 0..<inner { target[j] += x[i * inner + j] }
          }
        }
      })
  }
}
