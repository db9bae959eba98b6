// What training has to know of a model and a task, and all it knows of them.

import Autodiff
import NeuralNetworks
import Tensors

/// A part of a data set.
public enum Split: String, CaseIterable, Codable, Sendable {
  /// The samples that parameters are fitted to.
  case training
  /// The samples that choose among checkpoints.
  case validation
  /// The samples that results are reported on.
  case test
}

/// Some samples of a split, and the random numbers that belong to them.
///
/// A batch is a function of its draw and nothing else: whoever draws it, and when, its numbers are
/// the same. So what a task makes up beside its samples (augmentation, negatives) comes from
/// `random(at:)`.
public struct Draw: Hashable, Sendable {
  /// The split.
  public let split: Split
  /// The samples, in order.
  public let samples: [Int]
  private let seed: UInt64
  private let step: Int
  private let lane: Int

  /// The samples of a replica's mini-batch; steps count from 1.
  public init(training samples: [Int], seed: UInt64, step: Int, replica: Int) {
    split = .training
    self.samples = samples
    self.seed = seed
    self.step = step
    lane = replica
  }

  /// The samples of a part of an evaluation, the same for every version that is evaluated.
  public init(evaluating samples: [Int], of split: Split, seed: UInt64, part: Int) {
    self.split = split
    self.samples = samples
    self.seed = seed
    step = 0
    lane = part
  }

  /// The random numbers of the sample at a position of `samples`.
  public func random(at position: Int) -> CounterRandom {
    // A batch has at most 65,536 samples, a run a billion steps.
    CounterRandom(
      seed: seed, purpose: .draw,
      index: UInt64(split.code) << 48 | UInt64(step) << 17 | UInt64(position),
      subindex: UInt32(truncatingIfNeeded: lane))
  }
}

extension Split {
  /// The number of the split in keys and on the wire.
  public var code: UInt8 {
    switch self {
    case .training: 0
    case .validation: 1
    case .test: 2
    }
  }

  /// The split of a number that may come from anywhere.
  public init?(code: UInt8) {
    guard let split = Self.allCases.first(where: { $0.code == code }) else { return nil }
    self = split
  }
}

/// A model: what it predicts, what that costs, and what is measured of it.
///
/// Everything is a function of the arguments, so any process computes the same numbers.
public protocol LearningModel<Batch>: Sendable {
  /// Some samples, as tensors.
  associatedtype Batch: Sendable
  /// What the model makes of a batch: logits, a set, an adjacency.
  associatedtype Prediction

  /// The model's parameters and statistics.
  var layout: ParameterLayout { get }

  /// What the model makes of a batch.
  func predict(_ batch: Batch, in pass: ForwardPass) -> Prediction

  /// The loss of a prediction, a scalar: the mean over the samples of the batch.
  func loss(of prediction: Prediction, for batch: Batch, in pass: ForwardPass) -> Variable

  /// A measurement for each of the task's own metrics, in their order.
  func measure(_ prediction: Prediction, for batch: Batch) -> [Measurement]
}

/// A model with the data that it learns from.
public protocol LearningTask<Model>: Sendable {
  /// The model.
  associatedtype Model: LearningModel

  /// The model.
  var model: Model { get }

  /// What is known of the task without its data.
  var facts: TaskFacts { get }

  /// The samples of a draw.
  func batch(_ draw: Draw) throws -> Model.Batch

  /// What was asked, what was predicted and what was right, for each sample of a batch: what
  /// becomes a line of a file of predictions.
  ///
  /// `nil` for a task whose predictions cannot be put so.
  func exhibits(
    _ prediction: Model.Prediction, for batch: Model.Batch
  ) -> [[String: JSONValue]]?
}

extension LearningTask {
  /// `nil`.
  public func exhibits(
    _ prediction: Model.Prediction, for batch: Model.Batch
  ) -> [[String: JSONValue]]? { nil }
}
