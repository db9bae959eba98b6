// relate generate: a generated data set as files that people can look at, change and train on.

import ArgumentParser
import Foundation
import Learning
import NeuralNetworks
import Training

/// `relate generate`.
struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Write a generated data set to files that --data reads again.",
    discussion: """
      Training needs no files: it computes the same samples from their numbers. Says how much it \
      will write before it begins.

      Example: relate generate sort-of-clevr --split test --out data/sort-of-clevr --scale 4
      """)

  @Argument(help: "The task, e.g. sort-of-clevr.") var task: String

  @Option(help: "The preset whose data to write.") var preset: String?

  @Option(help: ArgumentHelp("The directory to write to, new or empty.", valueName: "dir"))
  var out: String

  @Option(help: "A part of the data, instead of all: training, validation or test.")
  var split: [Split] = []

  @OptionGroup var settings: SettingOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Pixels per pixel, to see more.", valueName: "n"))
  var scale = 1

  func validate() throws {
    guard (1...32).contains(scale) else {
      throw ValidationError("--scale must be from 1 to 32, not \(scale).")
    }
  }

  func run() throws {
    try reportingErrors {
      let choice = try catalogue.choice(task: task, preset: preset, edits: settings.all)
      let family = try catalogue.task(choice.family)
      guard let generating = family as? any GeneratingFamily.Type else {
        throw ValidationError("\(task) does not generate its data.")
      }
      try generate(generating, choice)
      return 0
    }
  }

  private func generate<Family: GeneratingFamily>(
    _ family: Family.Type, _ choice: TaskChoice
  ) throws {
    let settings = try choice.settings(of: family)
    let splits = split.isEmpty ? Split.allCases : split
    let size = try family.exportSize(of: settings, splits: splits, scale: scale)
    print("Writing \(size.files) files, about \(max(1, size.bytes >> 20)) MB, to \(quoted(out))")
    fflush(nil)
    let place = DataPlace(path: out)
    let line = ProgressLine("images", everywhere: true)
    defer { line.end() }
    let contents = try family.export(
      settings, to: place, splits: splits, scale: scale, progress: line.show)
    line.end()
    _ = try family.describe(contents, at: place)
    print("Wrote \(task) to \(quoted(out))")
  }
}
