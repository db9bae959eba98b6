// How broadcast operands are walked: as few, as long runs as possible.

/// Calls `body(start, count, i, iVaries, j, jVaries)` for runs of consecutive elements of `shape`:
/// the first operand's elements start at i and advance (or stay, if not `iVaries`), and likewise j.
func forEachRun(
  _ shape: Shape, _ a: Shape, _ b: Shape,
  _ body: (Int, Int, Int, Bool, Int, Bool) -> Void
) {
  let axes = coalesced(shape, a, b)
  guard let inner = axes.last else { return body(0, 1, 0, false, 0, false) }
  var index = [Int](repeating: 0, count: axes.count - 1)
  var (i, j) = (0, 0)
  for start in stride(from: 0, to: shape.count, by: inner.extent) {
    body(start, inner.extent, i, inner.a != 0, j, inner.b != 0)
    var axis = index.count - 1
    while axis >= 0 {
      index[axis] += 1
      i += axes[axis].a
      j += axes[axis].b
      if index[axis] < axes[axis].extent { break }
      i -= axes[axis].a * axes[axis].extent
      j -= axes[axis].b * axes[axis].extent
      index[axis] = 0
      axis -= 1
    }
  }
}

/// An axis of the result with the distance between neighbours in both operands, 0 if repeated.
private struct WalkedAxis {
  var extent: Int
  var a: Int
  var b: Int
}

/// The axes of the result, neighbours merged where both operands run on through them.
private func coalesced(_ shape: Shape, _ a: Shape, _ b: Shape) -> [WalkedAxis] {
  func steps(_ operand: Shape) -> [Int] {
    let missing = [Int](repeating: 0, count: shape.rank - operand.rank)
    return missing + zip(operand.dimensions, operand.strides).map { $0 == 1 ? 0 : $1 }
  }
  let (stepsOfA, stepsOfB) = (steps(a), steps(b))
  var axes: [WalkedAxis] = []
  for axis in 0..<shape.rank where shape.dimensions[axis] != 1 {
    let next = WalkedAxis(extent: shape.dimensions[axis], a: stepsOfA[axis], b: stepsOfB[axis])
    if let last = axes.last, last.a == next.a * next.extent, last.b == next.b * next.extent {
      axes[axes.count - 1] = WalkedAxis(extent: last.extent * next.extent, a: next.a, b: next.b)
    } else {
      axes.append(next)
    }
  }
  return axes
}
