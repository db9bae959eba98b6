// What one evaluation of a model depends on.

import Autodiff
import NeuralNetworks
import Tensors
import Testing

@Suite struct ForwardPassTests {
  private static let training = PassMode.training(seed: 1, step: 1, replica: 0)

  @Test func gradientIsZeroForWhatWasNotUsed() throws {
    var layout = ParameterLayout()
    let idle = Linear("idle", from: 2, to: 2, in: &layout)
    let used = Linear("used", from: 2, to: 2, in: &layout)
    let read = Linear("read", from: 2, to: 2, in: &layout)
    let pass = ForwardPass(
      ParameterVector(initializing: layout, seed: 1), mode: Self.training,
      context: try ComputeContext())
    let x = pass.tape.constant(Tensor([1, 2], shape: [1, 2]))
    _ = read(x, in: pass)
    let gradient = pass.gradient(of: used(x, in: pass).sum()).scalars
    #expect(gradient.count == layout.parameterCount)
    #expect(Array(gradient[used.weight.range]) == [1, 2, 1, 2])
    #expect(Array(gradient[used.bias.range]) == [1, 1])
    for parameter in [idle.weight, idle.bias, read.weight, read.bias] {
      #expect(gradient[parameter.range].allSatisfy { $0 == 0 }, "\(parameter.name)")
    }
  }

  /// A parameter that is read twice is one variable, so its gradients add up.
  @Test func sharedParametersAddUp() throws {
    var layout = ParameterLayout()
    let layer = Linear("layer", from: 1, to: 1, in: &layout)
    let pass = ForwardPass(
      ParameterVector(initializing: layout, seed: 1), mode: Self.training,
      context: try ComputeContext())
    let a = layer(pass.tape.constant(Tensor([2], shape: [1, 1])), in: pass)
    let b = layer(pass.tape.constant(Tensor([5], shape: [1, 1])), in: pass)
    #expect(pass.gradient(of: (a + b).sum()).scalars == [7, 2])
  }

  @Test func anEvaluationRecordsNothing() throws {
    var layout = ParameterLayout()
    let network = Perceptron("network", from: 3, through: [4, 2], in: &layout)
    let norm = BatchNormalization("norm", channels: 2, in: &layout)
    let pass = ForwardPass(
      ParameterVector(initializing: layout, seed: 1), mode: .evaluation,
      context: try ComputeContext())
    let x = pass.tape.constant(Tensor(repeating: 0.5, shape: [5, 3]))
    let y = norm(network(x, in: pass), in: pass)
    withExtendedLifetime(y) { #expect(pass.tape.recordCount == 0 && y.isConstant) }
  }

  @Test func theParametersGradientIsRefusedInAnEvaluation() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var layout = ParameterLayout()
      let layer = Linear("layer", from: 1, to: 1, in: &layout)
      let pass = ForwardPass(
        ParameterVector(initializing: layout, seed: 1), mode: .evaluation,
        context: try ComputeContext())
      let x = pass.tape.variable(.zeros([3, 1]))
      _ = pass.gradient(of: layer(x, in: pass))
    }
    let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
    #expect(message.contains("reshape [3, 1]") || message.contains("affine [3, 1]"))
  }

  private func dropped(_ mode: PassMode, layer: Int = 0) throws -> [Float] {
    let pass = ForwardPass(
      ParameterVector(initializing: ParameterLayout(), seed: 1), mode: mode,
      context: try ComputeContext())
    let dropout = Dropout(probability: 0.25)
    let ones = pass.tape.constant(Tensor(repeating: 1, shape: [40, 50]))
    for _ in 0..<layer { _ = dropout(ones, in: pass) }
    return dropout(ones, in: pass).value.scalars
  }

  @Test func dropoutDependsOnSeedStepReplicaAndLayer() throws {
    let mask = try dropped(.training(seed: 1, step: 1, replica: 0))
    #expect(try dropped(.training(seed: 1, step: 1, replica: 0)) == mask)
    #expect(try dropped(.training(seed: 2, step: 1, replica: 0)) != mask)
    #expect(try dropped(.training(seed: 1, step: 2, replica: 0)) != mask)
    #expect(try dropped(.training(seed: 1, step: 1, replica: 1)) != mask)
    #expect(try dropped(.training(seed: 1, step: 1, replica: 0), layer: 1) != mask)
    #expect(try dropped(.evaluation).allSatisfy { $0 == 1 })
  }

  @Test func dropoutKeepsTheMean() throws {
    let mask = try dropped(.training(seed: 1, step: 1, replica: 0))
    #expect(mask.allSatisfy { $0 == 0 || abs($0 - 4 / 3) < 1e-6 })
    let share = Float(mask.count { $0 == 0 }) / Float(mask.count)
    #expect(abs(share - 0.25) < 0.04)
  }

  @Test func initialValuesOfAParameterDoNotDependOnLaterOnes() throws {
    var layout = ParameterLayout()
    let layer = Linear("first", from: 3, to: 3, in: &layout)
    let before = ParameterVector(initializing: layout, seed: 4).value(of: layer.weight)
    _ = Linear("second", from: 3, to: 3, in: &layout)
    let values = ParameterVector(initializing: layout, seed: 4)
    #expect(values.value(of: layer.weight) == before)
    #expect(values != ParameterVector(initializing: layout, seed: 5))
  }
}
