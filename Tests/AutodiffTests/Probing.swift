// Directional derivatives, by the tape and by differences.

import Tensors
import TestSupport

@testable import Autodiff

let context: ComputeContext = {
  do { return try ComputeContext() } catch { fatalError("\(error)") }
}()

/// Numbers from -1 to 1, the same for the same index.
func noise(_ shape: Shape, _ index: UInt64) -> Tensor {
  var random = CounterRandom(seed: 11, purpose: .trial, index: index)
  return Tensor(shape: shape) { scalars in
    for i in scalars.indices { scalars[i] = random.uniform(in: -1..<1) }
  }
}

/// Σ a b, summed in double precision.
func dot(_ a: Tensor, _ b: Tensor) -> Double {
  zip(a.scalars, b.scalars).reduce(0) { $0 + Double($1.0) * Double($1.1) }
}

func dot(_ a: [Tensor], _ b: [Tensor]) -> Double {
  zip(a, b).reduce(0) { $0 + dot($1.0, $1.1) }
}

/// x + h v.
func moved(_ x: [Tensor], _ v: [Tensor], by h: Float) -> [Tensor] {
  zip(x, v).map { x, v in
    Tensor(zip(x.scalars, v.scalars).map { $0 + h * $1 }, shape: x.shape)
  }
}

/// The derivative of `f` at 0 from four points; the error is of fourth order in h.
func slope(h: Float = 0.03, _ f: (Float) -> Double) -> Double {
  (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * Double(h))
}

/// The value of a function and the gradients of Σ value · weights.
struct Probe {
  let value: Tensor
  let gradients: [Tensor]
  /// The gradients of Σ gradients · directions.
  var second: [Tensor] = []
  /// The kinds of operation that the function recorded.
  var kinds: Set<Operation.Kind> = []

  init(
    _ body: ([Variable]) -> Variable, at inputs: [Tensor], weights: Tensor? = nil,
    directions: [Tensor]? = nil, context: ComputeContext = context
  ) {
    let tape = Tape(context: context)
    let variables = inputs.map { tape.variable($0) }
    let result = body(variables)
    value = result.value
    kinds = Set(tape.records.map(\.operation.kind))
    let weights = tape.constant(weights ?? noise(result.shape, 99))
    let first = gradient(
      of: result * weights, withRespectTo: variables, recording: directions != nil)
    gradients = first.map(\.value)
    guard let directions else { return }
    let projection = zip(first, directions).map { ($0 * tape.constant($1)).sum() }
      .reduce(tape.constant(.zeros([])), +)
    second = gradient(of: projection, withRespectTo: variables).map(\.value)
  }

  /// The largest distance of a value or gradient from another probe's.
  func distance(from other: Probe) -> Double {
    TestSupport.distance(
      of: [value] + gradients, from: [other.value] + other.gradients, by: .euclidean)
  }
}
