// What keeps one bad mini-batch from throwing the parameters away.

import Tensors

/// Scaling a gradient down when its norm is above a maximum (Pascanu, Mikolov & Bengio 2013).
public struct GradientClipping: Hashable, Codable, Sendable {
  /// The greatest norm that a gradient keeps.
  public var maximumNorm: Double

  /// Clipping to a norm.
  public init(maximumNorm: Double) { self.maximumNorm = maximumNorm }

  /// Why this clipping cannot be trained with, in one sentence, or nil if it can.
  public var problem: String? {
    maximumNorm > 0 ? nil : "The greatest gradient norm is \(maximumNorm); it must be positive."
  }

  /// What to multiply a gradient of the given norm by, as PyTorch's `clip_grad_norm_` has it:
  /// at most 1, and `maximumNorm / (norm + 10⁻⁶)` above that.
  public func coefficient(forNorm norm: Double) -> Float {
    let coefficient = Float(maximumNorm / (norm + 1e-6))
    // In this order a norm that is not a number gives a coefficient that is none either.
    return coefficient > 1 ? 1 : coefficient
  }
}

/// The Euclidean norm of a flat vector, the same bits however the vector is shared out.
///
/// The squares are added up within chunks of fixed places, and the chunks' sums in order. Servers
/// whose slices begin at multiples of `chunkCount` each compute their own chunks' sums.
public enum GlobalNorm {
  /// The scalars of a chunk.
  public static let chunkCount = 65_536

  /// The norm of a whole vector.
  public static func norm(of vector: Tensor) -> Double {
    norm(fromSquares: squares(of: vector))
  }

  /// The norm of the vector whose chunks have the given sums of squares, in order.
  public static func norm(fromSquares squares: [Double]) -> Double {
    squares.reduce(0, +).squareRoot()
  }

  /// The sum of squares of each chunk of a vector or of a slice that begins with a chunk.
  public static func squares(of vector: Tensor) -> [Double] {
    vector.withScalars { scalars in
      stride(from: 0, to: scalars.count, by: chunkCount).map { start in
        sumOfSquares(
          UnsafeBufferPointer(rebasing: scalars[start..<min(start + chunkCount, scalars.count)]))
      }
    }
  }

  /// Eight running sums, added up in order at the end, so that the loop is eight lanes wide.
  private static func sumOfSquares(_ scalars: UnsafeBufferPointer<Float>) -> Double {
    var lanes = SIMD8<Double>.zero
    let whole = scalars.count & ~7
    for start in stride(from: 0, to: whole, by: 8) {
      var values = SIMD8<Double>.zero
      for lane in 0..<8 { values[lane] = Double(scalars[start + lane]) }
      lanes += values * values
    }
    var sum = 0.0
    for lane in 0..<8 { sum += lanes[lane] }
    for scalar in scalars[whole...] { sum += Double(scalar) * Double(scalar) }
    return sum
  }
}
