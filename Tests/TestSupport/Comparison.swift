// The one way in which tests compare numbers that are not the same to the bit.

import Tensors

/// What the size of a tensor is.
public enum Norm: Sendable {
  /// The greatest magnitude of an element: one wrong element among many is seen.
  case greatest
  /// The root of the sum of squares: a few elements may be off, as where rounding moves a number
  /// across the kink of a ReLU.
  case euclidean

  fileprivate func size(of scalars: [Float]) -> Double {
    switch self {
    case .greatest: scalars.reduce(0) { max($0, Double($1.magnitude)) }
    case .euclidean:
      scalars.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    }
  }
}

/// The size of the difference of two tensors as a share of the size of the expected one, or of
/// `scale` where what is expected is nothing but rounding errors.
///
/// Infinite if the shapes differ, if any number is not finite, and if the expected tensor is zero
/// and the other is not.
public func distance(
  of found: Tensor, from expected: Tensor, relativeTo scale: Tensor? = nil,
  by norm: Norm = .greatest
) -> Double {
  let (a, b, reference) = (found.scalars, expected.scalars, (scale ?? expected).scalars)
  guard found.shape == expected.shape, [a, b, reference].allSatisfy({ $0.allSatisfy(\.isFinite) })
  else { return .infinity }
  let difference = norm.size(of: zip(a, b).map { $0 - $1 })
  return difference == 0 ? 0 : difference / norm.size(of: reference)
}

/// The greatest distance of tensors from what was expected of each.
public func distance(
  of found: [Tensor], from expected: [Tensor], by norm: Norm = .greatest
) -> Double {
  guard found.count == expected.count else { return .infinity }
  return zip(found, expected).reduce(0) { max($0, distance(of: $1.0, from: $1.1, by: norm)) }
}

/// The difference of two numbers as a share of the expected one's magnitude; as for tensors.
public func distance(of found: Double, from expected: Double) -> Double {
  guard found.isFinite && expected.isFinite else { return .infinity }
  return found == expected ? 0 : (found - expected).magnitude / expected.magnitude
}
