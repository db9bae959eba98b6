// Parts of a model that training leaves as they are.

import Autodiff
import NeuralNetworks
import Tensors
import TestSupport
import Testing

@Suite struct FrozenTests {
  /// A convolution with its normalisation, whose output a linear layer of nearly the same name reads.
  private struct Model {
    var layout = ParameterLayout()
    let convolution: Convolution
    let norm: BatchNormalization
    let readout: Linear
    let values: ParameterVector

    init() {
      convolution = Convolution("conv.0", from: 1, to: 2, kernel: 2, in: &layout)
      norm = BatchNormalization("conv.1", channels: 2, in: &layout)
      readout = Linear("convolution", from: 8, to: 3, in: &layout)
      var values = ParameterVector(initializing: layout, seed: 3)
      // No mean is zero and no variance one, and neither survives being folded with itself.
      values.statistics = Tensor([0.3, -0.7, 1.3, 0.9], shape: [4])
      self.values = values
    }

    func callAsFunction(_ image: Tensor, in pass: ForwardPass) -> Variable {
      let map = norm(convolution(pass.tape.constant(image), in: pass), in: pass)
      return readout(map.reshaped(to: [image.shape[0], 8]), in: pass)
    }

    func pass(_ mode: PassMode, frozen: FrozenParameters) throws -> ForwardPass {
      ForwardPass(values, mode: mode, context: try ComputeContext(), frozen: frozen)
    }
  }

  private let model = Model()
  private let training = PassMode.training(seed: 1, step: 1, replica: 0)
  private let image = Tensor((0..<27).map { Float($0 % 7) - 2 }, shape: [3, 1, 3, 3])

  @Test(
    arguments: [
      (["conv"], "conv", true), (["conv"], "conv.0.weight", true),
      (["conv"], "convolution.weight", false), (["conv"], "rn.conv.weight", false),
      (["conv.0", "rn"], "rn.f.0.bias", true), (["conv.0"], "conv.1.running_mean", false),
      (["conv.0"], "conv", false), ([], "conv", false),
    ] as [([String], String, Bool)])
  func aPrefixEndsAtADot(prefixes: [String], name: String, isFrozen: Bool) {
    #expect(FrozenParameters(prefixes).contains(name) == isFrozen)
  }

  @Test func gradientsAreZeroWhereFrozenAndTheSameElsewhere() throws {
    // The readout's gradient depends on what it reads, so that is the same in both.
    let frozen = try model.pass(training, frozen: ["conv"])
    let gradient = frozen.gradient(of: model(image, in: frozen).sum()).scalars
    let ends = model.layout.parameters.filter { $0.name.hasPrefix("conv.") }
    #expect(ends.count == 4)
    for parameter in ends {
      #expect(gradient[parameter.range].allSatisfy { $0 == 0 }, "\(parameter.name)")
    }
    let evaluation = try model.pass(.evaluation, frozen: .none)
    let map = model.norm(
      model.convolution(evaluation.tape.constant(image), in: evaluation), in: evaluation)
    let rows = map.value.reshaped(to: [3, 8])
    let column = Kernels.sum(rows, over: [0])
    let expected = Kernels.concatenate([column, column, column], axis: 0)
    #expect(
      distance(
        of: Tensor(Array(gradient[model.readout.weight.range]), shape: [3, 8]), from: expected)
        < 1e-6)
    let whole = try model.pass(training, frozen: .none)
    let all = whole.gradient(of: model(image, in: whole).sum()).scalars
    #expect(all[model.norm.weight.range].contains { $0 != 0 })
  }

  @Test func aFrozenPartIsAFixedFunction() throws {
    let trained = try model.pass(training, frozen: ["conv"])
    let evaluated = try model.pass(.evaluation, frozen: .none)
    #expect(model(image, in: trained).value == model(image, in: evaluated).value)
    #expect(trained.statistics() == model.values.statistics)
    let free = try model.pass(training, frozen: .none)
    #expect(model(image, in: free).value != model(image, in: evaluated).value)
    #expect(free.statistics() != model.values.statistics)
  }

  @Test func frozenStatisticsStayToTheBit() {
    let batch = model.values.statistics
    var folded = model.values
    for _ in 0..<20 { folded.fold(statistics: batch) }
    #expect(folded.statistics != batch, "folding is exact here, so nothing is tested")
    folded = model.values
    for _ in 0..<20 { folded.fold(statistics: batch, frozen: ["conv.1"]) }
    #expect(folded.statistics == batch)
    folded.fold(statistics: .zeros([4]), frozen: ["conv.1.running_var"])
    #expect(folded.statistics.scalars == [0.9 * 0.3, 0.9 * -0.7, 1.3, 0.9])
  }
}
