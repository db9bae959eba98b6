// The handshake's battery: whoever computes a step with other bits is told apart.

import Autodiff
import Learning
import NeuralNetworks
import Tensors
import Testing

@testable import Training

@Suite struct NumericsTests {
  /// What only moves numbers, or is computed for evaluations and not for a training step.
  private static let moving: Set<String> = [
    "leaf", "reshape", "transpose", "concatenate", "slice", "gatherRows", "broadcast",
  ]

  /// What the battery lacks of what a step of a task is made of.
  private func missing<Task: LearningTask>(_ task: Task) throws -> Set<String> {
    let context = try ComputeContext()
    let battery = OperationProfile()
    #expect(
      Numerics.fingerprint(of: context, profile: battery) == Numerics.fingerprint(of: context))
    let step = OperationProfile()
    let pass = ForwardPass(
      ParameterVector(initializing: task.facts.layout, seed: 1),
      mode: .training(seed: 1, step: 1, replica: 0), context: context, profile: step)
    let batch = try task.batch(Draw(training: [0, 1], seed: 1, step: 1, replica: 0))
    let prediction = task.model.predict(batch, in: pass)
    _ = pass.gradient(of: task.model.loss(of: prediction, for: batch, in: pass))
    return Set(step.entries.map(\.name)).subtracting(battery.entries.map(\.name))
      .subtracting(Self.moving)
  }

  @Test func theBatteryHasAllThatAStepIsMadeOf() throws {
    #expect(try missing(SyntheticTask()) == [])
    let data = try ToyPlace()
    let toy = try ToyFamily.open(ToySettings(), data: data.identity, at: data.place)
    #expect(try missing(toy) == [])
  }

  /// Refining a set takes gradients of gradients, whose parts no other step has.
  @Test func theBatteryHasAllThatAnInnerLoopIsMadeOf() throws {
    let context = try ComputeContext()
    let battery = OperationProfile()
    _ = Numerics.fingerprint(of: context, profile: battery)
    let loop = OperationProfile()
    var layout = ParameterLayout()
    let encoder = Perceptron("encoder", from: 3, through: [5, 4], activation: .tanh, in: &layout)
    let pairs = [(8, 6), (6, 5)].enumerated().map { index, widths in
      Linear("g.\(2 * index)", from: widths.0, to: widths.1, in: &layout)
    }
    let readout = Linear("f", from: 5, to: 2, in: &layout)
    let pass = ForwardPass(
      ParameterVector(initializing: layout, seed: 1),
      mode: .training(seed: 1, step: 1, replica: 0), context: context, profile: loop)
    let start = Tensor((0..<24).map { Float($0 % 5) - 2 }, shape: [2, 4, 3])
    let set = pass.tape.constant(start).innerStep(recording: true) { set in
      let sorted = encoder(set, in: pass).sorted(axis: 1).values
      let relations = Variable.relation(
        objects: sorted, weights: pairs.map { pass[$0.weight] }, biases: pairs.map { pass[$0.bias] }
      )
      let energy = readout(relations, in: pass)
      return set - gradient(of: energy * energy, withRespectTo: [set], recording: true)[0]
    }
    #expect(pass.gradient(of: (set * set).mean()).scalars.contains { $0 != 0 })
    // What only recorded gradients are made of.
    let recorded: Set = ["leakyReluGradient", "scatterRows"]
    #expect(recorded.isSubset(of: loop.entries.map(\.name)))
    let missing = Set(loop.entries.map(\.name)).subtracting(battery.entries.map(\.name))
    #expect(missing.subtracting(Self.moving) == [])
  }

  @Test func theBatteryDoesNotDependOnThreads() throws {
    let prints = try [1, 2, 3].map {
      Numerics.fingerprint(of: try ComputeContext(threadCount: $0))
    }
    #expect(Set(prints).count == 1)
  }
}
