// The lines and files that a run leaves for people and programs to read.

import Foundation
import NeuralNetworks

/// A line of `steps.jsonl`.
public struct StepRecord: Codable, Hashable, Sendable {
  /// The step, from 1.
  public var step: Int
  /// The mean loss of the step's mini-batches.
  public var loss: Double
  /// The share of right answers in them, from 0 to 1.
  public var accuracy: Double
  /// The learning rate.
  public var learningRate: Double
  /// The wall time of the step.
  public var seconds: Double
  /// The chained digest of the values after the step.
  public var digest: Digest
  /// How long computing stood still in the step for want of mini-batches, in seconds.
  ///
  /// In a cluster, that of the worker in which it stood still longest; absent in lines of earlier
  /// releases.
  public var dataWait: Double?
  /// Who the step waited for last: a worker, or nobody in a single process.
  public var waitedFor: String?
  /// The workers alive; absent in a single process.
  public var workers: Int?

  enum CodingKeys: String, CodingKey {
    case step, loss, accuracy, seconds, digest, workers
    case learningRate = "learning_rate"
    case dataWait = "data_wait"
    case waitedFor = "waited_for"
  }
}

/// How a version of the values does on a split: a line of `evaluations.jsonl`, a part of
/// `summary.json`, and what `relate evaluate --json` prints.
public struct EvaluationReport: Codable, Hashable, Sendable {
  /// The version that was evaluated.
  public var step: Int
  /// The split.
  public var split: Split
  /// The mean loss.
  public var loss: Double
  /// The share of right answers to all questions, from 0 to 1.
  public var overall: Double
  /// The share of right answers of each group of categories, by name.
  public var groups: [String: Double]
  /// The share of right answers of each category, by name.
  public var categories: [String: Double]
  /// What always giving the commonest answer of each category would reach, by name, with the
  /// groups and `overall` beside the categories.
  public var commonestAnswer: [String: Double]
  /// The number of questions of each category.
  public var counts: [String: Int]

  /// The report of a tally.
  ///
  /// - Parameter guesses: the accuracy of the commonest answer, in the order of the categories.
  public init(
    step: Int, split: Split, tally: Tally, categories names: [Category], guesses: [Double]
  ) {
    self.step = step
    self.split = split
    loss = tally.loss
    overall = tally.accuracy
    categories = [:]
    counts = [:]
    commonestAnswer = [:]
    groups = [:]
    var guessed: [String: (right: Double, counted: Int)] = [:]
    var answered: [String: (right: Int, counted: Int)] = [:]
    for (index, category) in names.enumerated() {
      let counted = tally.counted[index]
      categories[category.name] = counted == 0 ? 0 : Double(tally.correct[index]) / Double(counted)
      counts[category.name] = counted
      commonestAnswer[category.name] = guesses[index]
      for sum in [category.group, "overall"] {
        guessed[sum, default: (0, 0)].right += guesses[index] * Double(counted)
        guessed[sum, default: (0, 0)].counted += counted
        answered[sum, default: (0, 0)].right += tally.correct[index]
        answered[sum, default: (0, 0)].counted += counted
      }
    }
    for (name, sum) in guessed {
      commonestAnswer[name] = sum.counted == 0 ? 0 : sum.right / Double(sum.counted)
    }
    for (name, sum) in answered where name != "overall" {
      groups[name] = sum.counted == 0 ? 0 : Double(sum.right) / Double(sum.counted)
    }
  }

  enum CodingKeys: String, CodingKey {
    case step, split, loss, overall, groups, categories, counts
    case commonestAnswer = "commonest_answer"
  }
}

/// `summary.json`: how a finished run ended.
public struct RunSummary: Codable, Hashable, Sendable {
  /// The number of steps.
  public var steps: Int
  /// The wall time of all steps.
  public var seconds: Double
  /// The digest after the last step.
  public var digest: Digest
  /// The step of the best checkpoint by validation accuracy, which the results are of.
  public var bestStep: Int
  /// Its accuracies on the validation split, flat by name.
  public var validation: SplitSummary
  /// Its accuracies on the test split, flat by name.
  public var test: SplitSummary

  enum CodingKeys: String, CodingKey {
    case steps, seconds, digest, validation, test
    case bestStep = "best_step"
  }
}

/// The accuracies of a split in `summary.json`: `overall`, one key for each group of categories,
/// and `categories` by name.
public struct SplitSummary: Codable, Hashable, Sendable {
  /// The share of right answers to all questions.
  public var overall: Double
  /// The share of right answers of each group.
  public var groups: [String: Double]
  /// The share of right answers of each category.
  public var categories: [String: Double]

  /// The summary of a report.
  public init(_ report: EvaluationReport) {
    overall = report.overall
    groups = report.groups
    categories = report.categories
  }

  private struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  /// Reads the flat form.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Name.self)
    overall = try container.decode(Double.self, forKey: Name(stringValue: "overall"))
    categories = try container.decode(
      [String: Double].self, forKey: Name(stringValue: "categories"))
    groups = [:]
    for name in container.allKeys where !["overall", "categories"].contains(name.stringValue) {
      groups[name.stringValue] = try container.decode(Double.self, forKey: name)
    }
  }

  /// Writes the flat form: the groups stand beside `overall`.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Name.self)
    try container.encode(overall, forKey: Name(stringValue: "overall"))
    try container.encode(categories, forKey: Name(stringValue: "categories"))
    for (name, accuracy) in groups {
      try container.encode(accuracy, forKey: Name(stringValue: name))
    }
  }
}

/// `experiment.json`: the experiment, and the versions and the machine it ran on.
public struct ExperimentRecord: Codable, Hashable, Sendable {
  /// Everything that fixes the run.
  public var experiment: Experiment
  /// The hash of the experiment, which checkpoints carry.
  public var fingerprint: Digest
  /// The numerics fingerprint that every process of the run must have.
  public var numerics: Digest
  /// What the fingerprint stands for, in words.
  public var engine: String
  /// The version of this software.
  public var relate: String
  /// The machine that the run was started on.
  public var machine: String
  /// When the run was started, in ISO 8601.
  public var started: String

  /// The record of an experiment that begins now.
  ///
  /// - Parameters:
  ///   - numerics: the numerics fingerprint of this process, which `engine` says in words.
  ///   - relate: the version of this software.
  ///   - machine: the machine in words.
  public init(
    _ experiment: Experiment, numerics: Digest, engine: String, relate: String, machine: String
  ) {
    self.experiment = experiment
    fingerprint = experiment.fingerprint()
    self.numerics = numerics
    self.engine = engine
    self.relate = relate
    self.machine = machine
    started = Date().ISO8601Format()
  }
}
