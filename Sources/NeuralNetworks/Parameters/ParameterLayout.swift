// Which parameters a model has, and where each lies in the flat vector.

import Tensors

/// What a parameter and a statistic have in common: a name, a shape and a place in the flat vector
/// of their segment.
public protocol LayoutEntry: Hashable, Sendable {
  /// The name, as PyTorch's `state_dict` has it: `rn.g.0.weight`.
  var name: String { get }
  /// The shape, as PyTorch has it.
  var shape: Shape { get }
  /// The position of the first scalar in the segment of the flat vector.
  var offset: Int { get }
  /// How the initial values are drawn.
  var initializer: Initializer { get }
}

extension LayoutEntry {
  /// The positions of the scalars in the segment of the flat vector.
  public var range: Range<Int> { offset..<offset + shape.count }
}

/// A handle on what gradients move.
public struct Parameter: LayoutEntry {
  /// The name, as PyTorch's `state_dict` has it.
  public let name: String
  /// The shape, as PyTorch has it.
  public let shape: Shape
  /// The position of the first scalar among those of all parameters.
  public let offset: Int
  /// How the initial values are drawn.
  public let initializer: Initializer
}

/// A handle on what is averaged from batch to batch: a running mean or variance.
public struct Statistic: LayoutEntry {
  /// The name, as PyTorch's `state_dict` has it.
  public let name: String
  /// The shape, as PyTorch has it.
  public let shape: Shape
  /// The position of the first scalar among those of all statistics.
  public let offset: Int
  /// How the initial values are drawn.
  public let initializer: Initializer
}

/// How the initial values of a parameter are drawn.
public enum Initializer: Hashable, Sendable {
  /// The same value everywhere.
  case constant(Float)
  /// Uniform in `-bound ..< bound`.
  case uniform(bound: Float)
  /// Normal with mean 0 and standard deviation 1.
  case normal
}

/// The names, shapes and offsets of everything that training changes, in two segments: the
/// *parameters*, which gradients move, and the *statistics* (batch normalisation's running means
/// and variances), which are averaged.
///
/// One layout serves values, gradients, Adam's moments, checkpoints and the wire.
public struct ParameterLayout: Hashable, Sendable {
  /// The trained parameters, in order of their offsets.
  public private(set) var parameters: [Parameter] = []
  /// The statistics, in order of their offsets, which start again from 0.
  public private(set) var statistics: [Statistic] = []
  /// The number of scalars of all parameters.
  public private(set) var parameterCount = 0
  /// The number of scalars of all statistics.
  public private(set) var statisticCount = 0

  /// An empty layout, to be filled by the layers of a model as they are made.
  public init() {}

  /// Appends a parameter.
  ///
  /// Names must be unique in the layout.
  public mutating func addParameter(
    _ name: String, _ shape: Shape, _ initializer: Initializer
  ) -> Parameter {
    requireNew(name)
    let parameter = Parameter(
      name: name, shape: shape, offset: parameterCount, initializer: initializer)
    parameters.append(parameter)
    parameterCount += shape.count
    return parameter
  }

  /// Appends a statistic.
  ///
  /// Names must be unique in the layout.
  public mutating func addStatistic(
    _ name: String, _ shape: Shape, _ initializer: Initializer
  ) -> Statistic {
    requireNew(name)
    let statistic = Statistic(
      name: name, shape: shape, offset: statisticCount, initializer: initializer)
    statistics.append(statistic)
    statisticCount += shape.count
    return statistic
  }

  /// All parameters, then all statistics.
  public var entries: [any LayoutEntry] { parameters + statistics }

  /// The parameter that a position of the flat vector belongs to.
  public func parameter(at position: Int) -> Parameter? {
    parameters.first { $0.range.contains(position) }
  }

  private func requireNew(_ name: String) {
    require(
      !entries.contains { $0.name == name }, "two parameters or statistics are called \(name)")
  }
}
