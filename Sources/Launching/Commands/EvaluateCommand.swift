// relate evaluate: how a trained model does on a split, its own or that of other data.

import ArgumentParser
import DataFiles
import Foundation
import Learning
import NeuralNetworks
import Tensors
import Training

/// `relate evaluate`.
struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Report how a run's or a published model's best version does.",
    discussion: """
      Takes the best version by validation that has a checkpoint, or the last one if none was \
      evaluated yet. Reads the run only, so it may still be training. With --data it is tried on \
      other data of the same layout, which may hold that one split only.

      Example: relate evaluate models/sort-of-clevr-quick --split test --json
      """)

  @Argument(
    help: ArgumentHelp("The run's directory, a published model, or either@step.", valueName: "run"))
  var path: String

  @Option(help: "The part of the data: training, validation or test.")
  var split: Split = .test

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The version, instead of the best one.", valueName: "n"))
  var step: Int?

  @OptionGroup var data: DataOptions

  @Option(
    name: .customLong("set"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Change a setting that may differ at evaluation. May be said again.", valueName: "key=value"))
  var edits: [SettingEdit] = []

  @Option(
    help: ArgumentHelp(
      "Write what was asked, answered and right to this file, a line of JSON for each sample.",
      valueName: "file"))
  var predictions: String?

  @Option(
    help: ArgumentHelp("Threads to compute on; as many as cores unless said.", valueName: "n"))
  var threads: ThreadCount?

  @OptionGroup var numerics: NumericsOptions

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  func run() throws {
    try reportingErrors {
      let version =
        try step.map { try SavedVersion(in: RunDirectory(path: path), step: $0) }
        ?? SavedVersion(named: path)
      var experiment = version.record.experiment
      try allow(edits, in: experiment.task)
      experiment.task = try catalogue.choice(experiment.task, edits: edits)
      // Whatever data the run learnt from, these are the ones that are asked about.
      experiment.data = try evaluatedData(of: experiment)
      // Results need no equal bits: they may be computed on a machine that could not train the run.
      numerics.apply(to: &experiment)
      let context = try computeContext(
        threadCount: threads?.count ?? ProcessInfo.processInfo.activeProcessorCount,
        engine: numerics.engine == nil ? .best(for: experiment.precision) : experiment.engine,
        precision: experiment.precision)
      if let place = data.place, DataDirectory(place.path).isFinished {
        try requireUnchanged(place)
      }
      let task = try catalogue.open(experiment.task, data: experiment.data, at: data.place)
      let report = try evaluate(task, version, experiment, context)
      print(
        json
          ? try line(Result(report, version.saved.digest))
          : words(report, task.facts))
      return 0
    }
  }

  /// Throws if a setting may not differ from the trained model's.
  private func allow(_ edits: [SettingEdit], in choice: TaskChoice) throws {
    let allowed = try catalogue.task(choice.family).evaluationSettings
    for edit in edits where !allowed.contains(edit.name) {
      throw ValidationError(
        "\(edit.name) belongs to the trained model and cannot differ at evaluation; "
          + (allowed.isEmpty
            ? "nothing of \(choice.family) can." : "what can: \(allowed.joined(separator: ", "))."))
    }
  }

  /// The data that were named, as the trained model reads them; those of the run if none were.
  private func evaluatedData(of experiment: Experiment) throws -> DataSetIdentity? {
    let family = try catalogue.task(experiment.task.family)
    guard let found = try data.identity(for: family) else { return experiment.data }
    return try family.evaluationIdentity(of: found, for: experiment.data)
  }

  private func evaluate<Task: LearningTask>(
    _ task: Task, _ version: SavedVersion, _ experiment: Experiment, _ context: ComputeContext
  ) throws -> EvaluationReport {
    guard task.facts.layout == version.facts.layout else {
      throw TrainingError("The data need another model than the one that was trained.")
    }
    guard task.facts.sampleCount(of: split) > 0 else {
      let present = Split.allCases.filter { task.facts.sampleCount(of: $0) > 0 }.map(\.rawValue)
      throw TrainingError(
        "The data have no \(split.rawValue) split, only \(present.joined(separator: ", ")).")
    }
    let clock = ProgressLine("evaluating")
    defer { clock.end() }
    var file: PredictionFile?
    if let predictions { file = try PredictionFile(predictions) }
    let measurements = try Training.evaluate(
      task, split: split, values: version.saved.values, seed: experiment.seed, context: context,
      observe: { samples, prediction, batch in
        if predictions != nil {
          try file?.write(samples, task.exhibits(prediction, for: batch))
        }
      }, progress: clock.show)
    if let file = file.take() { try file.finish() }
    return EvaluationReport(
      step: version.saved.step, split: split, measurements: measurements, facts: task.facts)
  }

  /// What `--json` prints; shares lie from 0 to 1.
  private struct Result: Encodable {
    let step: Int
    let split: Split
    let samples: Int
    let metrics: [String: Double]
    let digest: Digest

    init(_ report: EvaluationReport, _ digest: Digest) {
      step = report.step
      split = report.split
      samples = report.samples
      metrics = report.metrics
      self.digest = digest
    }
  }

  private func words(_ report: EvaluationReport, _ facts: TaskFacts) -> String {
    "On the \(split.rawValue) split, step \(report.step):\n\n" + report.table(of: facts)
  }
}

extension Split: ExpressibleByArgument {}
