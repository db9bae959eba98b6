// A tiny network that learns one batch by heart, loss by loss as PyTorch's does.

import Autodiff
import NeuralNetworks
import Tensors
import TestSupport
import Testing

@Suite struct LearningTests {
  @Test(arguments: Arithmetic.onThisMachine(in: [.fp32], threads: [1, 2]))
  func tenLossesFollowPyTorch(_ arithmetic: Arithmetic) throws {
    let golden = try Golden.file()
    var layout = ParameterLayout()
    let model = Perceptron("layer", from: 4, through: [8, 3], in: &layout)
    var values = try ParameterVector(golden, layout: layout, prefix: "training/parameters/")
    let input = try golden.tensor("training/input")
    let labels = try golden.integers("training/labels").map(Int32.init)
    let context = try arithmetic.context()
    var moments = AdamMoments(count: layout.parameterCount)
    var losses: [Float] = []
    for step in 1...10 {
      let pass = ForwardPass(
        values, mode: .training(seed: 1, step: step, replica: 0), context: context)
      let loss = model(pass.tape.constant(input), in: pass).crossEntropy(labels: labels)
      losses.append(loss.value.item)
      AdamStep(step, learningRate: 0.05).update(
        &values.parameters, moments: &moments, in: 0..<layout.parameterCount,
        gradient: pass.gradient(of: loss))
    }
    let expected = try golden.tensor("training/losses").scalars
    for (step, (loss, golden)) in zip(losses, expected).enumerated() {
      #expect(abs(loss / golden - 1) < 2e-5, "step \(step + 1): \(loss), PyTorch \(golden)")
    }
    #expect(losses[9] < 0.7 * losses[0])
  }
}
