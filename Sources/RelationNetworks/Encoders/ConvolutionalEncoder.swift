// From pixels to objects: the cells of a feature map, tagged with where they are.

import Autodiff
import NeuralNetworks
import Tensors

/// Convolutions that turn an image into objects (section 4, "Dealing with pixels").
///
/// Each layer is a 3 x 3 convolution of stride 2 and padding 1, batch normalisation and ReLU, so
/// four layers turn 75 x 75 pixels into 5 x 5 cells and 128 x 128 into 8 x 8.
///
/// Parameters are `prefix.net.0.weight` (convolution), `prefix.net.1.weight` (normalisation),
/// `prefix.net.3.weight`, … with ReLUs counted, as PyTorch numbers them.
public struct ConvolutionalEncoder: Sendable {
  /// The convolutions, from the image on.
  public let convolutions: [Convolution]
  /// The normalisation after each convolution.
  public let normalizations: [BatchNormalization]
  /// The kernels of each layer.
  public let channels: [Int]

  /// An encoder of images with three planes.
  public init(_ prefix: String, channels: [Int], in layout: inout ParameterLayout) {
    precondition(!channels.isEmpty, "encoder without layers")
    self.channels = channels
    var convolutions: [Convolution] = []
    var normalizations: [BatchNormalization] = []
    for (index, (inputs, outputs)) in zip([3] + channels, channels).enumerated() {
      convolutions.append(
        Convolution(
          "\(prefix).net.\(3 * index)", from: inputs, to: outputs, kernel: 3, stride: 2, padding: 1,
          in: &layout))
      normalizations.append(
        BatchNormalization("\(prefix).net.\(3 * index + 1)", channels: outputs, in: &layout))
    }
    self.convolutions = convolutions
    self.normalizations = normalizations
  }

  /// The features of an object: a cell's channels and its two coordinates.
  public var objectFeatures: Int { channels[channels.count - 1] + 2 }

  /// The last feature map, `[batch, channels, d, d]`, of images `[batch, 3, height, width]`.
  public func featureMap(_ images: Variable, in pass: ForwardPass) -> Variable {
    if normalizations.allSatisfy({ pass.usesBatchStatistics(for: $0.runningMean) }) {
      return trainedFeatureMap(images, in: pass)
    }
    var map = images
    for (convolve, normalize) in zip(convolutions, normalizations) {
      map = normalize(convolve(map, in: pass), in: pass).relu()
    }
    return map
  }

  /// The same by the fused operation, with the batch's statistics.
  private func trainedFeatureMap(_ images: Variable, in pass: ForwardPass) -> Variable {
    let (stride, padding) = (convolutions[0].stride, convolutions[0].padding)
    let epsilon = normalizations[0].epsilon
    precondition(
      convolutions.allSatisfy { $0.stride == stride && $0.padding == padding }
        && normalizations.allSatisfy { $0.epsilon == epsilon },
      "encoder: layers of unequal strides, paddings or epsilons")
    let biases = convolutions.map { layer in
      layer.bias.map { pass[$0] } ?? pass.tape.constant(.zeros([layer.weight.shape[0]]))
    }
    let result = images.convolutionStack(
      weights: convolutions.map { pass[$0.weight] }, biases: biases,
      scales: normalizations.map { pass[$0.weight] },
      offsets: normalizations.map { pass[$0.bias] }, stride: stride, padding: padding,
      epsilon: epsilon)
    for (index, normalization) in normalizations.enumerated() {
      pass.record(result.means[index], for: normalization.runningMean)
      pass.record(result.variances[index], for: normalization.runningVariance)
    }
    return result.output
  }

  /// The objects `[batch, d * d, channels + 2]` of images `[batch, 3, height, width]`: the cells,
  /// row by row, each with its channels and then its row and column from -1 to 1.
  public func callAsFunction(_ images: Variable, in pass: ForwardPass) -> Variable {
    let map = featureMap(images, in: pass)
    let (batch, channels, rows, columns) = (map.shape[0], map.shape[1], map.shape[2], map.shape[3])
    let cells = map.reshaped(to: [batch, channels, rows * columns]).transposed()
    let coordinates = pass.tape.constant(Self.coordinates(rows: rows, columns: columns))
      .broadcast(to: [batch, rows * columns, 2])
    return .concatenate([cells, coordinates], axis: 2)
  }

  /// The row and the column of each cell, `[rows * columns, 2]`.
  static func coordinates(rows: Int, columns: Int) -> Tensor {
    let (y, x) = (evenlySpaced(rows), evenlySpaced(columns))
    return Tensor(y.flatMap { y in x.flatMap { [y, $0] } }, shape: [rows * columns, 2])
  }

  /// `count` numbers from -1 to 1, symmetric to the bit; PyTorch's `linspace`.
  private static func evenlySpaced(_ count: Int) -> [Float] {
    guard count > 1 else { return [-1] }
    let step = 2 / Float(count - 1)
    return (0..<count).map { i in
      i < count / 2 ? -1 + step * Float(i) : 1 - step * Float(count - 1 - i)
    }
  }
}
