// The Set Refiner Network's inner loop, differentiated from end to end.

import Tensors
import Testing

@testable import Autodiff

@Suite struct InnerLoopTests {
  /// S ← S - α ∂‖H(S) - z‖²/∂S, five times, with H an encoder of sets (Huang et al. 2020, section 3).
  private func refine(_ x: [Variable], pooling: (Variable) -> Variable) -> Variable {
    let (weights, target) = (Array(x[1..<5]), x[5])
    var set = x[0]
    for _ in 0..<5 {
      let encoded = pooling(
        set.affine(weight: weights[0], bias: weights[1]).tanh()
          .affine(weight: weights[2], bias: weights[3]))
      let loss = encoded.squaredErrorSum(target)
      set = set - 0.05 * gradient(of: loss, withRespectTo: [set], recording: true)[0]
    }
    return set
  }

  private static let shapes: [Shape] = [[2, 4, 3], [6, 3], [6], [5, 6], [5], [2, 5]]

  @Test(arguments: [false, true])
  func endToEndGradientAgreesWithDifferences(sorts: Bool) {
    let body: ([Variable]) -> Variable = { x in
      refine(x) { features in
        guard sorts else { return features.sum(axes: [1]) }
        let ranks = features.tape.constant(Tensor([0.7, -0.2, 0.4, 1.1], shape: [4, 1]))
        return (features.sorted(axis: 1).values * ranks).sum(axes: [1])
      }
    }
    let inputs = Self.shapes.enumerated().map { noise($1, UInt64($0)) }
    let v = inputs.enumerated().map { noise($1.shape, 50 + UInt64($0)) }
    let probe = Probe(body, at: inputs)
    let weights = noise(probe.value.shape, 99)
    let byTape = dot(probe.gradients, v)
    let byDifferences = slope(h: 0.002) { h in
      dot(Probe(body, at: moved(inputs, v, by: h)).value, weights)
    }
    #expect(
      abs(byTape - byDifferences) < 2e-3 * max(1, abs(byTape)), "\(byTape), \(byDifferences)")
  }
}
