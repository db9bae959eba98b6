// An inner loop of gradient steps, in training and in evaluation, as PyTorch computes it.

import Autodiff
import NeuralNetworks
import Tensors
import TestSupport
import Testing

/// An encoder of sets, and the loop that looks for a set of a given encoding.
private struct Refiner {
  var layout = ParameterLayout()
  let network: Perceptron
  let ranks: Parameter

  init(elements: Int = 4, features: Int = 3, widths: [Int] = [6, 5]) {
    network = Perceptron(
      "network", from: features, through: widths, activation: .tanh, in: &layout)
    ranks = layout.addParameter("ranks", [elements, widths[widths.count - 1]], .normal)
  }

  func callAsFunction(
    _ set: Variable, target: Variable, steps: Int, rate: Float = 0.1, in pass: ForwardPass
  ) -> Variable {
    var set = set
    for _ in 0..<steps {
      set = set.innerStep(recording: pass.isTraining) { set in
        let encoding = (network(set, in: pass).sorted(axis: 1).values * pass[ranks]).sum(axes: [1])
        let slopes = gradient(
          of: encoding.squaredErrorSum(target), withRespectTo: [set], recording: pass.isTraining)
        return set - rate * slopes[0]
      }
    }
    return set
  }
}

@Suite struct InnerLoopTests {
  private static let training = PassMode.training(seed: 1, step: 1, replica: 0)

  @Test(arguments: Arithmetic.onThisMachine(threads: [1, 2]))
  func trainingFollowsPyTorch(_ arithmetic: Arithmetic) throws {
    let refiner = Refiner()
    let golden = try Golden.file("inner_loops")
    let pass = ForwardPass(
      try ParameterVector(golden, layout: refiner.layout, prefix: "parameters."),
      mode: Self.training, context: try arithmetic.context())
    let set = pass.tape.variable(try golden.tensor("set"))
    let target = pass.tape.variable(try golden.tensor("target"))
    let result = refiner(set, target: target, steps: 5, in: pass)
    #expect(distance(of: result.value, from: try golden.tensor("result")) < 2e-6)
    let loss = (result * pass.tape.constant(try golden.tensor("upstream"))).sum()
    let slopes = gradient(of: loss, withRespectTo: [set, target]).map(\.value)
    for (slope, name) in zip(slopes, ["set", "target"]) {
      #expect(distance(of: slope, from: try golden.tensor("gradients.\(name)")) < 1e-5, "\(name)")
    }
    let flat = pass.gradient(of: loss)
    for parameter in refiner.layout.parameters {
      let found = flat.window(from: parameter.offset, shape: parameter.shape)
      let expected = try golden.tensor("gradients.\(parameter.name)")
      #expect(distance(of: found, from: expected) < 1e-5, "\(parameter.name)")
    }
  }

  @Test(arguments: Arithmetic.onThisMachine(threads: [1, 2]))
  func evaluationFollowsPyTorch(_ arithmetic: Arithmetic) throws {
    let refiner = Refiner()
    let golden = try Golden.file("inner_loops")
    let pass = ForwardPass(
      try ParameterVector(golden, layout: refiner.layout, prefix: "parameters."),
      mode: .evaluation, context: try arithmetic.context())
    let result = refiner(
      pass.tape.constant(try golden.tensor("set")),
      target: pass.tape.constant(try golden.tensor("target")), steps: 5, in: pass)
    #expect(distance(of: result.value, from: try golden.tensor("result")) < 2e-6)
    #expect(result.isConstant && pass.tape.recordCount == 0)
  }

  /// In a process of its own, because the memory of tensors is the process's.
  @Test func aHundredStepsOfAnEvaluationTakeTheMemoryOfThree() async {
    await #expect(processExitsWith: .success) {
      let refiner = Refiner(elements: 16, features: 10, widths: [64, 32])
      let pass = ForwardPass(
        ParameterVector(initializing: refiner.layout, seed: 1), mode: .evaluation,
        context: try ComputeContext())
      let target = pass.tape.constant(.zeros([8, 32]))
      var set = pass.tape.constant(
        Tensor((0..<8 * 16 * 10).map { Float($0 % 13) / 13 }, shape: [8, 16, 10]))
      set = refiner(set, target: target, steps: 3, rate: 1e-3, in: pass)
      let start = set.value.scalars
      let before = TensorMemory.current
      set = refiner(set, target: target, steps: 100, rate: 1e-3, in: pass)
      let after = TensorMemory.current
      #expect(after.peakBytesInUse == before.peakBytesInUse, "\(before) became \(after)")
      #expect(after.blocksTaken == before.blocksTaken, "\(before) became \(after)")
      #expect(pass.tape.recordCount == 0)
      #expect(distance(of: set.value, from: Tensor(start, shape: set.shape)) > 0.01)
    }
  }
}
