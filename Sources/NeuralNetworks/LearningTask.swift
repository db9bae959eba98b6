// What training has to know of a task, and all it knows of it.

import Autodiff
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

/// A kind of question that is reported on its own: `closest` of the group `relational`.
public struct Category: Hashable, Codable, Sendable {
  /// The name in reports.
  public let name: String
  /// The group it is summed up in.
  public let group: String

  /// A category of a group.
  public init(_ name: String, in group: String) {
    self.name = name
    self.group = group
  }
}

/// What a model made of a batch.
public struct Outcome {
  /// The loss, a mean over the samples of the batch, on the pass's tape.
  public let loss: Variable
  /// The logits, `[batch, answers]`.
  public let logits: Variable
  /// How many samples of each category were answered right, in the order of the categories.
  public let correct: [Int]
  /// How many samples of each category there were.
  public let counted: [Int]

  /// An outcome of the given parts.
  public init(loss: Variable, logits: Variable, correct: [Int], counted: [Int]) {
    self.loss = loss
    self.logits = logits
    self.correct = correct
    self.counted = counted
  }
}

/// A data set and a model for it.
///
/// Everything is a function of the arguments: sample `i` of a split is always the same sample, and
/// `forward` reads nothing but the batch and the pass. So any process computes the same numbers.
public protocol LearningTask<Batch>: Sendable {
  /// Some samples, as tensors.
  associatedtype Batch: Sendable

  /// The model's parameters and statistics.
  var layout: ParameterLayout { get }

  /// The kinds of question that accuracy is reported for.
  var categories: [Category] { get }

  /// The number of samples of a split.
  func sampleCount(of split: Split) -> Int

  /// The given samples of a split, in the given order.
  func batch(of samples: [Int], in split: Split) throws -> Batch

  /// The loss and the right answers of a batch.
  func forward(_ batch: Batch, in pass: ForwardPass) -> Outcome

  /// The accuracy, from 0 to 1, of always giving the commonest answer of each category, in the
  /// order of the categories: what a model has to beat to have learnt anything.
  func commonestAnswerAccuracy(in split: Split) throws -> [Double]
}
