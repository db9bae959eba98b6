// What every kind of perception ends with, and every kind of reasoning begins with.

import Autodiff
import Tensors

/// A batch of sets of objects, not all of which need be of the same size.
public struct ObjectSet {
  /// The features of each object, `[batch, n, d]`.
  public let features: Variable
  /// The number of objects of each sample, beyond which numbers mean nothing; `nil` if all have n.
  public let counts: [Int]?
  /// The features of each ordered pair of objects, `[batch, n, n, e]`, if there are any.
  public let edges: Variable?

  /// A batch of sets.
  public init(_ features: Variable, counts: [Int]? = nil, edges: Variable? = nil) {
    let shape = features.shape
    precondition(shape.rank == 3, "a set of objects of shape \(shape)")
    if let counts {
      precondition(
        counts.count == shape[0] && counts.allSatisfy { (0...shape[1]).contains($0) },
        "sets of \(counts) objects for shape \(shape)")
    }
    if let edges = edges?.shape {
      precondition(
        edges.rank == 4 && Array(edges.dimensions.prefix(3)) == [shape[0], shape[1], shape[1]],
        "edges \(edges) for objects \(shape)")
    }
    self.features = features
    self.counts = counts
    self.edges = edges
  }

  /// The features with zeros for objects up to a number that is the same for every batch,
  /// `[batch, size, d]`; those that there are not must be zeros already.
  func filled(to size: Int) -> Variable {
    let extent = features.shape[1]
    precondition(extent <= size, "sets of \(extent) objects, where \(size) fit")
    return extent == size
      ? features : features.padded(axis: 1, before: 0, after: size - extent)
  }

  /// All features of a sample in one row, `[batch, capacity · d]`, with zeros where there is no
  /// object.
  func flattened(capacity: Int) -> Variable {
    let (batch, extent, width) = (features.shape[0], features.shape[1], features.shape[2])
    precondition(extent <= capacity, "sets of \(extent) objects, where \(capacity) fit")
    guard counts != nil || extent < capacity else {
      return features.reshaped(to: [batch, capacity * width])
    }
    let counts = counts ?? [Int](repeating: extent, count: batch)
    func rows(_ extent: Int) -> [Int32] {
      counts.enumerated().flatMap { sample, count in
        (0..<count).map { Int32(sample * extent + $0) }
      }
    }
    return features.reshaped(to: [batch * extent, width]).gathered(rows: rows(extent))
      .scattered(rows: rows(capacity), count: batch * capacity)
      .reshaped(to: [batch, capacity * width])
  }
}
