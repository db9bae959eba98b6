// From a set to a vector: each feature sorted, then weighted by rank.

import Autodiff
import Tensors

/// Featurewise sort pooling (Zhang, Hare & Prügel-Bennett 2020): every feature of a set is sorted
/// from its largest value down, and its sum is weighted by rank.
///
/// The weight of the j-th of n values is read off a piecewise linear function of j / (n − 1), which
/// is learnt for each feature; so sets of any size are pooled. The order of elements does not
/// matter.
public struct FSPool: Sendable {
  /// The functions at the ends of their pieces, `[features, pieces + 1]`.
  public let weight: Parameter
  /// The linear pieces of each function.
  public let pieces: Int

  /// What stands in the place of elements that there are not: they are sorted behind all others.
  private static let absent: Float = -99_999

  /// A layer named `name` in the layout, with the authors' initial values: the standard normal.
  public init(
    _ name: String, features: Int, pieces: Int = 20, in layout: inout ParameterLayout
  ) {
    require(pieces > 0, "fspool \(name): \(pieces) pieces")
    self.pieces = pieces
    weight = layout.addParameter("\(name).weight", [features, pieces + 1], .normal)
  }

  /// The pooled features: `[batch, n, features]` to `[batch, features]`.
  ///
  /// With `counts` only the first so many elements of a sample exist; a set without elements gives
  /// zeros. What stands in the place of the others must be finite.
  public func callAsFunction(
    _ x: Variable, counts: [Int]? = nil, in pass: ForwardPass
  ) -> Variable {
    let (batch, extent, features) = (x.shape[0], x.shape[1], x.shape[2])
    require(features == weight.shape[0], "fspool: \(x.shape) with weight \(weight.shape)")
    guard let counts else {
      let weights = ranked([extent], of: extent, in: pass)
      return (x.sorted(axis: 1, descending: true).values * weights).sum(axes: [1])
    }
    require(
      counts.count == batch && counts.allSatisfy { (0...extent).contains($0) },
      "fspool: sets of \(counts) elements for shape \(x.shape)")
    let exists = Tensor(
      counts.flatMap { count in (0..<extent).map { $0 < count ? 1 : 0 } },
      shape: [batch, extent, 1])
    let mask = pass.tape.constant(exists)
    let present = x * mask + (1 - mask) * Self.absent
    let weights = ranked(counts, of: extent, in: pass)
    return (present.sorted(axis: 1, descending: true).values * weights).sum(axes: [1])
  }

  /// The weight of each rank in sets of the given sizes, `[sets, extent, features]`; zero beyond a
  /// set's size.
  private func ranked(_ counts: [Int], of extent: Int, in pass: ForwardPass) -> Variable {
    let ends = pieces + 1
    let shares = Tensor(shape: [counts.count * extent, ends]) { scalars in
      scalars.initialize(repeating: 0)
      for (set, count) in counts.enumerated() {
        for rank in 0..<count {
          let place = Float(rank * pieces) / Float(max(count - 1, 1))
          let end = Int(place)
          let row = (set * extent + rank) * ends
          scalars[row + end] = 1 - (place - Float(end))
          if end < pieces { scalars[row + end + 1] = place - Float(end) }
        }
      }
    }
    return pass.tape.constant(shares).affine(weight: pass[weight])
      .reshaped(to: [counts.count, extent, weight.shape[0]])
  }
}
