// What is known of a task without its data: all that a server needs.

import NeuralNetworks

/// What can be reached without learning anything: always giving the commonest answer, say.
public struct Baseline: Hashable, Sendable {
  /// What it does, in a few words: "always the commonest answer".
  public let name: String
  /// What it reaches on each split, by metric; what is missing is not known.
  public let measurements: [Split: [MetricPath: Measurement]]

  /// A baseline of the given results.
  public init(_ name: String, _ measurements: [Split: [MetricPath: Measurement]]) {
    self.name = name
    self.measurements = measurements
  }

  /// What it reaches at a path or at the sum of those below it; `nil` if that is not known.
  public func value(of path: MetricPath, on split: Split) -> Double? {
    guard let known = measurements[split] else { return nil }
    return known.filter { $0.key.isPart(of: path) }
      .sorted { $0.key.description < $1.key.description }
      .reduce(Measurement.nothing) { $0 + $1.value }.value
  }
}

/// The facts of a task: what a server, a table and a list have to know of it, none of which needs
/// its data.
public struct TaskFacts: Sendable {
  /// The model's parameters and statistics.
  public let layout: ParameterLayout
  /// What is measured: the loss first, then the task's own metrics.
  public let metrics: [Metric]
  /// What follows from several metrics.
  public let derived: [DerivedFigure]
  /// The metric, or sum of metrics, that chooses the best version on the validation split.
  public let selector: MetricPath
  /// Which values of the selector are better.
  public let better: Metric.Direction
  /// What can be reached without learning anything.
  public let baselines: [Baseline]
  /// The number of samples of each split; a split that is missing has none.
  public let sampleCounts: [Split: Int]
  /// The samples that are evaluated together: few enough to fit between two steps, unless a metric
  /// needs more of them side by side, as a ranking needs its whole pool.
  public let evaluationPartSize: Int

  /// Facts of the given parts.
  ///
  /// - Parameters:
  ///   - metrics: the task's own; the loss is put before them.
  ///   - selector: the path of a metric, of a sum of metrics, or `loss`.
  public init(
    layout: ParameterLayout, metrics: [Metric], derived: [DerivedFigure] = [],
    selector: MetricPath, baselines: [Baseline] = [], sampleCounts: [Split: Int],
    evaluationPartSize: Int = 200
  ) {
    let all = [Metric.loss] + metrics
    guard let chosen = all.first(where: { $0.path.isPart(of: selector) }) else {
      preconditionFailure("there is no metric \(selector) among \(all.map(\.path))")
    }
    precondition(evaluationPartSize > 0, "an evaluation part of \(evaluationPartSize) samples")
    self.layout = layout
    self.metrics = all
    self.derived = derived
    self.selector = selector
    better = chosen.better
    self.baselines = baselines
    self.sampleCounts = sampleCounts
    self.evaluationPartSize = evaluationPartSize
  }

  /// The number of samples of a split.
  public func sampleCount(of split: Split) -> Int { sampleCounts[split] ?? 0 }

  /// The number of parts of an evaluation on a split.
  public func evaluationPartCount(of split: Split) -> Int {
    (sampleCount(of: split) + evaluationPartSize - 1) / evaluationPartSize
  }

  /// The samples of one part of an evaluation.
  public func evaluationSamples(part: Int, of split: Split) -> Range<Int> {
    let count = sampleCount(of: split)
    let start = min(part * evaluationPartSize, count)
    return start..<min(start + evaluationPartSize, count)
  }

  /// Whether a value of the selector is better than another.
  public func isBetter(_ value: Double, than other: Double) -> Bool {
    switch better {
    case .higher: value > other
    case .lower: value < other
    }
  }
}
