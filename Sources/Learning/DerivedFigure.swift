// Figures that follow from several metrics, and are no sums of samples.

/// A figure that follows from the metrics right below a path: how many of them reach a mark.
///
/// It is not measured. What nothing was measured of does not count.
public struct DerivedFigure: Hashable, Sendable {
  /// How it follows.
  public enum Rule: Hashable, Sendable {
    /// The number of values that are at least so much.
    case count(atLeast: Double)
    /// The mean of what the values lack of 1, each of the same weight: the mean error of tasks.
    case meanShortfall
    /// The mean of the values, each of the same weight.
    case mean
  }

  /// Where it stands among the metrics: `tasks_passed`.
  public let path: MetricPath
  /// What it is of: `accuracy` for each `accuracy/NAME`.
  public let parent: MetricPath
  /// How it follows from the values.
  public let rule: Rule

  /// A figure of the given parts.
  public init(_ path: MetricPath, of parent: MetricPath, _ rule: Rule) {
    self.path = path
    self.parent = parent
    self.rule = rule
  }

  /// Which values are better.
  public var better: Metric.Direction {
    switch rule {
    case .count, .mean: .higher
    case .meanShortfall: .lower
    }
  }

  /// How it is shown.
  public var unit: Metric.Unit {
    switch rule {
    case .count: .count
    case .meanShortfall, .mean: .share
    }
  }

  /// Whether a path is that of one of the values that it follows from.
  public func follows(from path: MetricPath) -> Bool {
    path.isPart(of: parent) && path.names.count == parent.names.count + 1
  }

  /// The figure of some values; `nil` if there are none.
  public func value(of values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    switch rule {
    case .count(let mark): return Double(values.count { $0 >= mark })
    case .meanShortfall:
      return values.reduce(0) { $0 + (1 - $1) } / Double(values.count)
    case .mean: return values.reduce(0, +) / Double(values.count)
    }
  }
}
