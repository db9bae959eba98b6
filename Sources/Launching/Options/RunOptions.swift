// Where a run's files go, and what a run begins with.

import ArgumentParser
import Foundation
import NeuralNetworks
import RelationNetworks
import Tensors
import Training

/// The version of this software.
public let relateVersion = "0.1.0"

/// The options that name a run's directory.
public struct RunOptions: ParsableArguments {
  @Option(
    name: .customLong("run"),
    help: ArgumentHelp("The run's directory. A new run gets one below runs/.", valueName: "dir"))
  var path: String?

  @Flag(help: "Go on with the run in --run from its last checkpoint.")
  var resume = false

  /// No options.
  public init() {}

  /// The directory to begin in with an experiment, or to resume, without one.
  ///
  /// Options beside `--resume` must agree with the run's own experiment.
  func choose(_ options: ExperimentOptions) throws -> (RunDirectory, beginning: Experiment?) {
    guard resume else {
      let experiment = try options.resolved()
      return (try directory(for: experiment), experiment)
    }
    guard let path else {
      throw ValidationError("Say which run to resume: --run DIR --resume")
    }
    let directory = RunDirectory(path: path)
    try options.requireAgreement(with: try directory.readExperiment().experiment)
    return (directory, nil)
  }

  /// The directory to begin in.
  private func directory(for experiment: Experiment) throws -> RunDirectory {
    if let path { return RunDirectory(path: path) }
    let task = try? experiment.task.decoded(as: TaskConfiguration.self)
    let name = "runs/\(task?.task ?? "run")-\(task?.preset ?? "own")-seed\(experiment.seed)"
    var directory = RunDirectory(path: name)
    var count = 1
    while FileManager.default.fileExists(atPath: directory.path) {
      count += 1
      directory = RunDirectory(path: "\(name)-\(count)")
    }
    return directory
  }
}

/// A run that is ready to be computed.
struct PreparedRun {
  let task: any LearningTask
  let state: TrainingState
  let recorder: RunRecorder

  /// Begins a run, or opens the one to resume.
  ///
  /// - Parameter experiment: what to begin; `nil` resumes what is in the directory.
  init(_ directory: RunDirectory, beginning experiment: Experiment?) throws {
    if let experiment {
      let task = try buildTask(experiment)
      let context = try computeContext(engine: experiment.engine, precision: experiment.precision)
      let record = ExperimentRecord(
        experiment, numerics: Numerics.fingerprint(of: context), engine: context.engineDescription,
        relate: relateVersion, machine: Self.machine())
      self.task = task
      recorder = try RunRecorder(starting: record, in: directory, categories: task.categories)
      state = TrainingState(layout: task.layout, seed: experiment.seed)
      return
    }
    let record = try directory.readExperiment()
    task = try buildTask(record.experiment)
    (recorder, state) = try RunRecorder.resuming(
      directory, layout: task.layout, categories: task.categories)
  }

  private static func machine() -> String {
    let cpuinfo = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let model = cpuinfo.split(separator: "\n").first { $0.hasPrefix("model name") }?
      .split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) }
    let info = ProcessInfo.processInfo
    return "\(model ?? "unknown processor"), \(info.processorCount) cores, "
      + "\(info.physicalMemory >> 30) GiB, \(info.operatingSystemVersionString)"
  }
}

extension ExperimentRecord {
  /// Throws if a context computes with other bits than the run has so far.
  func requireNumerics(of context: ComputeContext) throws {
    guard Numerics.fingerprint(of: context) != numerics else { return }
    if context.engineDescription == engine {
      throw TrainingError(
        """
        This program computes with other bits than the run has so far, with the same \(engine): \
        the run was begun by another release (\(relate), this is \(relateVersion)) or on another \
        kind of processor. Resume it with those, or begin it again.
        """)
    }
    throw TrainingError(
      """
      This machine computes with other bits than the run has so far: it has \
      \(context.engineDescription), the run has \(engine). \
      \(Numerics.remedy(for: experiment.engine)), or resume on the machine it began on.
      """)
  }
}
