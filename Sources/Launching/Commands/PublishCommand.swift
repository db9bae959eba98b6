// relate publish: a trained model as a folder to give to others.

import ArgumentParser
import Foundation
import Training

/// `relate publish`.
struct PublishCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "publish",
    abstract: "Make a folder with the best version of a finished run, to give to others.",
    discussion: """
      The folder holds experiment.json, summary.json and weights.safetensors, without the \
      optimiser's state. Every command that reads a run reads it, too.

      Example: relate publish runs/sort-of-clevr-quick-seed1 --to models/my-model
      """)

  @Argument(help: ArgumentHelp("The directory of a finished run.", valueName: "run"))
  var path: String

  @Option(help: ArgumentHelp("The folder to make.", valueName: "dir")) var to: String

  func run() throws {
    try reportingErrors {
      let run = RunDirectory(path: path)
      guard let summary = try run.readSummary() else {
        throw TrainingError(
          "The run in \(path) is not finished: there is no summary of its results yet.")
      }
      let version = try SavedVersion(in: run, step: summary.bestStep)
      try PublishedModel.write(version.saved, of: run, to: RunDirectory(path: to))
      print("Published step \(summary.bestStep) of \(path) in \(to)")
      return 0
    }
  }
}
