// A training step in the steady state takes no tensor memory from the system.

import Autodiff
import NeuralNetworks
import Tensors
import Testing

@testable import RelationNetworks

/// Each in a process of its own, because the memory of tensors is the process's.
@Suite struct StepMemoryTests {
  @Test func aDenseStepReusesTheMemoryOfTheOneBefore() async {
    await #expect(processExitsWith: .success) {
      let model = try BenchmarkModel(name: "sort-of-clevr-small")
      let inputs = model.randomInputs(batch: 4, seed: 0)
      var training = Training(of: model.layout)
      func step() {
        training.step { model.forward(inputs, in: $0).loss }
      }
      for _ in 0..<2 { step() }
      let before = TensorMemory.current
      for _ in 0..<5 { step() }
      let after = TensorMemory.current
      precondition(before.blocksTaken > 20, "the steps' memory is not counted")
      precondition(after.blocksTaken == before.blocksTaken, "\(before) became \(after)")
      precondition(after.bytesInUse == before.bytesInUse, "\(before) became \(after)")
    }
  }

  @Test func raggedStepsShareTheMemoryOfEarlierOnes() async {
    await #expect(processExitsWith: .success) {
      var layout = ParameterLayout()
      let network = RelationNetwork(
        "rn", objectFeatures: 20, questionFeatures: 8, pairWidths: [64, 64, 64],
        readoutWidths: [32, 7], in: &layout)
      var training = Training(of: layout)
      var random = CounterRandom(seed: 3, purpose: .trial, index: 0)
      func step() {
        // The batch's longest set decides its extent; the others are shorter.
        let counts = (0..<16).map { _ in 4 + Int(random.integer(below: 12)) }
        let objects = Tensor(repeating: 0.5, shape: [16, counts.max() ?? 0, 20])
        let question = Tensor(repeating: 0.25, shape: [16, 8])
        let labels = (0..<16).map { _ in Int32(random.integer(below: 7)) }
        training.step { pass in
          network(
            pass.tape.constant(objects), question: pass.tape.constant(question),
            objectCounts: counts, in: pass
          ).crossEntropy(labels: labels)
        }
      }
      for _ in 0..<30 { step() }
      let before = TensorMemory.current
      for _ in 0..<30 { step() }
      let after = TensorMemory.current
      precondition(after.blocksTaken == before.blocksTaken, "\(before) became \(after)")
      precondition(after.bytesHeld < 2 * after.peakBytesInUse, "\(after) is mostly waste")
    }
  }
}

/// Forward, backward and Adam.
private struct Training {
  private let context: ComputeContext
  private var values: ParameterVector
  private var moments: AdamMoments
  private var count = 0

  init(of layout: ParameterLayout) {
    do { context = try ComputeContext(threadCount: 1) } catch { fatalError("\(error)") }
    values = ParameterVector(initializing: layout, seed: 0)
    moments = AdamMoments(count: layout.parameterCount)
  }

  mutating func step(_ loss: (ForwardPass) -> Variable) {
    count += 1
    let gradient = gradient(of: loss)
    AdamStep(count, learningRate: 1e-4).update(
      &values.parameters, moments: &moments, in: 0..<gradient.count, gradient: gradient)
  }

  /// In a function of its own, so that the pass is gone before Adam writes the parameters.
  private func gradient(of loss: (ForwardPass) -> Variable) -> Tensor {
    let pass = ForwardPass(
      values, mode: .training(seed: 0, step: count, replica: 0), context: context)
    return pass.gradient(of: loss(pass))
  }
}
