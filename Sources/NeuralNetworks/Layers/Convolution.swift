// Layers that look at a small window of an image at a time.

import Autodiff
import Tensors

/// A two-dimensional convolution with square kernels, PyTorch's `Conv2d`.
public struct Convolution: Sendable {
  /// The kernels, `[outputs, inputs, kernel, kernel]`.
  public let weight: Parameter
  /// The bias of each output channel, `[outputs]`, if there is one.
  public let bias: Parameter?
  /// The distance between windows.
  public let stride: Int
  /// The zeros around the image.
  public let padding: Int

  /// A layer named `name` in the layout, with PyTorch's initial values: ±1/√(inputs · kernel²).
  public init(
    _ name: String, from inputs: Int, to outputs: Int, kernel: Int, stride: Int = 1,
    padding: Int = 0, hasBias: Bool = true, in layout: inout ParameterLayout
  ) {
    let initializer = Initializer.uniform(bound: 1 / Float(inputs * kernel * kernel).squareRoot())
    weight = layout.addParameter(
      "\(name).weight", [outputs, inputs, kernel, kernel], initializer)
    bias = hasBias ? layout.addParameter("\(name).bias", [outputs], initializer) : nil
    self.stride = stride
    self.padding = padding
  }

  /// The feature maps: `[batch, inputs, height, width]` to `[batch, outputs, …, …]`.
  public func callAsFunction(_ x: Variable, in pass: ForwardPass) -> Variable {
    x.convolution2D(
      weight: pass[weight], bias: bias.map { pass[$0] }, stride: stride, padding: padding)
  }
}

/// The adjoint of a convolution with respect to its image, PyTorch's `ConvTranspose2d`.
public struct TransposedConvolution: Sendable {
  /// The kernels, `[inputs, outputs, kernel, kernel]`.
  public let weight: Parameter
  /// The bias of each output channel, `[outputs]`.
  public let bias: Parameter
  /// The distance between windows of the output.
  public let stride: Int
  /// What is cut off around the output.
  public let padding: Int
  /// What the output is longer by, to undo a stride's rounding down.
  public let outputPadding: Int

  /// A layer named `name` in the layout, with PyTorch's initial values: ±1/√(outputs · kernel²).
  public init(
    _ name: String, from inputs: Int, to outputs: Int, kernel: Int, stride: Int = 1,
    padding: Int = 0, outputPadding: Int = 0, in layout: inout ParameterLayout
  ) {
    // PyTorch takes the second axis of the weight for the inputs', also here.
    let initializer = Initializer.uniform(bound: 1 / Float(outputs * kernel * kernel).squareRoot())
    weight = layout.addParameter(
      "\(name).weight", [inputs, outputs, kernel, kernel], initializer)
    bias = layout.addParameter("\(name).bias", [outputs], initializer)
    self.stride = stride
    self.padding = padding
    self.outputPadding = outputPadding
  }

  /// The images: `[batch, inputs, height, width]` to `[batch, outputs, …, …]`.
  public func callAsFunction(_ x: Variable, in pass: ForwardPass) -> Variable {
    x.transposedConvolution2D(
      weight: pass[weight], bias: pass[bias], stride: stride, padding: padding,
      outputPadding: outputPadding)
  }
}
