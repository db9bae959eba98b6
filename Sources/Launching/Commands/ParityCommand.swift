// relate parity: the same numbers as a PyTorch model of the same shape, or where they differ.

import ArgumentParser
import Autodiff
import Learning
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
      Weights are a run, a published model, or safetensors under PyTorch's names \
      (docs/PARAMETERS.md) with --config. The batch holds what the model's family reads, such as \
      `image` or `objects`, `question` and `target`. The output holds `logits`, `loss` and \
      `gradient.NAME` for every parameter, with the batch's own statistics and without dropout.

      Example: relate parity --config sort-of-clevr-small --weights w.safetensors \
      --batch b.safetensors --out o.safetensors
      """)

  @Option(help: "The model: \(catalogue.models.map(\.name).joined(separator: ", ")).")
  var config: String?

  @Option(help: ArgumentHelp("A run, or the parameters by name.", valueName: "run or file"))
  var weights: String
  @Option(help: ArgumentHelp("The inputs and targets.", valueName: "file")) var batch: String
  @Option(help: ArgumentHelp("The file to write.", valueName: "file")) var out: String

  @Option(help: ArgumentHelp("Threads to compute on.", valueName: "n")) var threads = ThreadCount(1)
  @OptionGroup var numerics: NumericsOptions

  func run() throws {
    try reportingErrors {
      let model = try TrialModel(.init(config: config, weights: weights, batchFile: batch))
      let pass = ForwardPass(
        model.values, mode: .training(seed: 0, step: 1, replica: 0),
        context: try numerics.context(threadCount: threads.count), dropsOut: false)
      let (loss, prediction) = model.loss(pass)
      var writer = SafetensorsWriter()
      if let answers = prediction as? AnswerPrediction {
        writer.add("logits", answers.logits.value)
      }
      writer.add("loss", loss.value)
      let gradient = pass.gradient(of: loss)
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
