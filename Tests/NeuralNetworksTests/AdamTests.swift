// Adam against PyTorch's, and the freedom to update in pieces.

import NeuralNetworks
import Tensors
import TestSupport
import Testing

@Suite struct AdamTests {
  @Test func tenStepsFollowPyTorch() throws {
    let golden = try Golden.file()
    var parameters = try golden.tensor("adam/initial")
    let gradients = try golden.tensor("adam/gradients")
    let expected = try golden.tensor("adam/parameters")
    let count = parameters.count
    var moments = AdamMoments(count: count)
    for step in 1...10 {
      AdamStep(step, learningRate: 1e-3).update(
        &parameters, moments: &moments, in: 0..<count,
        gradient: gradients.window(from: (step - 1) * count, shape: [count]))
      let after = expected.window(from: (step - 1) * count, shape: [count])
      // One unit in the last place of the greatest parameter, per step.
      #expect(distance(of: parameters, from: after) < Double(step) * 1.2e-7, "step \(step)")
    }
    let first = try golden.tensor("adam/first")
    let second = try golden.tensor("adam/second")
    for i in 0..<count {
      #expect(abs(moments.first.scalars[i] / first.scalars[i] - 1) < 2e-6)
      #expect(abs(moments.second.scalars[i] / second.scalars[i] - 1) < 2e-6)
    }
  }

  /// By hand, in Double: with one gradient of 0.5 the first step is the learning rate itself.
  @Test func firstStepIsTheLearningRate() {
    var parameters = Tensor([1, 1, 1], shape: [3])
    var moments = AdamMoments(count: 3)
    AdamStep(1, learningRate: 0.25).update(
      &parameters, moments: &moments, in: 0..<3, gradient: Tensor([0.5, -4, 0], shape: [3]))
    #expect(distance(of: parameters, from: Tensor([0.75, 1.25, 1], shape: [3])) < 1e-6)
    #expect(distance(of: moments.first, from: Tensor([0.05, -0.4, 0], shape: [3])) < 1e-6)
    #expect(distance(of: moments.second, from: Tensor([0.00025, 0.016, 0], shape: [3])) < 1e-6)
  }

  @Test(arguments: [1, 7, 64, 300]) func rangesGiveTheBitsOfTheWhole(chunk: Int) {
    var random = CounterRandom(seed: 3, purpose: .trial, index: 0)
    func draw() -> Tensor {
      Tensor((0..<1000).map { _ in random.uniform(in: -1..<1) }, shape: [1000])
    }
    let initial = draw()
    var whole = (initial, AdamMoments(count: 1000))
    var pieces = whole
    for step in 1...3 {
      let gradient = draw()
      let adam = AdamStep(step, learningRate: 0.01)
      adam.update(&whole.0, moments: &whole.1, in: 0..<1000, gradient: gradient)
      for start in stride(from: 0, to: 1000, by: chunk).reversed() {
        let range = start..<min(start + chunk, 1000)
        adam.update(
          &pieces.0, moments: &pieces.1, in: range,
          gradient: gradient.window(from: start, shape: [range.count]))
      }
    }
    #expect(whole.0 == pieces.0)
    #expect(whole.1 == pieces.1)
    #expect(whole.0 != initial)
  }

  @Test func unusableSettingsAreNamed() {
    #expect(AdamSettings().problem == nil)
    #expect(AdamSettings(beta1: 1).problem?.contains("beta1 is 1.0") == true)
    #expect(AdamSettings(beta2: -0.5).problem?.contains("beta2") == true)
    // The last two are not what they seem as `Float`.
    for epsilon in [Double.nan, 0, 1e-46, 1e39] {
      #expect(AdamSettings(epsilon: epsilon).problem?.contains("epsilon") == true, "\(epsilon)")
    }
  }
}
