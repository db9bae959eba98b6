// How a mean gradient moves the parameters.

import Tensors

/// The hyper-parameters of Adam (Kingma & Ba 2015, Algorithm 1), apart from the learning rate.
public struct AdamSettings: Hashable, Codable, Sendable {
  /// The decay of the mean of gradients, β₁.
  public var beta1: Double
  /// The decay of the mean of squared gradients, β₂.
  public var beta2: Double
  /// What keeps the denominator away from zero, ε.
  public var epsilon: Double

  /// Settings, the paper's unless told otherwise.
  public init(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
  }

  /// Why these settings cannot be trained with, in one sentence, or nil if they can.
  public var problem: String? {
    if !(0..<1).contains(beta1) { return "Adam's beta1 is \(beta1); it must be in 0 ..< 1." }
    if !(0..<1).contains(beta2) { return "Adam's beta2 is \(beta2); it must be in 0 ..< 1." }
    // It is used as a `Float`, where 1e-46 is 0.
    if !(Float(epsilon) > 0 && Float(epsilon).isFinite) {
      return "Adam's epsilon is \(epsilon); it must be from 1e-45 to 3e38, e.g. 1e-8."
    }
    return nil
  }
}

/// Adam's running means, each as one flat vector beside the parameters'.
public struct AdamMoments: Equatable, Sendable {
  /// The running mean of gradients, m.
  public var first: Tensor
  /// The running mean of squared gradients, v.
  public var second: Tensor

  /// Moments of the given values, which must have the same count.
  public init(first: Tensor, second: Tensor) {
    require(first.shape == second.shape, "moments: \(first.shape) and \(second.shape)")
    self.first = first
    self.second = second
  }

  /// The moments before the first step of a model with `count` parameters.
  public init(count: Int) {
    self.init(first: .zeros([count]), second: .zeros([count]))
  }
}

/// One step of Adam: the settings, the learning rate and the number of the step.
///
///     m ← β₁ m + (1 - β₁) g
///     v ← β₂ v + (1 - β₂) g²
///     θ ← θ - α · m / (1 - β₁ᵗ) / (√(v / (1 - β₂ᵗ)) + ε)
///
/// Every parameter moves by itself, so a server may update any range as soon as its gradient is
/// there: the bits are those of one update of the whole vector. Roundings happen where PyTorch's
/// do.
public struct AdamStep: Sendable {
  private let step: Int
  private let learningRate: Float
  private let settings: AdamSettings

  /// The step with the given number, counted from 1.
  public init(_ step: Int, learningRate: Float, settings: AdamSettings = AdamSettings()) {
    require(step >= 1, "Adam: step \(step), but steps count from 1")
    self.step = step
    self.learningRate = learningRate
    self.settings = settings
  }

  /// Updates a range of the flat vectors with the gradient of that range: `[range.count]`.
  public func update(
    _ parameters: inout Tensor, moments: inout AdamMoments, in range: Range<Int>, gradient: Tensor
  ) {
    require(
      gradient.count == range.count && range.lowerBound >= 0
        && range.upperBound <= parameters.count && moments.first.count == parameters.count,
      "Adam: gradient \(gradient.shape) for \(range) of \(parameters.count) parameters")
    parameters.withMutableScalars { parameters in
      moments.first.withMutableScalars { first in
        moments.second.withMutableScalars { second in
          gradient.withScalars { gradient in
            update(
              UnsafeMutableBufferPointer(rebasing: parameters[range]),
              first: UnsafeMutableBufferPointer(rebasing: first[range]),
              second: UnsafeMutableBufferPointer(rebasing: second[range]), gradient: gradient)
          }
        }
      }
    }
  }

  /// Updates scalars in place; the four buffers have the same count.
  public func update(
    _ parameters: UnsafeMutableBufferPointer<Float>,
    first: UnsafeMutableBufferPointer<Float>, second: UnsafeMutableBufferPointer<Float>,
    gradient: UnsafeBufferPointer<Float>
  ) {
    Kernels.adam(
      parameters: parameters, firstMoments: first, secondMoments: second, gradient: gradient,
      step: step, learningRate: learningRate, beta1: settings.beta1, beta2: settings.beta2,
      epsilon: settings.epsilon)
  }
}
