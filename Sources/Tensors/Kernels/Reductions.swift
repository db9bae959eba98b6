// Sums over axes, softmax and losses.

import CKernels

extension Kernels {
  /// The sum over the given axes, which keep extent 1.
  public static func sum(_ x: Tensor, over axes: [Int]) -> Tensor {
    var result = x
    // One run of neighbouring axes at a time, so that each is a sum over the middle of
    // [outer, reduced, inner].
    var remaining = Set(axes.map { x.shape.normalized(axis: $0) }).sorted()
    while let last = remaining.popLast() {
      var first = last
      while let next = remaining.last, next == first - 1 { first = remaining.removeLast() }
      result = sumRun(result, first...last)
    }
    return result
  }

  private static func sumRun(_ x: Tensor, _ axes: ClosedRange<Int>) -> Tensor {
    var dimensions = x.shape.dimensions
    let outer = dimensions[..<axes.lowerBound].reduce(1, *)
    let reduced = dimensions[axes].reduce(1, *)
    let inner = dimensions[(axes.upperBound + 1)...].reduce(1, *)
    for axis in axes { dimensions[axis] = 1 }
    if reduced == 1 { return x.reshaped(to: Shape(dimensions)) }
    return Tensor(
      shape: Shape(dimensions),
      pointer: { out in
        x.withScalars { x in
          guard let x = x.baseAddress else { return }
          if inner == 1 {
            for i in 0..<outer { out[i] = Float(relate_sum(reduced, x + i * reduced)) }
            return
          }
          out.initialize(repeating: 0, count: outer * inner)
          for i in 0..<outer {
            relate_add_columns(reduced, inner, x + i * reduced * inner, out + i * inner)
          }
        }
      })
  }

  /// The axes of `target` along which `shape` is repeated when broadcast to it.
  public static func broadcastAxes(from shape: Shape, to target: Shape) -> [Int] {
    let missing = target.rank - shape.rank
    return (0..<target.rank).filter {
      $0 < missing || (shape.dimensions[$0 - missing] == 1 && target.dimensions[$0] != 1)
    }
  }

  /// The index within `x` of the largest element along the last axis, for every row: of several
  /// the first, and not-a-number is larger than all numbers.
  package static func largestElements(ofRows x: Tensor) -> [Int32] {
    let columns = x.shape[-1]
    require(columns > 0, "maximum over an empty axis of \(x.shape)")
    return x.withScalars { x in
      stride(from: 0, to: x.count, by: columns).map { start in
        var best = start
        for i in start..<start + columns where !(x[i] <= x[best]) {
          best = i
          if x[i].isNaN { break }
        }
        return Int32(best)
      }
    }
  }

  /// Softmax along the last axis, or its logarithm.
  public static func softmax(_ x: Tensor, logarithm: Bool = false) -> Tensor {
    let columns = x.shape[-1]
    return Tensor(
      shape: x.shape,
      pointer: { out in
        x.withScalars {
          relate_softmax($0.count / max(columns, 1), columns, $0.baseAddress, logarithm, out)
        }
      })
  }

  /// The mean over rows of `logits` of the cross-entropy with the given classes.
  public static func crossEntropy(_ logits: Tensor, labels: [Int32]) -> Tensor {
    let columns = logits.shape[-1]
    require(
      labels.count * columns == logits.count && areIndices(labels, below: columns),
      "cross-entropy: \(labels.count) labels for logits of \(logits.shape)")
    let logarithms = softmax(logits, logarithm: true)
    let chosen = labels.enumerated().map { $0.offset * columns + Int($0.element) }
    let sum = logarithms.withScalars { x in chosen.reduce(0.0) { $0 - Double(x[$1]) } }
    return Tensor(scalar: Float(sum / Double(labels.count)))
  }

  /// The mean over all elements of the binary cross-entropy of σ(logits) with `targets`.
  public static func binaryCrossEntropy(_ logits: Tensor, targets: Tensor) -> Tensor {
    require(
      logits.count == targets.count,
      "binary cross-entropy: targets \(targets.shape) for logits \(logits.shape)")
    let sum = logits.withScalars { x in
      targets.withScalars { t in
        Float(relate_binary_cross_entropy(x.count, x.baseAddress, t.baseAddress))
      }
    }
    return Tensor(scalar: sum / Float(logits.count))
  }
}

extension Tensor {
  /// For every row of the last axis, the position of its largest number, of several the first.
  ///
  /// A row that holds not-a-number has no answer, -1.
  public func largestOfRows() -> [Int32] {
    let columns = Int32(shape[-1])
    return withScalars { x in
      Kernels.largestElements(ofRows: self).map { x[Int($0)].isNaN ? -1 : $0 % columns }
    }
  }
}
