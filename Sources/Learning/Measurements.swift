// The measurements of all metrics of a task, read as a tree.

/// A measurement of each of a task's metrics, in the order of the metrics.
public struct Measurements: Hashable, Sendable {
  /// The metrics: the leaves of the tree, the loss first.
  public let metrics: [Metric]
  /// The measurement of each metric.
  public private(set) var values: [Measurement]

  /// Measurements of nothing.
  public init(of metrics: [Metric]) {
    self.init(metrics, [Measurement](repeating: .nothing, count: metrics.count))
  }

  /// The given measurements, one for each metric.
  public init(_ metrics: [Metric], _ values: [Measurement]) {
    precondition(
      metrics.count == values.count, "\(values.count) measurements of \(metrics.count) metrics")
    self.metrics = metrics
    self.values = values
  }

  /// Adds the measurements of other samples.
  public mutating func add(_ others: [Measurement]) {
    precondition(
      others.count == values.count, "\(others.count) measurements of \(metrics.count) metrics")
    for index in values.indices { values[index] += others[index] }
  }

  /// The measurement of a metric or of the sum of those below a path; `nil` if there is no such
  /// path.
  public subscript(path: MetricPath) -> Measurement? {
    let parts = metrics.indices.filter { metrics[$0].path.isPart(of: path) }
    return parts.isEmpty ? nil : parts.reduce(.nothing) { $0 + values[$1] }
  }

  /// The mean loss of a sample; `nil` if there was no sample.
  public var loss: Double? { self[Metric.loss.path]?.value }

  /// A metric or the sum of several, with what was measured of it.
  public struct Row: Hashable, Sendable {
    /// The path from the root.
    public let path: MetricPath
    /// Whether there is nothing below it.
    public let isLeaf: Bool
    /// Which values are better.
    public let better: Metric.Direction
    /// How its value is shown.
    public let unit: Metric.Unit
    /// What was measured.
    public let measurement: Measurement
  }

  /// All metrics and their parents, parents before their children, otherwise in the order of the
  /// metrics.
  public var rows: [Row] {
    var seen: Set<MetricPath> = []
    var rows: [Row] = []
    for path in Self.inTreeOrder(metrics.map(\.path)) where seen.insert(path).inserted {
      guard let metric = metrics.first(where: { $0.path.isPart(of: path) }) else { continue }
      rows.append(
        Row(
          path: path, isLeaf: metric.path == path, better: metric.better, unit: metric.unit,
          measurement: self[path] ?? .nothing))
    }
    return rows
  }

  /// Every path and those above it, so that what belongs together stands together.
  private static func inTreeOrder(_ leaves: [MetricPath]) -> [MetricPath] {
    var children: [MetricPath?: [MetricPath]] = [:]
    for leaf in leaves {
      var parent: MetricPath?
      for path in leaf.fromRoot {
        if children[parent]?.contains(path) != true { children[parent, default: []].append(path) }
        parent = path
      }
    }
    func below(_ parent: MetricPath?) -> [MetricPath] {
      (children[parent] ?? []).flatMap { [$0] + below($0) }
    }
    return below(nil)
  }
}
