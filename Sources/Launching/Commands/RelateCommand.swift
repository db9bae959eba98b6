// relate: everything that people start by hand.

import ArgumentParser
import NeuralNetworks
import RelationNetworks
import Training

/// The `relate` executable.
public struct RelateCommand: ParsableCommand {
  /// What `--help` says.
  public static let configuration = CommandConfiguration(
    commandName: "relate",
    abstract: "Train relation networks on many processes, with the same bits however many.",
    discussion: "Example: relate train sort-of-clevr --preset quick",
    version: relateVersion,
    subcommands: [
      TasksCommand.self, TrainCommand.self, EvaluateCommand.self, GenerateCommand.self,
      CompareCommand.self, BenchCommand.self, ParityCommand.self,
    ])

  /// The options as given.
  public init() {}
}

/// `relate tasks`.
struct TasksCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tasks", abstract: "List what can be trained, with models and presets.",
    discussion: "Example: relate tasks")

  func run() throws {
    try reportingErrors {
      try list()
      return 0
    }
  }

  private func list() throws {
    for task in TaskCatalogue.tasks {
      print("\(task.name): \(task.summary)")
      print("  models")
      for model in task.models { print("    \(padded(model.name))\(model.summary)") }
      print("  presets")
      for preset in task.presets {
        let configuration = try TaskCatalogue.configuration(task: task.name, preset: preset.name)
        let defaults = try TaskCatalogue.defaults(for: configuration)
        let size = try TaskCatalogue.task(configuration).layout.parameterCount
        print("    \(padded(preset.name))\(preset.summary)")
        print(
          "    \(padded(""))\(configuration.model), \(size) parameters, \(defaults.steps) steps of "
            + "\(defaults.replicas) x \(defaults.batchSize) samples")
      }
    }
  }

  private func padded(_ name: String) -> String {
    name + String(repeating: " ", count: max(1, 12 - name.count))
  }
}

/// `relate compare`.
struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Find the first step at which two runs differ.",
    discussion: """
      Compares the digests of all steps. Ends with 0 if they are identical, 1 if they differ, 2
      if they cannot be compared.

      Example: relate compare runs/one runs/other
      """)

  @Argument(help: ArgumentHelp("A run's directory.", valueName: "run")) var first: String
  @Argument(help: ArgumentHelp("Another run's directory.", valueName: "run")) var second: String

  func run() throws {
    try reportingErrors(failingWith: ExitStatus.trouble) {
      let runs = (RunDirectory(path: first), RunDirectory(path: second))
      switch try RunComparison(runs.0, runs.1) {
      case .identical(let steps, let otherSteps) where steps == otherSteps:
        print("identical: \(steps) steps")
        return 0
      case .identical(let steps, let otherSteps):
        print(
          "identical for the \(min(steps, otherSteps)) steps that both have; \(first) has "
            + "\(steps), \(second) has \(otherSteps)")
        return 0
      case .different(let step, let digest, let otherDigest):
        print("different from step \(step) on: \(digest) and \(otherDigest)")
        return 1
      case .nothingToCompare: throw TrainingError("One of the runs has no step yet.")
      }
    }
  }
}
