// What is measured of a model, and the algebra of measuring: sums and weights that add.

/// Something that is measured of a model's predictions: an accuracy, a distance, a rank.
///
/// Its path says what it is a part of: `accuracy/relation/near` is a part of `accuracy/relation`,
/// which is a part of `accuracy`. Only the leaves are measured; a parent is the sum of its
/// children.
public struct Metric: Hashable, Sendable {
  /// Which values are better.
  public enum Direction: String, Codable, Sendable {
    /// An accuracy, a share of hits.
    case higher
    /// A loss, a distance.
    case lower
  }

  /// How values are shown to people.
  public enum Unit: String, Codable, Sendable {
    /// A share from 0 to 1, shown in percent.
    case share
    /// Any number, shown as it is.
    case number
    /// How many, shown without decimals.
    case count
  }

  /// The names from the root to the leaf.
  public let path: MetricPath
  /// Which values are better.
  public let better: Direction
  /// How values are shown.
  public let unit: Unit

  /// A metric of the given path, such as `accuracy/count`.
  public init(_ path: MetricPath, better: Direction, unit: Unit) {
    self.path = path
    self.better = better
    self.unit = unit
  }

  /// The share of right answers, or a part of it.
  public static func accuracy(_ parts: String...) -> Metric {
    Metric(MetricPath(["accuracy"] + parts), better: .higher, unit: .share)
  }

  /// The mean loss of a sample, which every task has.
  public static let loss = Metric("loss", better: .lower, unit: .number)
}

/// The place of a metric among others: names from the root to the leaf, written with slashes.
public struct MetricPath: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
  /// The names; at least one, none empty or with a slash.
  public let names: [String]

  /// A path of names.
  public init(_ names: [String]) {
    precondition(
      !names.isEmpty && names.allSatisfy { !$0.isEmpty && !$0.contains("/") },
      "a metric's path is \(names)")
    self.names = names
  }

  /// A path as it is written: `accuracy/count`.
  public init(stringLiteral text: String) {
    self.init(text.split(separator: "/", omittingEmptySubsequences: false).map(String.init))
  }

  /// The names with slashes between them.
  public var description: String { names.joined(separator: "/") }

  /// Whether this is `other` or a part of it.
  public func isPart(of other: MetricPath) -> Bool { names.starts(with: other.names) }

  /// The paths above this one, from the root down, and this one itself.
  public var fromRoot: [MetricPath] {
    names.indices.map { MetricPath(Array(names[...$0])) }
  }
}

/// A sum and what it is to be divided by: the right answers among so many questions, the squared
/// errors of so many numbers.
///
/// Measurements of parts add up to the measurement of the whole, in whatever parts the samples were
/// taken; what is not of this form, such as a median, is not measured.
public struct Measurement: Hashable, Sendable {
  /// The sum over what was measured.
  public var sum: Double
  /// The number of things, or the sum of their weights.
  public var weight: Double

  /// A measurement of the given sum and weight.
  public init(sum: Double, weight: Double) {
    self.sum = sum
    self.weight = weight
  }

  /// The measurement of nothing.
  public static let nothing = Measurement(sum: 0, weight: 0)

  /// The mean; `nil` if nothing was measured.
  public var value: Double? { weight == 0 ? nil : sum / weight }

  /// The measurement of two parts together.
  ///
  /// The order of many additions matters to the last bit.
  public static func + (a: Measurement, b: Measurement) -> Measurement {
    Measurement(sum: a.sum + b.sum, weight: a.weight + b.weight)
  }

  /// Adds the measurement of another part.
  public static func += (a: inout Measurement, b: Measurement) { a = a + b }

  /// Whether sum and weight are numbers, and the weight is not negative.
  public var isSound: Bool { sum.isFinite && weight.isFinite && weight >= 0 }
}
