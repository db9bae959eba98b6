// The image encoder: the fused training path, the path of evaluations, and a frozen encoder.

import Autodiff
import NeuralNetworks
import RelationNetworks
import Tensors
import TestSupport
import Testing

@Suite struct EncoderTests {
  private static let training = PassMode.training(seed: 1, step: 1, replica: 0)
  private let layout: ParameterLayout
  private let encoder: ConvolutionalEncoder
  private let values: ParameterVector
  private let images: Tensor

  init() {
    var layout = ParameterLayout()
    encoder = ConvolutionalEncoder("conv", channels: [9, 17], in: &layout)
    var values = ParameterVector(initializing: layout, seed: 2)
    var random = CounterRandom(seed: 5, purpose: .trial, index: 0)
    // Neither means of zero nor variances of one.
    let (means, variances) = (
      encoder.normalizations.map(\.runningMean), encoder.normalizations.map(\.runningVariance)
    )
    values.statistics.withMutableScalars { scalars in
      for i in means.flatMap(\.range) { scalars[i] = random.uniform(in: -0.25..<0.25) }
      for i in variances.flatMap(\.range) { scalars[i] = random.uniform(in: 0.25..<2) }
    }
    self.layout = layout
    self.values = values
    images = Tensor((0..<18 * 3 * 13 * 11).map { _ in random.uniform() }, shape: [18, 3, 13, 11])
  }

  private func map(in pass: ForwardPass) -> Variable {
    encoder.featureMap(pass.tape.constant(images), in: pass)
  }

  /// With the batch's own statistics as running ones, but for the bias of a variance, an evaluation
  /// is what training computes.
  @Test(arguments: Arithmetic.onThisMachine(threads: [1, 2]))
  func evaluationIsTheFusedPathWithRunningStatistics(_ arithmetic: Arithmetic) throws {
    let context = try arithmetic.context()
    let pass = ForwardPass(values, mode: Self.training, context: context)
    let trained = map(in: pass)
    var statistics = pass.statistics()
    // Running variances are the unbiased ones, and training normalises with the others.
    for (layer, pixels) in [(0, 7 * 6), (1, 4 * 3)] {
      let count = Float(18 * pixels)
      let variance = encoder.normalizations[layer].runningVariance
      statistics.withMutableScalars { scalars in
        for i in variance.range { scalars[i] *= (count - 1) / count }
      }
    }
    let evaluated = ForwardPass(
      ParameterVector(layout: layout, parameters: values.parameters, statistics: statistics),
      mode: .evaluation, context: context)
    #expect(distance(of: map(in: evaluated).value, from: trained.value) < 2e-5)
  }

  @Test func aFrozenEncoderIsThatOfAnEvaluation() throws {
    let context = try ComputeContext()
    let frozen = ForwardPass(values, mode: Self.training, context: context, frozen: ["conv"])
    let evaluation = ForwardPass(values, mode: .evaluation, context: context)
    let found = map(in: frozen)
    #expect(found.value == map(in: evaluation).value)
    #expect(found.isConstant && frozen.statistics() == values.statistics)
  }

  @Test func aHalfFrozenEncoderTrainsTheOtherHalf() throws {
    let pass = ForwardPass(
      values, mode: Self.training, context: try ComputeContext(),
      frozen: ["conv.net.0", "conv.net.1"])
    let result = map(in: pass)
    let statistics = pass.statistics().scalars
    for (layer, isFrozen) in [(0, true), (1, false)] {
      let mean = encoder.normalizations[layer].runningMean
      #expect((statistics[mean.range] == values.statistics.scalars[mean.range]) == isFrozen)
    }
    let gradient = pass.gradient(of: (result * result).sum()).scalars
    for parameter in layout.parameters {
      let isFrozen = pass.frozen.contains(parameter.name)
      #expect(gradient[parameter.range].allSatisfy { $0 == 0 } == isFrozen, "\(parameter.name)")
    }
  }
}
