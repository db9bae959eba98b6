// From words to a vector: the last state of an LSTM.

import Autodiff
import NeuralNetworks
import Tensors

/// Word indices in row-major order, `[batch, words]` or `[batch, sentences, words]`.
public struct WordIndices: Hashable, Sendable {
  /// The extents, the words of a sentence last.
  public let shape: Shape
  /// The indices, each below the size of the vocabulary.
  public let indices: [Int32]

  /// Indices of the given shape.
  public init(_ indices: [Int32], shape: Shape) {
    precondition(indices.count == shape.count, "\(indices.count) word indices for shape \(shape)")
    self.shape = shape
    self.indices = indices
  }
}

extension LSTM {
  /// The state after the last word of each sentence: words `[…, words]` to `[…, hidden]`.
  ///
  /// All sentences have the same length; the word vectors come from `embedding`.
  func lastStates(
    ofSentences words: WordIndices, embedding: Embedding, in pass: ForwardPass
  ) -> Variable {
    let length = words.shape[-1]
    let leading = Shape(Array(words.shape.dimensions.dropLast()))
    let vectors = embedding(words.indices, in: pass)
    let sequences = vectors.reshaped(to: [leading.count, length, vectors.shape[-1]])
    let states = self(
      sequences, lengths: [Int](repeating: length, count: leading.count), in: pass)
    return states.reshaped(to: Shape(leading.dimensions + [hidden]))
  }
}
