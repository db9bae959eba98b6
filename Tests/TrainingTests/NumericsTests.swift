// The handshake's battery: whoever computes a step with other bits is told apart.

import Autodiff
import NeuralNetworks
import RelationNetworks
import Tensors
import Testing

@testable import Training

@Suite struct NumericsTests {
  /// What only moves numbers, or is computed for evaluations and not for a training step.
  private static let moving: Set<String> = [
    "leaf", "reshape", "transpose", "concatenate", "slice", "gatherRows", "broadcast",
  ]

  @Test(arguments: BenchmarkModel.names)
  func theBatteryHasAllThatAStepIsMadeOf(name: String) throws {
    let context = try ComputeContext()
    let battery = OperationProfile()
    #expect(
      Numerics.fingerprint(of: context, profile: battery) == Numerics.fingerprint(of: context))
    let step = OperationProfile()
    let model = try BenchmarkModel(name: name)
    let pass = ForwardPass(
      ParameterVector(initializing: model.layout, seed: 1),
      mode: .training(seed: 1, step: 1, replica: 0), context: context, profile: step)
    _ = pass.gradient(of: model.forward(model.randomInputs(batch: 2, seed: 1), in: pass).loss)
    let missing = Set(step.entries.map(\.name)).subtracting(battery.entries.map(\.name))
    #expect(missing.subtracting(Self.moving) == [])
  }

  @Test func theBatteryDoesNotDependOnThreads() throws {
    let prints = try [1, 2, 3].map {
      Numerics.fingerprint(of: try ComputeContext(threadCount: $0))
    }
    #expect(Set(prints).count == 1)
  }
}
