// What a family of tasks offers: its settings, its presets, its models, its data.

import Files
import NeuralNetworks
import Tensors

/// How a preset is trained unless a person says otherwise.
public struct TrainingPlan: Hashable, Sendable {
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

  /// A plan of the given numbers.
  public init(
    steps: Int, learningRate: LearningRateSchedule, batchSize: Int, replicas: Int,
    evaluationInterval: Int
  ) {
    self.steps = steps
    self.learningRate = learningRate
    self.batchSize = batchSize
    self.replicas = replicas
    self.evaluationInterval = evaluationInterval
  }
}

/// Settings with a name, and how to train with them.
public struct Preset<Settings: Hashable & Sendable>: Sendable {
  /// The name on the command line.
  public let name: String
  /// One sentence.
  public let summary: String
  /// The settings.
  public let settings: Settings
  /// How to train with them.
  public let plan: TrainingPlan

  /// A preset of the given parts.
  public init(_ name: String, _ summary: String, settings: Settings, plan: TrainingPlan) {
    self.name = name
    self.summary = summary
    self.settings = settings
    self.plan = plan
  }
}

/// A name that can be chosen, and what it stands for.
public struct CatalogueEntry: Hashable, Sendable {
  /// The name on the command line.
  public let name: String
  /// One sentence.
  public let summary: String

  /// An entry.
  public init(_ name: String, _ summary: String) {
    self.name = name
    self.summary = summary
  }
}

/// Models that share their settings and the form of their batches: one folder, one conformance.
///
/// What has no data yet can be timed and held against another program's model.
public protocol ModelFamily: Sendable {
  /// Everything that fixes a model and its data: models as an enumeration, sizes, counts, seeds.
  ///
  /// Its JSON names every setting, those with a default too, so that each can be set by name.
  associatedtype Settings: Codable & Hashable & Sendable
  /// The model.
  associatedtype Model: LearningModel

  /// The name on the command line.
  static var name: String { get }
  /// One sentence.
  static var summary: String { get }
  /// The models that the setting `model` chooses among; empty if there is one alone.
  static var models: [CatalogueEntry] { get }
  /// The presets, the one to begin with first; never empty.
  static var presets: [Preset<Settings>] { get }

  /// The model of the settings.
  ///
  /// - Parameter data: the data set whose identity the model's shape may depend on; `nil` for
  ///   generated data.
  /// - Throws: a `CatalogueError` that says which setting cannot be built.
  static func model(_ settings: Settings, data: DataSetIdentity?) throws(CatalogueError) -> Model

  /// Made-up samples of the task's true shapes, for timing.
  static func trialBatch(
    for model: Model, count: Int, random: inout CounterRandom
  ) -> Model.Batch

  /// A batch from a file that another program may have written; the names of its tensors begin with
  /// `prefix`.
  static func batch(
    for model: Model, from file: Safetensors, prefix: String
  ) throws(SafetensorsError) -> Model.Batch
}

/// Models with data: what can be trained.
public protocol TaskFamily: ModelFamily {
  /// The task.
  associatedtype Task: LearningTask where Task.Model == Model

  /// The settings that may differ between training and evaluation, by their dotted keys.
  static var evaluationSettings: [String] { get }

  /// The data that a trained model is tried on as it reads them: their words by its numbers, say.
  ///
  /// Throws a `CatalogueError` if it cannot read them.
  static func evaluationIdentity(
    of data: DataSetIdentity, for trained: DataSetIdentity?
  ) throws(CatalogueError) -> DataSetIdentity

  /// What is known of the task of the settings without opening its data.
  static func facts(
    _ settings: Settings, data: DataSetIdentity?
  ) throws(CatalogueError) -> TaskFacts

  /// The task of the settings.
  ///
  /// - Parameters:
  ///   - data: the data set that the facts are of; `nil` for generated data.
  ///   - place: where it is.
  static func open(
    _ settings: Settings, data: DataSetIdentity?, at place: DataPlace?
  ) throws -> Task
}

extension TaskFamily {
  /// None.
  public static var evaluationSettings: [String] { [] }

  /// The data as they are.
  public static func evaluationIdentity(
    of data: DataSetIdentity, for trained: DataSetIdentity?
  ) throws(CatalogueError) -> DataSetIdentity { data }
}
