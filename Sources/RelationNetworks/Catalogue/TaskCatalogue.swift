// What can be trained, by name.

import Foundation
import NeuralNetworks

/// How a preset is trained unless a person says otherwise.
public struct PresetDefaults: Codable, Hashable, Sendable {
  /// The updates of a run.
  public var steps: Int
  /// The learning rate of each step.
  public var learningRate: LearningRateSchedule
  /// The samples of a replica's mini-batch.
  public var batchSize: Int
  /// The mini-batches of a step.
  public var replicas: Int
  /// The steps from one evaluation to the next.
  public var evaluationInterval: Int
}

/// A name that can be chosen, and what it stands for.
public struct CatalogueEntry: Hashable, Sendable {
  /// The name on the command line.
  public let name: String
  /// One sentence.
  public let summary: String
}

/// A task and what can be chosen of it.
public struct TaskDescription: Hashable, Sendable {
  /// The name on the command line.
  public let name: String
  /// One sentence.
  public let summary: String
  /// The models, the default one first.
  public let models: [CatalogueEntry]
  /// The presets, the default one first.
  public let presets: [CatalogueEntry]
}

/// Everything that can be trained, by name.
public enum TaskCatalogue {
  /// The tasks.
  public static let tasks = [SortOfCLEVRCatalogue.description]

  /// The configuration of a preset.
  ///
  /// Without `preset` the task's default, without `model` the preset's.
  /// Throws a `CatalogueError` that lists the known names if one is unknown.
  public static func configuration(
    task: String, model: String? = nil, preset: String? = nil
  ) throws(CatalogueError) -> TaskConfiguration {
    try requireTask(task)
    return try SortOfCLEVRCatalogue.configuration(model: model, preset: preset)
  }

  /// How the configuration's preset is trained.
  public static func defaults(
    for configuration: TaskConfiguration
  ) throws(CatalogueError) -> PresetDefaults {
    try requireTask(configuration.task)
    return try SortOfCLEVRCatalogue.preset(configuration.preset).defaults
  }

  /// The task that a configuration describes.
  ///
  /// Throws a `CatalogueError` if a name is unknown or a number cannot be built.
  public static func task(
    _ configuration: TaskConfiguration
  ) throws(CatalogueError) -> any LearningTask {
    try requireTask(configuration.task)
    return try SortOfCLEVRCatalogue.task(configuration)
  }

  /// Writes the data set of a configuration to files; see `SortOfCLEVR.DataSet.export`.
  public static func export(
    _ configuration: TaskConfiguration, to directory: URL, scale: Int = 1,
    progress: (_ written: Int, _ total: Int) -> Void = { _, _ in }
  ) throws {
    try requireTask(configuration.task)
    try SortOfCLEVRCatalogue.requireCounts(configuration.imageCounts)
    let dataSet = SortOfCLEVR.DataSet(
      seed: configuration.dataSeed, imageCounts: configuration.imageCounts)
    try dataSet.export(to: directory, scale: scale, progress: progress)
  }

  private static func requireTask(_ name: String) throws(CatalogueError) {
    guard tasks.contains(where: { $0.name == name }) else {
      throw CatalogueError(unknown: name, kind: "task", known: tasks.map(\.name))
    }
  }
}
