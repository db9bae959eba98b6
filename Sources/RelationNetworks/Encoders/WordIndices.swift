// Sentences as numbers, of any lengths.

import Tensors

/// Sentences of words by their places in a vocabulary: `[batch, words]` or
/// `[batch, sentences, words]`, each sentence filled up to the extent of the longest.
public struct WordIndices: Hashable, Sendable {
  /// The extents, the words of a sentence last.
  public let shape: Shape
  /// The indices, each below the size of the vocabulary, in row-major order; what fills up a
  /// sentence is never read, but must be an index.
  public let indices: [Int32]
  /// The number of words of each sentence; 0 for a sentence that there is not.
  public let lengths: [Int]

  /// Indices of the given shape; without `lengths` no sentence is filled up.
  public init(_ indices: [Int32], shape: Shape, lengths: [Int]? = nil) {
    let extent = shape[-1]
    let sentences = shape.dimensions.dropLast().reduce(1, *)
    let lengths = lengths ?? [Int](repeating: extent, count: sentences)
    precondition(indices.count == shape.count, "\(indices.count) word indices for shape \(shape)")
    precondition(
      lengths.count == sentences && lengths.allSatisfy { (0...extent).contains($0) },
      "sentences of lengths \(lengths) for shape \(shape)")
    self.shape = shape
    self.indices = indices
    self.lengths = lengths
  }

  /// Sentences of any lengths, each filled up to the longest: `[sentences, words]`.
  init(filling sentences: [[Int32]]) {
    let extent = max(1, sentences.map(\.count).max() ?? 0)
    var indices = [Int32](repeating: 0, count: sentences.count * extent)
    for (row, sentence) in sentences.enumerated() {
      indices.replaceSubrange(row * extent..<row * extent + sentence.count, with: sentence)
    }
    self.init(indices, shape: [sentences.count, extent], lengths: sentences.map(\.count))
  }
}
