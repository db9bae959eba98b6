// What a graph sums up to: the encoder of the Graph Refiner Network.

import Autodiff
import NeuralNetworks
import Tensors

/// A graph neural network over a complete graph whose edges have weights, which are what the Graph
/// Refiner Network moves (Huang and others 2020, section 2.3).
///
/// A layer adds to what it makes of a node what it makes of the others, each as much as its edge
/// weighs:
///
///     hᵢ ← ReLU(W hᵢ + b + (1 / n) Σⱼ wᵢⱼ (V hⱼ + c))
///
/// The last layer has no ReLU; the graph sums up to the mean of its nodes. The paper does not say
/// how its encoder is built.
public struct GraphSummary: Sendable {
  private let layers: [(own: Linear, others: Linear)]

  /// A network named `prefix` in the layout, from `features` of a node through the widths, the last
  /// of which is that of the result.
  public init(
    _ prefix: String, features: Int, widths: [Int], in layout: inout ParameterLayout
  ) {
    var inputs = features
    var layers: [(own: Linear, others: Linear)] = []
    for (number, width) in widths.enumerated() {
      layers.append(
        (
          Linear("\(prefix).\(number).own", from: inputs, to: width, in: &layout),
          Linear("\(prefix).\(number).others", from: inputs, to: width, in: &layout)
        ))
      inputs = width
    }
    self.layers = layers
  }

  /// What each graph sums up to: nodes `[batch, n, features]` and weights `[batch, n, n]` to
  /// `[batch, width]`.
  public func callAsFunction(
    _ nodes: Variable, weights: Variable, in pass: ForwardPass
  ) -> Variable {
    let share = 1 / Float(nodes.shape[1])
    var nodes = nodes
    for (number, layer) in layers.enumerated() {
      let messages = weights.matrixProduct(layer.others(nodes, in: pass)) * share
      nodes = layer.own(nodes, in: pass) + messages
      if number < layers.count - 1 { nodes = nodes.relu() }
    }
    return nodes.mean(axes: [1])
  }
}
