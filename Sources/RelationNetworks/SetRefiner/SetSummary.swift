// What a set sums up to: H_agg of the Set Refiner Network.

import Autodiff
import NeuralNetworks
import Tensors

/// A function from sets to vectors that does not see the order of elements.
public enum SetSummary: Sendable {
  /// A perceptron for each element, and sort pooling over what it makes of them, as the paper's
  /// circles have it.
  case elements(Perceptron, FSPool)
  /// Layers, each followed by a ReLU, for each ordered pair of elements, and sort pooling over the
  /// pairs, as the paper's CLEVR has it.
  case relations([Linear], FSPool)

  /// A summary of elements, named `prefix` in the layout: from `features` through the widths, the
  /// last of which is that of the result.
  public static func ofElements(
    _ prefix: String, features: Int, widths: [Int], in layout: inout ParameterLayout
  ) -> SetSummary {
    .elements(
      Perceptron("\(prefix).mlp", from: features, through: widths, in: &layout),
      FSPool("\(prefix).pool", features: widths[widths.count - 1], in: &layout))
  }

  /// A summary of pairs, named `prefix` in the layout.
  public static func ofRelations(
    _ prefix: String, features: Int, widths: [Int], in layout: inout ParameterLayout
  ) -> SetSummary {
    let inputs = [2 * features] + widths.dropLast()
    let layers = zip(inputs, widths).enumerated().map { number, widths in
      Linear("\(prefix).g.\(2 * number)", from: widths.0, to: widths.1, in: &layout)
    }
    return .relations(
      layers, FSPool("\(prefix).pool", features: widths[widths.count - 1], in: &layout))
  }

  /// What each set of `[batch, n, features]` sums up to, `[batch, width]`.
  ///
  /// Before they are pooled, elements and pairs are divided by how many there are, so that the
  /// result does not grow with the set.
  public func callAsFunction(_ set: Variable, in pass: ForwardPass) -> Variable {
    let count = set.shape[1]
    switch self {
    case .elements(let perceptron, let pool):
      return pool(perceptron(set, in: pass) / Float(count), in: pass)
    case .relations(let layers, let pool):
      var pairs = Self.pairs(of: set)
      for layer in layers { pairs = layer(pairs, in: pass).relu() }
      return pool(pairs / Float(count * count), in: pass)
    }
  }

  /// All ordered pairs, side by side: `[batch, n, d]` to `[batch, n², 2d]`.
  private static func pairs(of set: Variable) -> Variable {
    let (batch, count, width) = (set.shape[0], set.shape[1], set.shape[2])
    func everywhere(_ shape: Shape) -> Variable {
      set.reshaped(to: shape).broadcast(to: [batch, count, count, width])
    }
    return Variable.concatenate(
      [everywhere([batch, count, 1, width]), everywhere([batch, 1, count, width])], axis: 3
    ).reshaped(to: [batch, count * count, 2 * width])
  }
}
