// A model with one batch: what is timed, and what is held against another program.

import Autodiff
import Foundation
import Learning
import NeuralNetworks
import Tensors
import Training

/// A model of any family with its values and a batch to compute on.
struct TrialModel {
  /// The name of the configuration, or the folder that the weights are of.
  let name: String
  /// The model's parameters and statistics.
  let layout: ParameterLayout
  /// The values.
  let values: ParameterVector
  /// The loss of the batch, and the prediction that it is of.
  let loss: (ForwardPass) -> (loss: Variable, prediction: Any)

  /// Where a trial's model and batch come from.
  struct Source {
    /// The name of a configuration; `nil` takes the model from the weights.
    var config: String?
    /// A run, a published model or a safetensors file; `nil` for initial values.
    var weights: String?
    /// The number of samples to make up.
    var count = 1
    /// A file with the batch instead.
    var batchFile: String?
  }

  /// The model of a configuration or of a trained version.
  ///
  /// A trained version of a task that needs no files computes on samples of its task, since how
  /// much of a trained model is active depends on what it sees; whatever else on random numbers.
  init(_ source: Source) throws {
    if let path = source.weights, Self.isDirectory(path.split(separator: "@").first ?? "") {
      guard source.config == nil else {
        throw TrainingError("\(path) says which model it is of: leave out --config.")
      }
      self = try Self.trained(try SavedVersion(named: path), path, source)
      return
    }
    guard let config = source.config else {
      throw TrainingError(
        "Say which model: --config NAME, one of "
          + catalogue.models.map(\.name).joined(separator: ", ") + "; or --weights RUN.")
    }
    let named = try catalogue.model(named: config)
    self = try Self.named(named.family, named, source)
  }

  private static func isDirectory(_ path: some StringProtocol) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: String(path), isDirectory: &isDirectory)
      && isDirectory.boolValue
  }

  private static func named<Family: ModelFamily>(
    _ family: Family.Type, _ named: NamedModel, _ source: Source
  ) throws -> TrialModel {
    let model = try family.model(try family.preset(named.preset).settings, data: nil)
    let values =
      try source.weights.map {
        try ParameterVector(try Safetensors(contentsOf: $0), layout: model.layout)
      } ?? ParameterVector(initializing: model.layout, seed: 0)
    return TrialModel(
      name: named.name, values: values, model: model, batch: try batch(family, model, source))
  }

  private static func trained(
    _ version: SavedVersion, _ path: String, _ source: Source
  ) throws -> TrialModel {
    func trained<Family: TaskFamily>(_ family: Family.Type) throws -> TrialModel {
      let experiment = version.record.experiment
      let settings = try experiment.task.settings(of: family)
      let model = try family.model(settings, data: experiment.data)
      var batch: Family.Model.Batch
      if source.batchFile == nil, experiment.data == nil {
        let task = try family.open(settings, data: nil, at: nil)
        var drawn = experiment
        (drawn.replicas, drawn.batchSize) = (1, source.count)
        batch = try trainingBatch(of: task, step: 1, replica: 0, experiment: drawn)
      } else {
        batch = try Self.batch(family, model, source)
      }
      return TrialModel(name: path, values: version.saved.values, model: model, batch: batch)
    }
    return try trained(try catalogue.task(version.record.experiment.task.family))
  }

  private static func batch<Family: ModelFamily>(
    _ family: Family.Type, _ model: Family.Model, _ source: Source
  ) throws -> Family.Model.Batch {
    if let file = source.batchFile {
      return try family.batch(for: model, from: try Safetensors(contentsOf: file), prefix: "")
    }
    var random = CounterRandom(seed: 0, purpose: .trial, index: 0)
    return family.trialBatch(for: model, count: source.count, random: &random)
  }

  private init<Model: LearningModel>(
    name: String, values: ParameterVector, model: Model, batch: Model.Batch
  ) {
    self.name = name
    self.values = values
    layout = model.layout
    loss = { pass in
      let prediction = model.predict(batch, in: pass)
      return (model.loss(of: prediction, for: batch, in: pass), prediction)
    }
  }
}
