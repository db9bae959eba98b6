// What is said when a run has ended: its results, or how to go on.

import Foundation
import Learning
import Training

/// Shows the results of a run that is complete already; whether it is.
///
/// Nothing is left to compute, so nothing is opened for writing.
func showIfComplete(_ plan: RunPlan, _ log: Log) throws -> Bool {
  guard plan.beginning == nil, plan.moreSteps == nil,
    let summary = try plan.directory.readSummary()
  else { return false }
  try showResults(in: plan.directory, summary, log, isNews: false)
  return true
}

private func showResults(
  in directory: RunDirectory, _ summary: RunSummary, _ log: Log, isNews: Bool
) throws {
  guard log.format == .text else {
    let metrics = summary.test.metrics.mapValues { JSONValue.number($0) }
    log.say(
      LogEntry(
        .info, "The run is complete.",
        [
          "run": .string(directory.path), "step": .integer(summary.steps),
          "seconds": .number(summary.seconds), "digest": .string(summary.digest.description),
          "test": .object(metrics),
        ]))
    return
  }
  if !isNews { print("The run is complete.") }
  let reports = try directory.readEvaluations()
  // Data may have no test split.
  let results =
    reports.last { $0.split == .test && $0.samples > 0 }
    ?? reports.last { $0.split == .validation && $0.step == summary.bestStep }
  if let results {
    print(
      "\nThe best version by validation, step \(results.step), on the "
        + "\(results.split.rawValue) split:\n")
    let experiment = try directory.readExperiment().experiment
    let facts = try catalogue.facts(of: experiment.task, data: experiment.data)
    print(results.table(of: facts))
  }
  // A worker alone has nobody to be compared with.
  if let activity = summary.activity, activity.workers.count > 1 { print("\n\(activity.table)") }
  print(
    "\n\(summary.steps) steps in \(readableDuration(summary.seconds)), digest "
      + "\(summary.digest), results in \(directory.path)")
}

/// What is said when a run has ended, and the exit code.
func conclude(
  _ ending: RunEnding, in directory: RunDirectory, step: Int, hint: RunHint, _ log: Log
) throws -> Int32 {
  switch ending {
  case .completed:
    if let summary = try directory.readSummary() {
      try showResults(in: directory, summary, log, isNews: true)
    }
    return 0
  case .stopped:
    let line = "Stopped after step \(step). Go on with: \(hint.resuming(directory.path))"
    log.say(LogEntry(.info, line, ["step": .integer(step)]))
    return ExitStatus.interrupted
  case .diverged(let reason):
    throw TrainingError("\(reason)\n\(try hint.afterDivergence(in: directory))")
  case .failed(let reason):
    throw TrainingError("\(reason)\n\(hint.afterFailure(in: directory))")
  }
}
