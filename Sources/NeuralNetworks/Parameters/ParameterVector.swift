// The numbers of a model: one flat vector, read through a layout.

import Tensors

/// The values of all parameters and statistics of a layout, each as one flat vector.
public struct ParameterVector: Equatable, Sendable {
  /// Where each parameter lies.
  public let layout: ParameterLayout
  /// The parameters, flat: `[layout.parameterCount]`.
  public var parameters: Tensor
  /// The statistics, flat: `[layout.statisticCount]`.
  public var statistics: Tensor

  /// A vector of the given flat values.
  public init(layout: ParameterLayout, parameters: Tensor, statistics: Tensor) {
    require(
      parameters.shape == [layout.parameterCount] && statistics.shape == [layout.statisticCount],
      "parameter vector: \(parameters.shape) and \(statistics.shape) do not fit the layout")
    self.layout = layout
    self.parameters = parameters
    self.statistics = statistics
  }

  /// The initial values for a seed.
  ///
  /// Each parameter has a random stream of its own, so adding one at the end leaves the others'
  /// values as they were.
  public init(initializing layout: ParameterLayout, seed: UInt64) {
    func values(of segment: [some LayoutEntry], count: Int, subindex: UInt32) -> Tensor {
      Tensor(shape: [count]) { scalars in
        for (index, entry) in segment.enumerated() {
          var random = CounterRandom(
            seed: seed, purpose: .initialization, index: UInt64(index), subindex: subindex)
          for position in entry.range {
            scalars[position] = entry.initializer.draw(from: &random)
          }
        }
      }
    }
    self.init(
      layout: layout,
      parameters: values(of: layout.parameters, count: layout.parameterCount, subindex: 0),
      statistics: values(of: layout.statistics, count: layout.statisticCount, subindex: 1))
  }

  /// Moves the running statistics towards a step's, `[layout.statisticCount]`.
  ///
  /// Frozen ones stay as they are, to the bit.
  public mutating func fold(statistics batch: Tensor, frozen: FrozenParameters = .none) {
    require(
      batch.shape == statistics.shape, "fold: \(batch.shape) into \(statistics.shape)")
    let moving = layout.statistics.filter { !frozen.contains($0.name) }.map(\.range)
    Self.fold(batch, into: &statistics, moving)
  }

  /// Moves some ranges of running statistics towards a step's, as PyTorch does:
  /// `running ← (1 - momentum) · running + momentum · batch`.
  public static func fold(
    _ batch: Tensor, into running: inout Tensor, _ ranges: [Range<Int>], momentum: Float = 0.1
  ) {
    running.withMutableScalars { running in
      batch.withScalars { batch in
        for i in ranges.joined() { running[i] = (1 - momentum) * running[i] + momentum * batch[i] }
      }
    }
  }

  /// The values of one parameter, without copying.
  public func value(of parameter: Parameter) -> Tensor {
    parameters.window(from: parameter.offset, shape: parameter.shape)
  }

  /// The values of one statistic, without copying.
  public func statistic(_ statistic: Statistic) -> Tensor {
    statistics.window(from: statistic.offset, shape: statistic.shape)
  }
}

extension Initializer {
  func draw(from random: inout CounterRandom) -> Float {
    switch self {
    case .constant(let value): value
    case .uniform(let bound): random.uniform(in: -bound..<bound)
    case .normal: random.normal()
    }
  }
}
