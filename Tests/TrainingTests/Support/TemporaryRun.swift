// Runs in directories of their own that vanish with the test.

import Foundation
import Learning
import NeuralNetworks
import Tensors
import Testing

@testable import Training

/// A directory for one run, removed at the end of its life.
final class TemporaryRun {
  let path: String
  let experiment: Experiment
  let task: SyntheticTask
  private let owner: TemporaryRun?

  init(_ experiment: Experiment = syntheticExperiment(), width: Int = 4) {
    path = NSTemporaryDirectory() + "training-tests-" + UUID().uuidString
    self.experiment = experiment
    task = SyntheticTask(width: width)
    owner = nil
  }

  /// The run of another one's directory with another experiment; the other one removes it.
  init(_ experiment: Experiment, at other: TemporaryRun) {
    path = other.path
    self.experiment = experiment
    task = other.task
    owner = other
  }

  deinit { if owner == nil { try? FileManager.default.removeItem(atPath: path) } }

  var directory: RunDirectory { RunDirectory(path: path) }

  func record(numerics: Digest = Digest(rawValue: 7)) -> ExperimentRecord {
    ExperimentRecord(
      experiment, numerics: numerics, engine: "an engine", relate: "0", machine: "a machine")
  }

  /// Starts the run.
  func start(numerics: Digest = Digest(rawValue: 7)) throws -> RunRecorder {
    try RunRecorder.starting(record(numerics: numerics), in: directory, facts: task.facts).recorder
  }

  /// Goes on with the run.
  func resume() throws -> (recorder: RunRecorder, state: TrainingState) {
    try RunRecorder.resuming(directory, facts: task.facts)
  }

  /// What `body` needs to train, until it is asked to stop.
  func setting(
    _ recorder: RunRecorder, isStopRequested: @escaping @Sendable () -> Bool = { false }
  ) -> RunSetting {
    RunSetting(recorder: recorder, observers: [], isStopRequested: isStopRequested)
  }

  /// Trains in this process, from the start or from the last checkpoint, until it is complete or has
  /// `stopAfter` steps.
  @discardableResult
  func train(
    stopAfter limit: Int = .max, threadCount: Int = 1, origin: ParameterVector? = nil
  ) throws -> RunEnding {
    var (recorder, state) =
      try directory.holdsRun
      ? resume()
      : RunRecorder.starting(record(), in: directory, facts: task.facts, origin: origin)
    let directory = directory
    let hasEnough: @Sendable () -> Bool = {
      limit < .max && (try? directory.readSteps().count) ?? 0 >= limit
    }
    return try trainInSingleProcess(
      task, from: &state, setting: setting(recorder, isStopRequested: hasEnough),
      context: try ComputeContext(threadCount: threadCount, engine: experiment.engine))
  }

  /// Applies one step without any of what trains: the reference for everything that does.
  func advance(_ state: inout TrainingState, context: ComputeContext) throws -> StepOutcome {
    let step = state.step + 1
    let results = try (0..<experiment.replicas).map { replica in
      try contribution(
        of: task,
        batch: try trainingBatch(of: task, step: step, replica: replica, experiment: experiment),
        step: step, replica: replica, values: state.values, experiment: experiment,
        context: context)
    }
    return try state.apply(results, of: experiment, metrics: task.facts.metrics)
  }

  /// Waits until a server has applied so many steps, for at most half a minute.
  func wait(forSteps count: Int, meanwhile: () -> Void = {}) throws {
    let deadline = ContinuousClock.now.advanced(by: .seconds(30))
    while try directory.readSteps().count < count {
      guard ContinuousClock.now < deadline else {
        throw TrainingError("The run does not reach step \(count).")
      }
      meanwhile()
      usleep(2000)
    }
  }

  func digests() throws -> [Digest] { try directory.readSteps().map(\.digest) }

  /// The names and contents of all files but the lock.
  func contents() throws -> [String: Data] {
    var contents: [String: Data] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: path) where name != "lock" {
      contents[name] = FileManager.default.contents(atPath: path + "/" + name)
    }
    return contents
  }
}
