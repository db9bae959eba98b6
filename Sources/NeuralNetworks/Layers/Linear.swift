// The simplest layer: a matrix and a bias.

import Autodiff
import Tensors

/// `y = x Wᵀ + b`, along the last axis.
public struct Linear: Sendable {
  /// The matrix, `[outputs, inputs]`.
  public let weight: Parameter
  /// The bias, `[outputs]`.
  public let bias: Parameter

  /// A layer named `name` in the layout, with PyTorch's initial values: ±1/√inputs.
  public init(
    _ name: String, from inputs: Int, to outputs: Int, in layout: inout ParameterLayout
  ) {
    let initializer = Initializer.uniform(bound: 1 / Float(inputs).squareRoot())
    weight = layout.addParameter("\(name).weight", [outputs, inputs], initializer)
    bias = layout.addParameter("\(name).bias", [outputs], initializer)
  }

  /// The layer's output: `[…, inputs]` to `[…, outputs]`.
  public func callAsFunction(_ x: Variable, in pass: ForwardPass) -> Variable {
    x.affine(weight: pass[weight], bias: pass[bias])
  }
}
