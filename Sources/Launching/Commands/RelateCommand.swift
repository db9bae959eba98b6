// relate: everything that people start by hand.

import ArgumentParser

/// The `relate` executable.
public struct RelateCommand: ParsableCommand {
  /// What `--help` says.
  public static let configuration = CommandConfiguration(
    commandName: "relate",
    abstract: "Train relation networks on many processes, with the same bits however many.",
    discussion: "Example: relate train sort-of-clevr --preset quick",
    version: relateVersion,
    subcommands: [
      TasksCommand.self, TrainCommand.self, EvaluateCommand.self, CompareCommand.self,
      PublishCommand.self, ExportCommand.self, GenerateCommand.self, DataCommand.self,
      BenchCommand.self, ParityCommand.self, KeysCommand.self, WorkCommand.self,
      OrderedWorkCommand.self, DoctorCommand.self,
    ])

  /// The options as given.
  public init() {}
}
