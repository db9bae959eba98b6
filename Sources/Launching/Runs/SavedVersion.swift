// A version that somebody named: of a run, of a step of it, or of a published model.

import Files
import Foundation
import Learning
import NeuralNetworks
import Training

/// A version of a run or of a published model, with what it is a version of.
struct SavedVersion {
  /// The folder of the run or model.
  let directory: RunDirectory
  /// The experiment, and what it ran on.
  let record: ExperimentRecord
  /// The facts of its task.
  let facts: TaskFacts
  /// The values.
  let saved: SavedValues

  /// The version that `RUN` or `RUN@STEP` names: the step's, or the best one by validation that
  /// there is, or the last if none was evaluated.
  init(named name: String) throws {
    var (path, step) = (name, Int?.none)
    if !FileManager.default.fileExists(atPath: name), let at = name.lastIndex(of: "@"),
      let number = Int(name[name.index(after: at)...])
    {
      (path, step) = (String(name[..<at]), number)
    }
    try self.init(in: RunDirectory(path: path), step: step)
  }

  /// The version of a step, or the best one.
  init(in directory: RunDirectory, step: Int?) throws {
    let record = try directory.readExperiment()
    let facts = try catalogue.facts(of: record.experiment.task, data: record.experiment.data)
    self.directory = directory
    self.record = record
    self.facts = facts
    if let model = PublishedModel(in: directory) {
      saved = try model.read(layout: facts.layout)
      guard step.map({ $0 == saved.step }) ?? true else {
        throw TrainingError(
          "\(directory.path) is a published model: it has the version of step \(saved.step) alone.")
      }
      return
    }
    let chosen = try step ?? Self.chosenStep(in: directory, by: facts)
    let steps = directory.checkpointSteps()
    guard steps.contains(chosen) else {
      throw TrainingError(
        "There is no checkpoint of step \(chosen) in \(directory.path); there are those of "
          + "\(steps.map(String.init).joined(separator: ", ")).")
    }
    let state = try Checkpoint.read(
      directory.checkpointPath(step: chosen), layout: facts.layout, of: record)
    saved = SavedValues(step: chosen, digest: state.digest, values: state.values)
  }

  private static func chosenStep(in directory: RunDirectory, by facts: TaskFacts) throws -> Int {
    let steps = directory.checkpointSteps()
    guard let last = steps.last else {
      throw TrainingError(
        "\(directory.path) has no checkpoint yet: the first is written minutes after the start.")
    }
    let reports = try directory.readEvaluations().filter {
      $0.split == .validation && steps.contains($0.step)
    }
    return VersionChoice(by: facts).best(of: reports)?.step ?? last
  }
}
