// What can be done with the numbers of variables.

import Tensors

extension Variable {
  /// The sum of corresponding elements; shapes broadcast.
  public static func + (a: Variable, b: Variable) -> Variable { a.tape.apply(.add, [a, b]) }
  /// The difference of corresponding elements; shapes broadcast.
  public static func - (a: Variable, b: Variable) -> Variable { a.tape.apply(.subtract, [a, b]) }
  /// The product of corresponding elements; shapes broadcast.
  public static func * (a: Variable, b: Variable) -> Variable { a.tape.apply(.multiply, [a, b]) }
  /// The quotient of corresponding elements; shapes broadcast.
  public static func / (a: Variable, b: Variable) -> Variable { a.tape.apply(.divide, [a, b]) }

  /// Every element plus a number.
  public static func + (a: Variable, b: Float) -> Variable { a.applying(.offset(b)) }
  /// A number plus every element.
  public static func + (a: Float, b: Variable) -> Variable { b + a }
  /// Every element minus a number.
  public static func - (a: Variable, b: Float) -> Variable { a + -b }
  /// A number minus every element.
  public static func - (a: Float, b: Variable) -> Variable { -b + a }
  /// Every element times a number.
  public static func * (a: Variable, b: Float) -> Variable { a.applying(.scale(b)) }
  /// A number times every element.
  public static func * (a: Float, b: Variable) -> Variable { b * a }
  /// Every element divided by a number.
  public static func / (a: Variable, b: Float) -> Variable { a * (1 / b) }
  /// A number divided by every element.
  public static func / (a: Float, b: Variable) -> Variable {
    b.tape.constant(Tensor(scalar: a)) / b
  }
  /// Every element with the opposite sign.
  public static prefix func - (a: Variable) -> Variable { a * -1 }

  /// max(x, 0).
  public func relu() -> Variable { leakyRelu(slope: 0) }
  /// x where it is positive, slope · x elsewhere.
  public func leakyRelu(slope: Float) -> Variable {
    // So that the sign of the result is that of x, which the derivative relies on.
    require(slope >= 0, "leakyRelu: slope \(slope) is negative")
    return applying(.leakyRelu(slope: slope))
  }
  /// 1 / (1 + e⁻ˣ).
  public func sigmoid() -> Variable { applying(.sigmoid) }
  /// The hyperbolic tangent.
  public func tanh() -> Variable { applying(.tanh) }
  /// eˣ.
  public func exp() -> Variable { applying(.exp) }
  /// The natural logarithm.
  public func log() -> Variable { applying(.log) }
  /// √x.
  public func squareRoot() -> Variable { applying(.squareRoot) }
  /// xᵖ; a fractional p needs x > 0.
  public func power(_ exponent: Float) -> Variable { applying(.power(exponent)) }

  /// The sum over axes (all, if nil); negative axes count from the last.
  public func sum(axes: [Int]? = nil, keepingAxes: Bool = false) -> Variable {
    let axes = axes?.map { shape.normalized(axis: $0) } ?? Array(0..<shape.rank)
    let sum = axes.isEmpty ? self : applying(.sum(axes: axes))
    return keepingAxes ? sum : sum.dropping(axes)
  }

  /// The mean over axes (all, if nil).
  public func mean(axes: [Int]? = nil, keepingAxes: Bool = false) -> Variable {
    let axes = axes?.map { shape.normalized(axis: $0) } ?? Array(0..<shape.rank)
    let count = axes.reduce(1) { $0 * shape.dimensions[$1] }
    return sum(axes: axes, keepingAxes: keepingAxes) * (1 / Float(count))
  }

  /// The largest element along axes (all, if nil); of several equal ones, the first counts.
  public func max(axes: [Int]? = nil, keepingAxes: Bool = false) -> Variable {
    let axes = Set(axes?.map { shape.normalized(axis: $0) } ?? Array(0..<shape.rank)).sorted()
    let kept = (0..<shape.rank).filter { !axes.contains($0) }
    let keptExtents = kept.map { shape.dimensions[$0] }
    let rows = transposed(kept + axes).reshaped(
      to: [keptExtents.reduce(1, *), axes.reduce(1) { $0 * shape.dimensions[$1] }])
    let largest = rows.reshaped(to: [rows.shape.count]).gathered(
      rows: Kernels.largestElements(ofRows: rows.value))
    let result = Shape(
      keepingAxes
        ? (0..<shape.rank).map { axes.contains($0) ? 1 : shape.dimensions[$0] } : keptExtents)
    return largest.reshaped(to: result)
  }

  /// The product of the last two axes' matrices, either transposed where asked:
  /// `[..., m, k]` x `[..., k, n]` -> `[..., m, n]`.
  ///
  /// Leading axes agree, or one operand is a plain matrix used for all.
  public func matrixProduct(
    _ other: Variable, transposingSelf transposeA: Bool = false,
    transposingOther transposeB: Bool = false
  ) -> Variable {
    let (a, b) = (shape.dimensions, other.shape.dimensions)
    require(a.count >= 2 && b.count >= 2, "matrix product: \(shape) x \(other.shape)")
    if a.count > 2 && b.count == 2 && !transposeA {
      let rows = reshaped(to: [a.dropLast().reduce(1, *), a[a.count - 1]])
      let product = rows.matrixProduct(other, transposingOther: transposeB)
      return product.reshaped(to: Shape(a.dropLast() + [product.shape[-1]]))
    }
    if a.count > b.count && b.count == 2 {
      return matrixProduct(
        other.broadcast(to: Shape(a.dropLast(2) + b)), transposingSelf: transposeA,
        transposingOther: transposeB)
    }
    if b.count > a.count && a.count == 2 {
      return broadcast(to: Shape(b.dropLast(2) + a)).matrixProduct(
        other, transposingSelf: transposeA, transposingOther: transposeB)
    }
    return tape.apply(
      .matrixProduct(transposeA: transposeA, transposeB: transposeB), [self, other])
  }

  /// Softmax along an axis.
  public func softmax(axis: Int = -1) -> Variable { alongLast(axis) { $0.applying(.softmax) } }

  /// The logarithm of softmax along an axis.
  public func logSoftmax(axis: Int = -1) -> Variable {
    alongLast(axis) { $0.applying(.logSoftmax) }
  }

  /// The sum over the axes along which `shape` broadcasts to this one.
  func summed(to shape: Shape) -> Variable {
    if shape == self.shape { return self }
    let axes = Kernels.broadcastAxes(from: shape, to: self.shape)
    return sum(axes: axes, keepingAxes: true).reshaped(to: shape)
  }

  private func dropping(_ axes: [Int]) -> Variable {
    reshaped(
      to: Shape(shape.dimensions.enumerated().filter { !axes.contains($0.offset) }.map(\.element)))
  }

  /// Applies what works along the last axis along another one.
  func alongLast(_ axis: Int, _ body: (Variable) -> Variable) -> Variable {
    let axis = shape.normalized(axis: axis)
    if axis == shape.rank - 1 { return body(self) }
    var exchange = Array(0..<shape.rank)
    exchange.swapAt(axis, shape.rank - 1)
    return body(transposed(exchange)).transposed(exchange)
  }
}
