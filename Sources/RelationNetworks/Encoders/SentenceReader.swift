// From words to a vector: the last state of an LSTM.

import Autodiff
import NeuralNetworks
import Tensors

/// What reads sentences: word vectors and an LSTM that goes through them, or two from both ends.
public struct SentenceReader: Sendable {
  /// A vector for each word; readers of one model share it.
  public let embedding: Embedding
  private let reading: Reading

  /// What goes through the vectors of a sentence.
  private enum Reading: Sendable {
    case forward(LSTM)
    case fromBothEnds(BidirectionalLSTM)
  }

  /// A reader whose LSTMs are named `name` in the layout, with states of `hidden` numbers each.
  public init(
    _ name: String, embedding: Embedding, hidden: Int, isBidirectional: Bool = false,
    in layout: inout ParameterLayout
  ) {
    self.embedding = embedding
    let features = embedding.weight.shape[1]
    reading =
      isBidirectional
      ? .fromBothEnds(BidirectionalLSTM(name, from: features, hidden: hidden, in: &layout))
      : .forward(LSTM(name, from: features, hidden: hidden, in: &layout))
  }

  /// The state after the last word of each sentence, `[…, words]` to `[…, hidden]`, and beside it
  /// the one after the first word if it is read from both ends; zeros for a sentence without words.
  public func callAsFunction(_ words: WordIndices, in pass: ForwardPass) -> Variable {
    let vectors = embedding(words.indices, in: pass)
    let sequences = vectors.reshaped(
      to: [words.lengths.count, words.shape[-1], vectors.shape[-1]])
    let states =
      switch reading {
      case .forward(let lstm): lstm(sequences, lengths: words.lengths, in: pass)
      case .fromBothEnds(let lstm): lstm(sequences, lengths: words.lengths, in: pass)
      }
    return states.reshaped(to: Shape(words.shape.dimensions.dropLast() + [states.shape[1]]))
  }
}
