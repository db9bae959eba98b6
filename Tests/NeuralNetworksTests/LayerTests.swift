// Every layer against PyTorch's: the output and the gradients of sum(output · upstream).

import Autodiff
import NeuralNetworks
import Tensors
import TestSupport
import Testing

/// A layer, made in a layout, as a function of PyTorch's input.
private struct LayerCase: CustomTestStringConvertible, Sendable {
  let name: String
  /// Otherwise parameters are constants.
  var isTraining = true
  /// Whether the input is differentiated, too.
  var differentiatesInput = true
  let make: @Sendable (inout ParameterLayout) -> @Sendable (Variable, ForwardPass) -> Variable
  var testDescription: String { name }
}

private let lengths = [5, 2, 1, 3]

private let cases: [LayerCase] = [
  LayerCase(name: "linear") { layout in
    let layer = Linear("layer", from: 5, to: 3, in: &layout)
    return { layer($0, in: $1) }
  },
  LayerCase(name: "linear-3d") { layout in
    let layer = Linear("layer", from: 5, to: 3, in: &layout)
    return { layer($0, in: $1) }
  },
  LayerCase(name: "perceptron") { layout in
    let layer = Perceptron("layer", from: 6, through: [5, 4, 2], in: &layout)
    return { layer($0, in: $1) }
  },
  LayerCase(name: "perceptron-dropout", isTraining: false) { layout in
    let layer = Perceptron("layer", from: 6, through: [5, 4, 2], dropout: 0.5, in: &layout)
    return { layer($0, in: $1) }
  },
  LayerCase(name: "convolution") { layout in
    let layer = Convolution(
      "layer", from: 3, to: 4, kernel: 3, stride: 2, padding: 1, in: &layout)
    return { layer($0, in: $1) }
  },
  LayerCase(name: "convolution-plain") { layout in
    let layer = Convolution("layer", from: 2, to: 3, kernel: 2, hasBias: false, in: &layout)
    return { layer($0, in: $1) }
  },
  LayerCase(name: "transposed") { layout in
    let layer = TransposedConvolution(
      "layer", from: 3, to: 2, kernel: 4, stride: 2, padding: 1, outputPadding: 1, in: &layout)
    return { layer($0, in: $1) }
  },
  LayerCase(name: "layer-norm") { layout in
    let layer = LayerNormalization("layer", features: 6, in: &layout)
    return { layer($0, in: $1) }
  },
  LayerCase(name: "batch-norm-running", isTraining: false) { layout in
    let layer = BatchNormalization("layer", channels: 2, in: &layout)
    return { layer($0, in: $1) }
  },
  LayerCase(name: "lstm") { layout in
    let layer = LSTM("layer", from: 3, hidden: 4, in: &layout)
    return { layer($0, lengths: lengths, in: $1) }
  },
  LayerCase(name: "lstm-both") { layout in
    let layer = BidirectionalLSTM("layer", from: 3, hidden: 4, in: &layout)
    return { layer($0, lengths: lengths, in: $1) }
  },
  LayerCase(name: "embedding", differentiatesInput: false) { layout in
    let layer = Embedding("layer", words: 5, features: 3, in: &layout)
    return { _, pass in layer([0, 4, 4, 2, 1, 0], in: pass).reshaped(to: [2, 3, 3]) }
  },
]

@Suite struct LayerTests {
  @Test(arguments: cases, Arithmetic.onThisMachine(in: [.fp32], threads: [1, 2]))
  private func followsPyTorch(layer: LayerCase, _ arithmetic: Arithmetic) throws {
    let golden = try Golden.file()
    var layout = ParameterLayout()
    let call = layer.make(&layout)
    let values = try ParameterVector(golden, layout: layout, prefix: "\(layer.name)/parameters/")
    let pass = ForwardPass(
      values, mode: layer.isTraining ? .training(seed: 1, step: 1, replica: 0) : .evaluation,
      context: try arithmetic.context())
    let input = pass.tape.variable(
      layer.differentiatesInput ? try golden.tensor("\(layer.name)/input") : Tensor(scalar: 0))
    let output = call(input, pass)
    #expect(distance(of: output.value, from: try golden.tensor("\(layer.name)/output")) < 5e-6)

    let upstream = pass.tape.constant(try golden.tensor("\(layer.name)/upstream"))
    let loss = (output * upstream).sum()
    if layer.differentiatesInput {
      let slope = gradient(of: loss, withRespectTo: [input])[0].value
      #expect(distance(of: slope, from: try golden.tensor("\(layer.name)/gradient")) < 2e-5)
    }
    if layer.isTraining { try expectGradients(of: loss, in: pass, as: layer.name) }
  }

  /// While training, batch normalisation also leaves the batch's statistics in the pass.
  @Test(arguments: [("batch-norm", 2), ("batch-norm-1d", 3)])
  func batchNormalizationFollowsPyTorch(name: String, channels: Int) throws {
    let golden = try Golden.file()
    var layout = ParameterLayout()
    let layer = BatchNormalization("layer", channels: channels, in: &layout)
    let values = try ParameterVector(golden, layout: layout, prefix: "\(name)/parameters/")
    let pass = ForwardPass(
      values, mode: .training(seed: 1, step: 1, replica: 0), context: try ComputeContext())
    #expect(pass.statistics() == values.statistics)
    let input = pass.tape.variable(try golden.tensor("\(name)/input"))
    let output = layer(input, in: pass)
    #expect(distance(of: output.value, from: try golden.tensor("\(name)/output")) < 5e-6)
    let statistics = ParameterVector(
      layout: layout, parameters: values.parameters, statistics: pass.statistics())
    #expect(
      distance(of: statistics.statistic(layer.runningMean), from: try golden.tensor("\(name)/mean"))
        < 5e-6)
    #expect(
      distance(
        of: statistics.statistic(layer.runningVariance), from: try golden.tensor("\(name)/variance")
      ) < 5e-6)
    var folded = values
    folded.fold(statistics: pass.statistics())
    for (statistic, key) in [(layer.runningMean, "mean"), (layer.runningVariance, "var")] {
      let expected = try golden.tensor("\(name)/after/running_\(key)")
      #expect(distance(of: folded.statistic(statistic), from: expected) < 5e-6)
    }
    let loss = (output * pass.tape.constant(try golden.tensor("\(name)/upstream"))).sum()
    let slope = gradient(of: loss, withRespectTo: [input])[0].value
    #expect(distance(of: slope, from: try golden.tensor("\(name)/gradient")) < 2e-5)
    try expectGradients(of: loss, in: pass, as: name)
  }

  private func expectGradients(of loss: Variable, in pass: ForwardPass, as name: String) throws {
    let layout = pass.values.layout
    let flat = pass.gradient(of: loss)
    let golden = try Golden.file()
    for parameter in layout.parameters {
      let gradient = flat.window(from: parameter.offset, shape: parameter.shape)
      let expected = try golden.tensor("\(name)/gradients/\(parameter.name)")
      #expect(distance(of: gradient, from: expected) < 2e-5, "\(parameter.name)")
    }
  }

  @Test func namesAreSequentials() {
    var layout = ParameterLayout()
    _ = Perceptron("f", from: 4, through: [3, 2, 1], dropout: 0.5, in: &layout)
    _ = Perceptron("g", from: 4, through: [3], dropout: 0.5, in: &layout)
    #expect(
      layout.parameters.map(\.name) == [
        "f.0.weight", "f.0.bias", "f.2.weight", "f.2.bias", "f.5.weight", "f.5.bias",
        "g.0.weight", "g.0.bias",
      ])
  }

  @Test func initialValuesHavePyTorchsBounds() throws {
    var layout = ParameterLayout()
    let linear = Linear("linear", from: 400, to: 50, in: &layout)
    let convolution = Convolution("convolution", from: 16, to: 64, kernel: 5, in: &layout)
    let transposed = TransposedConvolution("back", from: 64, to: 16, kernel: 5, in: &layout)
    let lstm = LSTM("lstm", from: 7, hidden: 100, in: &layout)
    let embedding = Embedding("embedding", words: 300, features: 20, in: &layout)
    let norm = BatchNormalization("norm", channels: 3, in: &layout)
    let values = ParameterVector(initializing: layout, seed: 1)
    for (parameter, bound) in [
      (linear.weight, Float(0.05)), (convolution.weight, 0.05), (transposed.weight, 0.05),
      (lstm.inputWeight, 0.1), (lstm.hiddenWeight, 0.1),
    ] {
      let scalars = values.value(of: parameter).scalars
      let greatest = try #require(scalars.map(abs).max())
      #expect(greatest <= bound && greatest > 0.99 * bound, "\(parameter.name)")
      let mean = scalars.reduce(0, +) / Float(scalars.count)
      #expect(abs(mean) < 0.1 * bound, "\(parameter.name)")
    }
    #expect(values.value(of: linear.bias).scalars.allSatisfy { abs($0) <= 0.05 && $0 != 0 })
    let words = values.value(of: embedding.weight).scalars
    let variance = words.map { $0 * $0 }.reduce(0, +) / Float(words.count)
    #expect(abs(variance - 1) < 0.05)
    #expect(values.value(of: norm.weight).scalars == [1, 1, 1])
    #expect(values.value(of: norm.bias).scalars == [0, 0, 0])
    #expect(values.statistics.scalars == [0, 0, 0, 1, 1, 1])
  }
}
