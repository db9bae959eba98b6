// The lines and files that a run leaves for people and programs to read.

import Foundation
import Learning
import NeuralNetworks

/// A line of `steps.jsonl`.
public struct StepRecord: Codable, Hashable, Sendable {
  /// The step, from 1.
  public var step: Int
  /// The mean loss of the step's mini-batches.
  public var loss: Double
  /// The share of right answers in them, from 0 to 1, if the task has answers that are right.
  public var accuracy: Double?
  /// What else was measured, by metric from the root: nothing below, so that lines stay short.
  public var metrics: [String: Double]?
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

  /// The record of a step.
  public init(
    step: Int, _ outcome: StepOutcome, seconds: Double, dataWait: Double, waitedFor: String? = nil,
    workers: Int? = nil
  ) {
    self.step = step
    learningRate = Double(outcome.learningRate)
    digest = outcome.digest
    self.seconds = seconds
    self.dataWait = dataWait
    self.waitedFor = waitedFor
    self.workers = workers
    let values = outcome.measurements.valuesByPath(isIncluded: { $0.path.names.count == 1 })
    loss = values[Metric.loss.path.description] ?? 0
    accuracy = values[MetricPath.accuracy.description]
    let rest = values.filter {
      ![Metric.loss.path.description, MetricPath.accuracy.description].contains($0.key)
    }
    metrics = rest.isEmpty ? nil : rest
  }

  /// The value of a metric from the root; `nil` if it has none.
  public func value(of path: MetricPath) -> Double? {
    switch path {
    case Metric.loss.path: loss
    case .accuracy: accuracy
    default: metrics?[path.description]
    }
  }

  enum CodingKeys: String, CodingKey {
    case step, loss, accuracy, metrics, seconds, digest, workers
    case learningRate = "learning_rate"
    case dataWait = "data_wait"
    case waitedFor = "waited_for"
  }
}

extension MetricPath {
  /// The share of right answers, of which a run keeps records under a name of their own.
  public static let accuracy: MetricPath = "accuracy"
}

extension Measurements {
  /// The values by path of those rows that have one that JSON can say.
  func valuesByPath(isIncluded: (Row) -> Bool = { _ in true }) -> [String: Double] {
    var values: [String: Double] = [:]
    for row in rows where isIncluded(row) {
      values[row.path.description] = row.measurement.value.flatMap { $0.isFinite ? $0 : nil }
    }
    return values
  }
}

/// How a version of the values does on a split: a line of `evaluations.jsonl`, and what
/// `relate evaluate --json` prints.
public struct EvaluationReport: Codable, Hashable, Sendable {
  /// The version that was evaluated.
  public var step: Int
  /// The split.
  public var split: Split
  /// The number of samples.
  public var samples: Int
  /// The value of each metric, of each sum of metrics and of what follows from them, by its path;
  /// what nothing was measured of is missing.
  public var metrics: [String: Double]
  /// How much was measured of each: the number of questions, say.
  public var counts: [String: Double]
  /// What is reached without learning anything, by the name of the way and the path.
  public var baselines: [String: [String: Double]]

  /// The report of what was measured.
  public init(step: Int, split: Split, measurements: Measurements, facts: TaskFacts) {
    self.step = step
    self.split = split
    samples = Int(measurements[Metric.loss.path]?.weight ?? 0)
    metrics = measurements.valuesByPath()
    counts = [:]
    baselines = [:]
    for row in measurements.rows {
      counts[row.path.description] = row.measurement.weight
      for baseline in facts.baselines {
        guard let value = baseline.value(of: row.path, on: split), value.isFinite else { continue }
        baselines[baseline.name, default: [:]][row.path.description] = value
      }
    }
    for figure in facts.derived {
      let path = figure.path.description
      let parts = measurements.rows.map(\.path).filter(figure.follows).map(\.description)
      metrics[path] = figure.value(of: parts.compactMap { metrics[$0] })
      counts[path] = metrics[path].map { _ in Double(parts.count { metrics[$0] != nil }) }
      for (name, values) in baselines {
        baselines[name]?[path] = figure.value(of: parts.compactMap { values[$0] })
      }
    }
  }

  /// The value of a metric or a sum of metrics; `nil` if nothing was measured of it.
  public func value(of path: MetricPath) -> Double? { metrics[path.description] }

  /// The mean loss of a sample; `nil` if there was no sample.
  public var loss: Double? { value(of: Metric.loss.path) }
}

/// `summary.json`: how a finished run ended.
public struct RunSummary: Codable, Hashable, Sendable {
  /// The number of steps.
  public var steps: Int
  /// The wall time of all steps.
  public var seconds: Double
  /// The digest after the last step.
  public var digest: Digest
  /// The step of the best checkpoint by validation, which the results are of.
  public var bestStep: Int
  /// How it does on the validation split.
  public var validation: SplitSummary
  /// How it does on the test split.
  public var test: SplitSummary
  /// What the processes that computed it spent their time with; absent for a single process.
  public var activity: RunActivity?

  enum CodingKeys: String, CodingKey {
    case steps, seconds, digest, validation, test, activity
    case bestStep = "best_step"
  }
}

/// How a version does on a split, in `summary.json`: every metric by its path and, for tasks with
/// accuracies, those once more in the flat form that is read most.
///
/// The flat form has `overall` for `accuracy`, `G` for the sum `accuracy/G`, and in `categories`
/// `C` for the leaf `accuracy/C` or `accuracy/G/C`. Where that name is taken the path stands in its
/// place.
public struct SplitSummary: Codable, Hashable, Sendable {
  /// The value of each metric, and of each sum of metrics, by its path.
  public var metrics: [String: Double]

  /// The summary of a report.
  public init(_ report: EvaluationReport) { metrics = report.metrics }

  /// The share of right answers; `nil` if the task has no right answers.
  public var overall: Double? { metrics[MetricPath.accuracy.description] }

  /// The share of right answers of each group of categories, by name.
  public var groups: [String: Double] {
    var groups: [String: Double] = [:]
    for (path, value) in metrics {
      guard let parts = Self.partsOfAccuracy(path), parts.count == 1, !isLeaf(path) else {
        continue
      }
      let isTaken = Self.ownKeys.contains(parts[0])
      groups[isTaken ? path : parts[0]] = value
    }
    return groups
  }

  /// The share of right answers of each category, by name.
  public var categories: [String: Double] {
    let leaves = metrics.keys.filter { Self.partsOfAccuracy($0) != nil && isLeaf($0) }
    let names = leaves.map { path in
      // The group is left out if there is one.
      Self.partsOfAccuracy(path).map { $0.suffix(from: $0.count > 1 ? 1 : 0) }?
        .joined(separator: "/") ?? path
    }
    let uses = Dictionary(names.map { ($0, 1) }, uniquingKeysWith: +)
    var categories: [String: Double] = [:]
    for (path, name) in zip(leaves, names) {
      categories[uses[name] == 1 ? name : path] = metrics[path]
    }
    return categories
  }

  private func isLeaf(_ path: String) -> Bool {
    !metrics.keys.contains { $0.hasPrefix(path + "/") }
  }

  /// The names below `accuracy`; `nil` for another path, or `accuracy` itself.
  private static func partsOfAccuracy(_ path: String) -> [String]? {
    let names = path.split(separator: "/").map(String.init)
    return names.count > 1 && names[0] == MetricPath.accuracy.description
      ? Array(names.dropFirst()) : nil
  }

  private static let ownKeys = ["overall", "categories", "metrics"]

  private struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(_ name: String) { stringValue = name }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  /// Reads the metrics, which the rest follows from.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Name.self)
    metrics = try container.decode([String: Double].self, forKey: Name("metrics"))
  }

  /// Writes the metrics and the flat form.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Name.self)
    try container.encode(metrics, forKey: Name("metrics"))
    guard let overall else { return }
    try container.encode(overall, forKey: Name("overall"))
    try container.encode(categories, forKey: Name("categories"))
    for (name, accuracy) in groups { try container.encode(accuracy, forKey: Name(name)) }
  }
}

/// `experiment.json`: the experiment, and the versions and the machine it ran on.
public struct ExperimentRecord: Codable, Hashable, Sendable {
  /// Everything that fixes the run.
  public var experiment: Experiment
  /// The hash of the experiment, which checkpoints carry.
  public var fingerprint: Digest
  /// The numbers of steps that the run had before it was given more: its checkpoints may be of
  /// experiments that differ in nothing else.
  public var earlierSteps: [Int]
  /// The fingerprint of some samples, by which a worker knows that it draws the same; `nil` if
  /// whoever began the run had no data.
  public var samples: Digest?
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
  ///   - samples: the fingerprint of some samples; `nil` if there is no data here.
  ///   - numerics: the numerics fingerprint of this process, which `engine` says in words.
  ///   - relate: the version of this software.
  ///   - machine: the machine in words.
  public init(
    _ experiment: Experiment, samples: Digest? = nil, numerics: Digest, engine: String,
    relate: String, machine: String
  ) {
    self.experiment = experiment
    fingerprint = experiment.fingerprint()
    earlierSteps = []
    self.samples = samples
    self.numerics = numerics
    self.engine = engine
    self.relate = relate
    self.machine = machine
    started = Date().ISO8601Format()
  }

  /// The record of the same run with more steps.
  ///
  /// Throws a `TrainingError` if there are not more, or those so far would have been others.
  public func extended(toSteps steps: Int) throws(TrainingError) -> ExperimentRecord {
    guard steps > experiment.steps else {
      throw TrainingError(
        "The run has \(experiment.steps) steps; name a greater number instead of \(steps).")
    }
    var longer = self
    longer.experiment.steps = steps
    // A schedule that falls towards its end says for how many steps it is made.
    if let problem = longer.experiment.problem() {
      throw TrainingError(
        """
        The run cannot be given more steps: \(problem). Its steps so far would be others. A new \
        run can begin with what it learned: --from and the run's directory.
        """)
    }
    longer.earlierSteps.append(experiment.steps)
    longer.fingerprint = longer.experiment.fingerprint()
    return longer
  }

  /// The fingerprints that the run's checkpoints may carry.
  var checkpointFingerprints: Set<Digest> {
    Set(
      [fingerprint]
        + earlierSteps.map { steps in
          var shorter = experiment
          shorter.steps = steps
          return shorter.fingerprint()
        })
  }
}
