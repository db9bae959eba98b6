// relate evaluate: the accuracy of a run's best version on a split.

import ArgumentParser
import Foundation
import NeuralNetworks
import Tensors
import Training

/// `relate evaluate`.
struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Report the accuracy of a run per question category.",
    discussion: """
      Takes the best version by validation accuracy that has a checkpoint, or the last one if none \
      was evaluated yet. Reads the run only, so it may still be training.

      Example: relate evaluate runs/sort-of-clevr-quick-seed1 --split test --json
      """)

  @Argument(help: ArgumentHelp("The run's directory.", valueName: "run")) var path: String

  @Option(help: "The part of the data: training, validation or test.")
  var split: Split = .test

  @Option(help: ArgumentHelp("The version, instead of the best one.", valueName: "n"))
  var step: Int?

  @Option(
    help: ArgumentHelp("Threads to compute on; as many as cores unless said.", valueName: "n"))
  var threads: ThreadCount?

  @OptionGroup var numerics: NumericsOptions

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  func run() throws {
    try reportingErrors {
      let directory = RunDirectory(path: path)
      let experiment = try directory.readExperiment().experiment
      let task = try buildTask(experiment)
      let step = try self.step ?? chosenStep(in: directory)
      let saved = directory.checkpointSteps()
      guard saved.contains(step) else {
        throw TrainingError("There is no checkpoint of step \(step); there are those of \(saved).")
      }
      let state = try Checkpoint.read(
        directory.checkpointPath(step: step), layout: task.layout, experiment: experiment)
      // Accuracy needs no equal bits: it may be taken on a machine that could not train the run.
      var numerics = numerics
      numerics.fillIn(from: experiment)
      let context = try numerics.context(
        threadCount: threads?.count ?? ProcessInfo.processInfo.activeProcessorCount)
      let report = try report(of: task, state: state, context: context)
      if json {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        print(String(decoding: try encoder.encode(report), as: UTF8.self))
      } else {
        print("Accuracy on the \(split.rawValue) split, step \(step):\n")
        print(report.table(categories: task.categories))
      }
      return 0
    }
  }

  private func report(of task: some LearningTask, state: TrainingState, context: ComputeContext)
    throws -> EvaluationReport
  {
    let clock = ProgressLine("evaluating")
    let tally = try evaluationTally(
      of: task, split: split, values: state.values, context: context,
      progress: clock.show)
    clock.end()
    return EvaluationReport(
      step: state.step, split: split, tally: tally, categories: task.categories,
      guesses: try task.commonestAnswerAccuracy(in: split))
  }

  private func chosenStep(in directory: RunDirectory) throws -> Int {
    let saved = directory.checkpointSteps()
    guard let last = saved.last else {
      throw TrainingError(
        "\(directory.path) has no checkpoint yet: the first is written a minute after the start.")
    }
    let best = try directory.readEvaluations()
      .filter { $0.split == .validation && saved.contains($0.step) }
      .max { ($0.overall, -$0.step) < ($1.overall, -$1.step) }
    return best?.step ?? last
  }
}

extension Split: ExpressibleByArgument {}
