// relate parity: the same numbers as a PyTorch model of the same shape, or where they differ.

import ArgumentParser
import Autodiff
import NeuralNetworks
import RelationNetworks
import Tensors
import Training

/// `relate parity`.
struct ParityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "parity",
    abstract: "Compute logits, loss and every gradient for given weights and inputs.",
    discussion: """
      Weights are safetensors under PyTorch's names (docs/PARAMETERS.md). The batch holds `image` \
      or `objects`, `question` and `target`. The output holds `logits`, `loss` and \
      `gradient.NAME` for every parameter, with the batch's own statistics and without dropout.

      Example: relate parity --config sort-of-clevr-small --weights w.safetensors \
      --batch b.safetensors --out o.safetensors
      """)

  @Option(help: "The model: \(BenchmarkModel.names.joined(separator: ", ")).")
  var config: String

  @Option(help: ArgumentHelp("The parameters by name.", valueName: "file")) var weights: String
  @Option(help: ArgumentHelp("The inputs and targets.", valueName: "file")) var batch: String
  @Option(help: ArgumentHelp("The file to write.", valueName: "file")) var out: String

  @Option(help: ArgumentHelp("Threads to compute on.", valueName: "n")) var threads = ThreadCount(1)
  @OptionGroup var numerics: NumericsOptions

  func run() throws {
    try reportingErrors {
      let model = try BenchmarkModel(name: config)
      let values = try ParameterVector(
        try Safetensors(contentsOf: weights), layout: model.layout)
      let inputs = try BenchmarkModel.Inputs(
        try Safetensors(contentsOf: batch), for: model)
      let pass = ForwardPass(
        values, mode: .training(seed: 0, step: 1, replica: 0),
        context: try numerics.context(threadCount: threads.count))
      let (loss, logits) = model.forward(inputs, droppingOut: false, in: pass)
      let gradient = pass.gradient(of: loss)
      var writer = SafetensorsWriter()
      writer.add("logits", logits.value)
      writer.add("loss", loss.value)
      for parameter in model.layout.parameters {
        writer.add(
          "gradient.\(parameter.name)",
          gradient.window(from: parameter.offset, shape: parameter.shape))
      }
      try writer.write(to: out)
      print("loss \(loss.value.item), wrote \(out)")
      return 0
    }
  }
}
