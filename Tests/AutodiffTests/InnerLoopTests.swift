// The Set Refiner Network's inner loop, differentiated from end to end.

import Tensors
import TestSupport
import Testing

@testable import Autodiff

@Suite struct InnerLoopTests {
  /// What makes one vector of a set's features.
  enum Pooling: CaseIterable { case sum, sorting, relation }

  /// S ← S - α ∂‖H(S) - z‖²/∂S, five times, with H an encoder of sets (Huang and others, 2020,
  /// section 3).
  private func refine(_ x: [Variable], _ pooling: Pooling, recording: Bool = true) -> Variable {
    let (weights, target) = (Array(x[1..<5]), x[5])
    let ranks = x[0].tape.constant(Tensor([0.7, -0.2, 0.4, 1.1], shape: [4, 1]))
    return (0..<5).reduce(x[0]) { set, _ in
      set.innerStep(recording: recording) { set in
        let features = set.affine(weight: weights[0], bias: weights[1]).tanh()
          .affine(weight: weights[2], bias: weights[3])
        let encoded =
          switch pooling {
          case .sum: features.sum(axes: [1])
          case .sorting: (features.sorted(axis: 1).values * ranks).sum(axes: [1])
          // Weights and biases that keep every ReLU on.
          case .relation:
            Variable.relation(
              objects: features, weights: [x[6] * 0.1, x[8] * 0.1], biases: [x[7] + 3, x[9] + 3])
              * 0.02
          }
        let loss = encoded.squaredErrorSum(target)
        return set - 0.05 * gradient(of: loss, withRespectTo: [set], recording: recording)[0]
      }
    }
  }

  private static let shapes: [Shape] = [
    [2, 4, 3], [6, 3], [6], [5, 6], [5], [2, 5], [7, 10], [7], [5, 7], [5],
  ]

  @Test(
    arguments: Pooling.allCases, Arithmetic.onThisMachine(in: [.fp32], threads: [1, 2]))
  func endToEndGradientAgreesWithDifferences(
    _ pooling: Pooling, _ arithmetic: Arithmetic
  ) throws {
    let context = try arithmetic.context()
    let body: ([Variable]) -> Variable = { refine($0, pooling) }
    let inputs = Self.shapes.enumerated().map { noise($1, UInt64($0)) }
    let v = inputs.enumerated().map { noise($1.shape, 50 + UInt64($0)) }
    let probe = Probe(body, at: inputs, context: context)
    let weights = noise(probe.value.shape, 99)
    let byTape = dot(probe.gradients, v)
    let byDifferences = slope(h: 0.002) { h in
      dot(Probe(body, at: moved(inputs, v, by: h), context: context).value, weights)
    }
    #expect(distance(of: byTape, from: byDifferences) < 2e-3, "\(byTape), \(byDifferences)")
  }

  /// An evaluation takes the fast gradients, training those of the composition.
  @Test(arguments: Pooling.allCases, Arithmetic.onThisMachine(threads: [1, 2]))
  func evaluationIsTheLoopThatIsTrained(_ pooling: Pooling, _ arithmetic: Arithmetic) throws {
    let tape = Tape(context: try arithmetic.context())
    let constants = Self.shapes.enumerated().map { tape.constant(noise($1, UInt64($0))) }
    let trained = refine(constants, pooling)
    let evaluated = refine(constants, pooling, recording: false)
    #expect(!trained.isConstant && evaluated.isConstant)
    let tolerance = arithmetic.precision == .bf16 && pooling == .relation ? 0.03 : 1e-6
    #expect(distance(of: evaluated.value, from: trained.value, by: .euclidean) < tolerance)
  }
}
