// From words to a vector: the last state of an LSTM.

import Autodiff
import NeuralNetworks
import Tensors

/// What reads sentences: word vectors and an LSTM that goes through them.
public struct SentenceReader: Sendable {
  /// A vector for each word; readers of one model share it.
  public let embedding: Embedding
  /// What goes through the vectors of a sentence.
  public let lstm: LSTM

  /// The state after the last word of each sentence, `[…, words]` to `[…, hidden]`; zeros for a
  /// sentence without words.
  public func callAsFunction(_ words: WordIndices, in pass: ForwardPass) -> Variable {
    let vectors = embedding(words.indices, in: pass)
    let sequences = vectors.reshaped(
      to: [words.lengths.count, words.shape[-1], vectors.shape[-1]])
    let states = lstm(sequences, lengths: words.lengths, in: pass)
    return states.reshaped(to: Shape(words.shape.dimensions.dropLast() + [lstm.hidden]))
  }
}
