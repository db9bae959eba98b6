// Kernels that only move elements: transpose, slice, join, gather and scatter.

import CKernels

extension Kernels {
  /// The axes in another order: axis i of the result is axis `permutation[i]` of `x`.
  public static func transpose(_ x: Tensor, _ permutation: [Int]) -> Tensor {
    require(
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
  static func around(_ axis: Int, of shape: Shape) -> (outer: Int, inner: Int) {
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
    require(
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
          require(
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
    require(areIndices(rows, below: count), "gather: rows beyond those of \(x.shape)")
    return Tensor(
      shape: replacing(0, of: x.shape, by: rows.count),
      pointer: { out in
        x.withScalars { x in
          guard let x = x.baseAddress else { return }
          if inner == 1 {
            for (i, row) in rows.enumerated() { out[i] = x[Int(row)] }
            return
          }
          for (i, row) in rows.enumerated() {
            (out + i * inner).update(from: x + Int(row) * inner, count: inner)
          }
        }
      })
  }

  /// Row i of `x` added to row `rows[i]` of `count` rows of zeros: gather's adjoint.
  ///
  /// Rows that meet are added in blocks, in their order.
  public static func scatterRows(_ x: Tensor, _ rows: [Int32], count: Int) -> Tensor {
    require(rows.count == x.shape[0], "scatter: \(rows.count) rows for \(x.shape)")
    require(areIndices(rows, below: count), "scatter: \(x.shape) to rows beyond \(count)")
    let inner = around(0, of: x.shape).inner
    let starts = sourceStarts(of: rows, count: count)
    let most = (0..<count).reduce(0) { max($0, starts[$1 + 1] - starts[$1]) }
    return Tensor(
      shape: replacing(0, of: x.shape, by: count),
      pointer: { out in
        out.update(repeating: 0, count: count * inner)
        x.withScalars { x in
          guard let x = x.baseAddress, inner > 0 else { return }
          // Within a block, rows are added one after another.
          if most <= 8 { return addRows(x, inner, to: rows, out) }
          placesByRow(of: rows, starts).withUnsafeBufferPointer { order in
            guard let order = order.baseAddress else { return }
            for row in 0..<count where starts[row + 1] > starts[row] {
              relate_add_rows(
                starts[row + 1] - starts[row], order + starts[row], inner, x, out + row * inner)
            }
          }
        }
      })
  }

  private static func addRows(
    _ x: UnsafePointer<Float>, _ inner: Int, to rows: [Int32], _ out: UnsafeMutablePointer<Float>
  ) {
    if inner == 1 {
      for (i, row) in rows.enumerated() { out[Int(row)] += x[i] }
    } else {
      for (i, row) in rows.enumerated() {
        relate_add_scaled(inner, 1, x + i * inner, out + Int(row) * inner)
      }
    }
  }

  /// Where the places of 0, of 1 and so on begin among those of all `rows` in order, and their end.
  private static func sourceStarts(of rows: [Int32], count: Int) -> [Int] {
    var starts = [Int](repeating: 0, count: count + 1)
    for row in rows { starts[Int(row) + 1] += 1 }
    for row in 0..<count { starts[row + 1] += starts[row] }
    return starts
  }

  /// The places of 0 in `rows`, then those of 1 and so on, each ascending.
  private static func placesByRow(of rows: [Int32], _ starts: [Int]) -> [Int32] {
    var next = starts
    return [Int32](unsafeUninitializedCapacity: rows.count) { order, count in
      for (i, row) in rows.enumerated() {
        order[next[Int(row)]] = Int32(i)
        next[Int(row)] += 1
      }
      count = rows.count
    }
  }
}
