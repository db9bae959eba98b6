// A whole run as one loop over replicas, for debugging: the same functions, no sockets.

import Files
import Foundation
import NeuralNetworks
import Tensors

/// What a run, however it is computed, needs from its surroundings.
public struct RunSetting {
  /// Writes the run's directory.
  public let recorder: RunRecorder
  /// Shows the run to people.
  public let progress: Progress
  /// Whether somebody asked the run to stop.
  public let isStopRequested: @Sendable () -> Bool

  /// A setting of the given parts.
  public init(
    recorder: RunRecorder, progress: Progress, isStopRequested: @escaping @Sendable () -> Bool
  ) {
    self.recorder = recorder
    self.progress = progress
    self.isStopRequested = isStopRequested
  }

  /// Shows a line to people and keeps it in the run's log.
  public func note(_ line: String) {
    progress.note(line)
    recorder.log(line)
  }

  /// The version to report on, once all steps are done: the best that has a checkpoint.
  ///
  /// Throws if there is none.
  func versionToReport() throws(FileError) -> EvaluationReport {
    guard let best = recorder.best else {
      throw FileError(
        "No version that was evaluated has its checkpoint in "
          + "\(recorder.directory.checkpointsPath).")
    }
    if let lost = recorder.bestEvaluated, lost.step != best.step {
      note(
        "The checkpoint of step \(lost.step), the best by validation, is gone; step \(best.step) "
          + "is the best of those that are there.")
    }
    return best
  }
}

/// Trains in this process alone, on the context's threads.
///
/// - Parameter state: the version to begin with; the last one afterwards.
public func trainInSingleProcess<Task: LearningTask>(
  _ task: Task, from state: inout TrainingState, setting: RunSetting, context: ComputeContext
) throws -> RunEnding {
  do {
    return try train(task, from: &state, setting: setting, context: context)
  } catch is EvaluationWasStopped {
    // The version has its checkpoint, and is evaluated when the run is resumed.
    return .stopped
  }
}

/// A stop was asked for in the middle of an evaluation, which may take long.
private struct EvaluationWasStopped: Error {}

private func train<Task: LearningTask>(
  _ task: Task, from state: inout TrainingState, setting: RunSetting, context: ComputeContext
) throws -> RunEnding {
  let recorder = setting.recorder
  let experiment = recorder.record.experiment
  for step in recorder.unevaluatedSteps() {
    let earlier = try recorder.state(atStep: step, layout: task.layout)
    _ = try evaluate(
      task, earlier.values, step: step, split: .validation, setting: setting, context: context)
  }
  let batches = BatchPreparation(of: task, experiment: experiment)
  while state.step < experiment.steps {
    if setting.isStopRequested() {
      try recorder.writeCheckpoint(state)
      return .stopped
    }
    let start = ContinuousClock.now
    var dataWait = 0.0
    let contributions = try (0..<experiment.replicas).map { replica in
      let (batch, waited) = try batches.batch(step: state.step + 1, replica: replica)
      dataWait += waited
      return contribution(
        of: task, batch: batch, step: state.step + 1, replica: replica, values: state.values,
        experiment: experiment, context: context)
    }
    let outcome: StepOutcome
    do { outcome = try state.apply(contributions, of: experiment) } catch {
      try recorder.writeCheckpoint(state)
      return .failed(error.description)
    }
    let seconds = start.duration(to: .now).seconds
    let record = try recorder.recordStep(
      outcome, state: state, seconds: seconds, dataWait: dataWait)
    setting.progress.show(record)
    if experiment.evaluates(step: state.step) {
      let report = try evaluate(
        task, state.values, step: state.step, split: .validation, setting: setting,
        context: context)
      setting.progress.show(report)
    }
  }
  let best = try setting.versionToReport()
  let chosen = try recorder.state(atStep: best.step, layout: task.layout)
  let test = try evaluate(
    task, chosen.values, step: best.step, split: .test, setting: setting, context: context)
  try recorder.finish(state: state, validation: best, test: test)
  return .completed
}

private func evaluate<Task: LearningTask>(
  _ task: Task, _ values: ParameterVector, step: Int, split: Split, setting: RunSetting,
  context: ComputeContext
) throws -> EvaluationReport {
  let tally = try evaluationTally(
    of: task, split: split, values: values, context: context
  ) { part, parts in
    setting.progress.show(evaluatedParts: part, of: parts)
    if part < parts && setting.isStopRequested() { throw EvaluationWasStopped() }
  }
  return try setting.recorder.recordEvaluation(
    step: step, split: split, tally: tally, guesses: task.commonestAnswerAccuracy(in: split))
}

/// The tally of a whole split, summed part by part in their order, with a call after each.
public func evaluationTally<Task: LearningTask>(
  of task: Task, split: Split, values: ParameterVector, context: ComputeContext,
  progress: (_ part: Int, _ parts: Int) throws -> Void = { _, _ in }
) throws -> Tally {
  var tally = Tally(categoryCount: task.categories.count)
  let parts = evaluationPartCount(of: task.sampleCount(of: split))
  for part in 0..<parts {
    tally.add(
      try evaluation(of: task, split: split, part: part, values: values, context: context).tally)
    try progress(part + 1, parts)
  }
  return tally
}
