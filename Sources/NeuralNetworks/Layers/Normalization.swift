// Layers that keep activations at a common mean and scale.

import Autodiff
import Tensors

/// Batch normalisation along axis 1 (Ioffe & Szegedy 2015), PyTorch's `BatchNorm1d` and
/// `BatchNorm2d`.
///
/// While training it normalises with the batch's own statistics and records them in the pass;
/// whoever collects the passes folds them into the running ones. In an evaluation, and where it is
/// frozen, it normalises with the running ones.
public struct BatchNormalization: Sendable {
  /// The scale of each channel, γ.
  public let weight: Parameter
  /// The shift of each channel, β.
  public let bias: Parameter
  /// The running mean of each channel.
  public let runningMean: Statistic
  /// The running unbiased variance of each channel.
  public let runningVariance: Statistic
  /// What is added to the variance, so that nothing is divided by zero.
  public let epsilon: Float

  /// A layer named `name` in the layout, that begins with the identity.
  public init(
    _ name: String, channels: Int, epsilon: Float = 1e-5, in layout: inout ParameterLayout
  ) {
    self.epsilon = epsilon
    weight = layout.addParameter("\(name).weight", [channels], .constant(1))
    bias = layout.addParameter("\(name).bias", [channels], .constant(0))
    runningMean = layout.addStatistic("\(name).running_mean", [channels], .constant(0))
    runningVariance = layout.addStatistic("\(name).running_var", [channels], .constant(1))
  }

  /// The output: `[batch, channels]` or `[batch, channels, height, width]`, like the input.
  public func callAsFunction(_ x: Variable, in pass: ForwardPass) -> Variable {
    guard pass.usesBatchStatistics(for: runningMean) else {
      return x.batchNormalized(
        scale: pass[weight], offset: pass[bias],
        mean: pass.values.statistic(runningMean),
        variance: pass.values.statistic(runningVariance), epsilon: epsilon)
    }
    let result = x.batchNormalized(scale: pass[weight], offset: pass[bias], epsilon: epsilon)
    pass.record(result.mean, for: runningMean)
    pass.record(result.variance, for: runningVariance)
    return result.output
  }
}

/// Normalisation along the last axis (Ba, Kiros & Hinton 2016), PyTorch's `LayerNorm`.
public struct LayerNormalization: Sendable {
  /// The scale of each feature.
  public let weight: Parameter
  /// The shift of each feature.
  public let bias: Parameter

  /// A layer named `name` in the layout, that begins with scale 1 and shift 0.
  public init(_ name: String, features: Int, in layout: inout ParameterLayout) {
    weight = layout.addParameter("\(name).weight", [features], .constant(1))
    bias = layout.addParameter("\(name).bias", [features], .constant(0))
  }

  /// The output: `[…, features]`, like the input.
  public func callAsFunction(_ x: Variable, in pass: ForwardPass) -> Variable {
    x.layerNormalized(scale: pass[weight], offset: pass[bias])
  }
}
