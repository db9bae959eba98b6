// Trains the task of ClosePairs.swift in this process, as `relate train --single-process` would.
//
//   swift run --package-path examples -c release OwnTask [RUN]

import Foundation
import Learning
import Tensors
import Training

/// Prints how the run goes.
struct Printer: RunObserver {
  mutating func observe(_ event: RunEvent) {
    switch event {
    case .step(let record) where record.step % 100 == 0:
      print("step \(record.step): loss \(record.loss), digest \(record.digest)")
    case .evaluation(let report):
      print("\(report.split.rawValue) at step \(report.step): \(report.metrics)")
    default: break
    }
  }
}

// The experiment fixes every bit of the run: here one of the preset, with one setting changed.
let catalogue = Catalogue([ClosePairs.self])
let choice = try catalogue.choice(
  task: ClosePairs.name, edits: [SettingEdit("trainingSamples=50000")].compactMap(\.self))
let plan = try catalogue.plan(for: choice)
let experiment = Experiment(
  task: choice, seed: 1, replicas: plan.replicas, batchSize: plan.batchSize, steps: plan.steps,
  learningRate: plan.learningRate, evaluationInterval: plan.evaluationInterval)
if let problem = experiment.problem() { fatalError(problem) }

// The run's directory, as the commands read it.
let arguments = CommandLine.arguments.dropFirst()
let path = arguments.first ?? NSTemporaryDirectory() + "/close-pairs-\(UUID().uuidString)"
let directory = RunDirectory(path: path)
defer { if arguments.isEmpty { try? FileManager.default.removeItem(atPath: path) } }

let context = try ComputeContext(
  threadCount: ProcessInfo.processInfo.activeProcessorCount, engine: experiment.engine,
  precision: experiment.precision)
let task = try ClosePairs.open(try choice.settings(of: ClosePairs.self), data: nil, at: nil)
var (recorder, state) = try RunRecorder.starting(
  ExperimentRecord(
    experiment, numerics: Numerics.fingerprint(of: context), engine: context.engineDescription,
    relate: "an example", machine: ProcessInfo.processInfo.hostName),
  in: directory, facts: task.facts)
let ending = try trainInSingleProcess(
  task, from: &state,
  setting: RunSetting(recorder: recorder, observers: [Printer()], isStopRequested: { false }),
  context: context)

guard ending == .completed, let summary = try directory.readSummary() else {
  fatalError("the run ended otherwise: \(ending)")
}
print(
  "accuracy on the test split \(summary.test.overall ?? 0), best step \(summary.bestStep), digest "
    + "\(summary.digest)")
