// relate export: weights as another program reads them.

import ArgumentParser
import Learning
import NeuralNetworks
import Training

/// `relate export`.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write the weights of a version as a safetensors file under PyTorch's names.",
    discussion: """
      What `load_state_dict` of a PyTorch module of the same parts takes: parameters and running \
      statistics, nothing of the optimiser. docs/PARAMETERS.md shows how.

      Example: relate export models/sort-of-clevr-quick --to weights.safetensors
      """)

  @Argument(
    help: ArgumentHelp("The run's directory, a published model, or either@step.", valueName: "run"))
  var path: String

  @Option(help: ArgumentHelp("The file to write.", valueName: "file")) var to: String

  func run() throws {
    try reportingErrors {
      let version = try SavedVersion(named: path)
      try PublishedModel.write(version.saved, to: to)
      print(
        "Wrote \(version.facts.layout.parameterCount) parameters of step \(version.saved.step) to "
          + to)
      return 0
    }
  }
}
