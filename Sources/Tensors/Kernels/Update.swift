// The server's arithmetic: the mean of contributions and Adam.

import CKernels

extension Kernels {
  /// Adam (Kingma and Ba 2015, algorithm 1) in place, on vectors of one count; `step` counts from
  /// 1.
  ///
  ///     m = β₁ m + (1 - β₁) g,  v = β₂ v + (1 - β₂) g²
  ///     p = p - rate · m / (1 - β₁ᵗ) / (√(v / (1 - β₂ᵗ)) + ε)
  public static func adam(
    parameters: UnsafeMutableBufferPointer<Float>, firstMoments: UnsafeMutableBufferPointer<Float>,
    secondMoments: UnsafeMutableBufferPointer<Float>, gradient: UnsafeBufferPointer<Float>,
    step: Int, learningRate: Float, beta1: Double = 0.9, beta2: Double = 0.999,
    epsilon: Double = 1e-8
  ) {
    require(
      parameters.count == gradient.count && firstMoments.count == gradient.count
        && secondMoments.count == gradient.count, "adam: vectors of different counts")
    require(step >= 1, "adam: steps count from 1")
    let stepSize = Double(learningRate) / (1 - wholePower(beta1, step))
    let rootCorrection = (1 - wholePower(beta2, step)).squareRoot()
    // Each factor is rounded once, from Double: 1 - β₂ in Float is off by a part in 20,000.
    relate_adam(
      gradient.count, parameters.baseAddress, firstMoments.baseAddress, secondMoments.baseAddress,
      gradient.baseAddress, Float(1 - beta1), Float(beta2), Float(1 - beta2), Float(epsilon),
      Float(stepSize), Float(rootCorrection))
  }

  /// By squaring, because the bits of the system's `pow` are not ours.
  private static func wholePower(_ base: Double, _ exponent: Int) -> Double {
    var (result, square, remaining) = (1.0, base, exponent)
    while remaining > 0 {
      if remaining % 2 == 1 { result *= square }
      square *= square
      remaining /= 2
    }
    return result
  }

  /// `((x₀ + x₁) + x₂ …) / N` for every element; the order of summation is the contributions'.
  ///
  /// Returns the first index whose mean is infinite or not a number, or nil. All counts must agree.
  public static func mean(
    of contributions: [UnsafeBufferPointer<Float>], into result: UnsafeMutableBufferPointer<Float>
  ) -> Int? {
    require(
      !contributions.isEmpty && contributions.allSatisfy { $0.count == result.count },
      "mean: \(contributions.map(\.count)) scalars into \(result.count)")
    let addresses = contributions.map(\.baseAddress)
    let scale = 1 / Float(contributions.count)
    if relate_mean(result.count, addresses.count, addresses, scale, result.baseAddress) {
      return nil
    }
    return firstNotFinite(UnsafeBufferPointer(result))
  }

  /// The first index of a scalar that is infinite or not a number, or nil.
  public static func firstNotFinite(_ scalars: UnsafeBufferPointer<Float>) -> Int? {
    let index = relate_first_not_finite(scalars.count, scalars.baseAddress)
    return index < 0 ? nil : index
  }
}
