// relate generate: a generated data set as files that people can look at.

import ArgumentParser
import Foundation
import RelationNetworks
import Training

/// `relate generate`.
struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Write a generated data set to files: PNG images and JSON questions.",
    discussion: """
      Training needs no files: it computes the same samples from their numbers.

      Example: relate generate sort-of-clevr --out data/sort-of-clevr --scale 4
      """)

  @Argument(help: "The task, e.g. sort-of-clevr.") var task: String

  @Option(help: ArgumentHelp("The directory to write to, new or empty.", valueName: "dir"))
  var out: String

  @OptionGroup var data: DataOptions

  @Option(help: ArgumentHelp("Pixels per pixel, to see more.", valueName: "n"))
  var scale = 1

  func validate() throws {
    guard (1...32).contains(scale) else {
      throw ValidationError("--scale must be from 1 to 32, not \(scale).")
    }
  }

  func run() throws {
    try reportingErrors {
      var configuration = try TaskCatalogue.configuration(task: task)
      data.apply(to: &configuration)
      let line = ProgressLine("writing images")
      try TaskCatalogue.export(
        configuration, to: URL(fileURLWithPath: out), scale: scale, progress: line.show)
      line.end()
      print("Wrote \(task) to \(out)")
      return 0
    }
  }
}
