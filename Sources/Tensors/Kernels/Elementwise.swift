// Operations on one element at a time, with broadcasting.

import CKernels

extension Kernels {
  /// An operation on two numbers.
  public enum Binary: Sendable {
    /// a + b
    case add
    /// a - b
    case subtract
    /// a b
    case multiply
    /// a / b
    case divide
    /// a where b > 0, and slope · a elsewhere: the derivative of leaky ReLU at b applied to a.
    case leakyReluGradient(slope: Float)

    var code: relate_binary_operation {
      switch self {
      case .add: RELATE_ADD
      case .subtract: RELATE_SUBTRACT
      case .multiply: RELATE_MULTIPLY
      case .divide: RELATE_DIVIDE
      case .leakyReluGradient: RELATE_LEAKY_RELU_GRADIENT
      }
    }
  }

  /// An operation on one number.
  public enum Unary: Sendable {
    /// x · factor
    case scale(Float)
    /// x + term
    case offset(Float)
    /// x where it is not negative, slope · x elsewhere.
    case leakyRelu(slope: Float)
    /// eˣ
    case exp
    /// ln x
    case log
    /// tanh x
    case tanh
    /// 1 / (1 + e⁻ˣ)
    case sigmoid
    /// √x
    case squareRoot

    var code: (relate_unary_operation, Float) {
      switch self {
      case .scale(let factor): (RELATE_SCALE, factor)
      case .offset(let term): (RELATE_OFFSET, term)
      case .leakyRelu(let slope): (RELATE_LEAKY_RELU, slope)
      case .exp: (RELATE_EXP, 0)
      case .log: (RELATE_LOG, 0)
      case .tanh: (RELATE_TANH, 0)
      case .sigmoid: (RELATE_SIGMOID, 0)
      case .squareRoot: (RELATE_SQUARE_ROOT, 0)
      }
    }
  }

  /// The shape that two shapes broadcast to: extents of 1 stretch, missing leading axes are 1.
  public static func broadcastShape(_ a: Shape, _ b: Shape) -> Shape {
    let rank = max(a.rank, b.rank)
    return Shape(
      (0..<rank).map { axis in
        let x = axis < rank - a.rank ? 1 : a.dimensions[axis - rank + a.rank]
        let y = axis < rank - b.rank ? 1 : b.dimensions[axis - rank + b.rank]
        require(x == y || x == 1 || y == 1, "broadcast: \(a) with \(b)")
        return x == 1 ? y : x
      })
  }

  /// The operation on corresponding elements, shapes broadcast.
  public static func binary(_ operation: Binary, _ a: Tensor, _ b: Tensor) -> Tensor {
    var parameter: Float = 0
    if case .leakyReluGradient(let slope) = operation { parameter = slope }
    let shape = a.shape == b.shape ? a.shape : broadcastShape(a.shape, b.shape)
    return Tensor(
      shape: shape,
      pointer: { out in
        a.withScalars { x in
          b.withScalars { y in
            guard let x = x.baseAddress, let y = y.baseAddress, shape.count > 0 else { return }
            forEachRun(shape, a.shape, b.shape) { start, count, i, iVaries, j, jVaries in
              relate_binary(
                operation.code, count, x + i, iVaries, y + j, jVaries, parameter, out + start)
            }
          }
        }
      })
  }

  /// The operation on every element.
  public static func unary(_ operation: Unary, _ x: Tensor) -> Tensor {
    let (code, parameter) = operation.code
    return Tensor(
      shape: x.shape,
      pointer: { out in
        x.withScalars { relate_unary(code, $0.count, $0.baseAddress, parameter, out) }
      })
  }

  /// xᵖ for every element: whole exponents by multiplication, others (x > 0) by logarithm.
  public static func power(_ x: Tensor, _ exponent: Float) -> Tensor {
    if exponent == 0.5 { return unary(.squareRoot, x) }
    if exponent < 0 { return binary(.divide, Tensor(scalar: 1), power(x, -exponent)) }
    guard exponent == exponent.rounded(), exponent < 0x1p20 else {
      return unary(.exp, unary(.scale(exponent), unary(.log, x)))
    }
    var remaining = Int(exponent)
    var square = x
    var result: Tensor?
    while remaining > 0 {
      if remaining % 2 == 1 { result = result.map { binary(.multiply, $0, square) } ?? square }
      remaining /= 2
      if remaining > 0 { square = binary(.multiply, square, square) }
    }
    return result ?? Tensor(repeating: 1, shape: x.shape)
  }

  /// `x` repeated along its axes of extent 1 (and new leading ones) up to `shape`.
  public static func broadcast(_ x: Tensor, to shape: Shape) -> Tensor {
    if x.shape == shape { return x }
    require(broadcastShape(x.shape, shape) == shape, "broadcast: \(x.shape) to \(shape)")
    // Adding -0 leaves every number as it is, 0 and -0 included.
    var nothing: Float = -0.0
    return Tensor(
      shape: shape,
      pointer: { out in
        x.withScalars { scalars in
          guard let scalars = scalars.baseAddress, shape.count > 0 else { return }
          forEachRun(shape, x.shape, []) { start, count, i, varies, _, _ in
            relate_binary(RELATE_ADD, count, scalars + i, varies, &nothing, false, 0, out + start)
          }
        }
      })
  }

  /// Adds `x` to `sum` in place.
  public static func accumulate(_ x: Tensor, into sum: inout Tensor) {
    require(x.shape == sum.shape, "accumulate: \(x.shape) into \(sum.shape)")
    sum.withMutableScalars { sum in
      x.withScalars { relate_add_scaled($0.count, 1, $0.baseAddress, sum.baseAddress) }
    }
  }
}
