// Several linear layers with something between them that is not linear.

import Autodiff
import Tensors

/// What stands between two linear layers.
public enum Activation: Hashable, Sendable {
  /// The positive part.
  case relu
  /// The positive part, and the negative part times a slope.
  case leakyRelu(slope: Float)
  /// The hyperbolic tangent.
  case tanh

  /// The activation of every element.
  public func callAsFunction(_ x: Variable) -> Variable {
    switch self {
    case .relu: x.relu()
    case .leakyRelu(let slope): x.leakyRelu(slope: slope)
    case .tanh: x.tanh()
    }
  }
}

/// A multi-layer perceptron: linear layers with an activation between each two, none at the end.
///
/// The parameters are called as in PyTorch's `nn.Sequential`, where activations and dropout count,
/// too: `name.0.weight`, `name.2.weight`, ….
public struct Perceptron: Sendable {
  /// The linear layers, first to last.
  public let layers: [Linear]
  /// What stands between them.
  public let activation: Activation
  /// What is dropped before the last layer while training.
  public let dropout: Dropout?

  /// A perceptron from `inputs` features through layers of the given widths, the last of which is
  /// the output's.
  public init(
    _ name: String, from inputs: Int, through widths: [Int], activation: Activation = .relu,
    dropout: Float = 0, in layout: inout ParameterLayout
  ) {
    require(!widths.isEmpty, "perceptron \(name): no layers")
    let drops = dropout > 0 && widths.count > 1
    var layers: [Linear] = []
    var features = inputs
    for (index, width) in widths.enumerated() {
      let position = 2 * index + (drops && index == widths.count - 1 ? 1 : 0)
      layers.append(Linear("\(name).\(position)", from: features, to: width, in: &layout))
      features = width
    }
    self.layers = layers
    self.activation = activation
    self.dropout = drops ? Dropout(probability: dropout) : nil
  }

  /// The output: `[…, inputs]` to `[…, widths.last]`.
  public func callAsFunction(_ x: Variable, in pass: ForwardPass) -> Variable {
    var x = x
    for layer in layers.dropLast() { x = activation(layer(x, in: pass)) }
    if let dropout { x = dropout(x, in: pass) }
    return layers[layers.count - 1](x, in: pass)
  }
}
