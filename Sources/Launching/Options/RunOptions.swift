// Where a run's files go, and whether it begins or goes on.

import ArgumentParser
import Foundation
import Learning
import Training

/// The options that name a run's directory.
public struct RunOptions: ParsableArguments {
  @Option(
    name: .customLong("run"),
    help: ArgumentHelp("The run's directory. A new run gets one below runs/.", valueName: "dir"))
  var path: String?

  @Flag(help: "Go on with the run in --run from its last checkpoint.")
  var resume = false

  @Option(
    help: ArgumentHelp(
      "Write a checkpoint this often beside those at evaluations: seconds, or steps as in "
        + "500steps. 120s unless said.", valueName: "n"))
  var checkpointEvery = CheckpointInterval.standard

  /// No options.
  public init() {}

  /// What to do: begin with an experiment, or go on with a run.
  ///
  /// Options beside `--resume` must agree with the run's own experiment.
  func choose(_ options: ExperimentOptions) throws -> RunPlan {
    guard resume else {
      let experiment = try options.resolved()
      return RunPlan(
        directory: directory(for: experiment), beginning: experiment,
        origin: try options.origin.source())
    }
    guard let path else {
      throw ValidationError("Say which run to resume: --run DIR --resume")
    }
    let directory = RunDirectory(path: path)
    let run = try directory.readExperiment().experiment
    let asked = try options.resuming(run)
    return RunPlan(
      directory: directory, moreSteps: asked.steps == run.steps ? nil : asked.steps)
  }

  /// The directory to begin in.
  private func directory(for experiment: Experiment) -> RunDirectory {
    if let path { return RunDirectory(path: path) }
    let task = experiment.task
    let name = "runs/\(task.family)-\(task.preset)-seed\(experiment.seed)"
    var directory = RunDirectory(path: name)
    var count = 1
    while FileManager.default.fileExists(atPath: directory.path) {
      count += 1
      directory = RunDirectory(path: "\(name)-\(count)")
    }
    return directory
  }
}

/// What is to be done with a run's directory.
struct RunPlan {
  /// Where the run's files are or will be.
  let directory: RunDirectory
  /// The experiment to begin; `nil` goes on with the run that is there.
  var beginning: Experiment?
  /// The version that the experiment begins with, if it names one.
  var origin: SavedVersion?
  /// The number of steps that a run is to have instead of fewer.
  var moreSteps: Int?
}

extension CheckpointInterval: ExpressibleByArgument {
  /// An interval as it is written: `120`, `120s` or `500steps`.
  public init?(argument: String) {
    if argument.hasSuffix("steps") {
      guard let steps = Int(argument.dropLast(5)), (1...1_000_000_000).contains(steps) else {
        return nil
      }
      self = .steps(steps)
    } else {
      let number = argument.hasSuffix("s") ? String(argument.dropLast()) : argument
      guard let seconds = Double(number), (1...1e7).contains(seconds) else { return nil }
      self = .seconds(seconds)
    }
  }

  /// The interval as it is written.
  public var defaultValueDescription: String {
    switch self {
    case .seconds(let seconds): "\(Int(seconds))s"
    case .steps(let steps): "\(steps)steps"
    }
  }
}
