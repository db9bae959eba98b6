// From words to words in their context: LSTMs on top of one another, from both ends.

import Autodiff
import NeuralNetworks
import Tensors

/// Word vectors and layers of LSTMs that go through sentences in both directions.
public struct ContextEncoder: Sendable {
  /// What it makes of sentences.
  public struct Reading {
    /// The state of each word in its context, `[sentences, words, 2 · hidden]`; zeros after a
    /// sentence's end.
    let states: Variable
    /// The mean over the words of each sentence, `[…, 2 · hidden]`; zeros without words.
    let means: Variable
    /// The last states, of the last word read forwards and the first read backwards, `[…, 2 ·
    /// hidden]`; zeros without words.
    let last: Variable
  }

  private let embedding: Embedding
  private let layers: [BidirectionalLSTM]
  private let dropout: Dropout

  /// An encoder whose parameters begin with `prefix` in the layout; while training, a share of what
  /// each layer reads is dropped.
  public init(
    _ prefix: String, words: Int, features: Int, hidden: Int, layers: Int, dropout: Float,
    in layout: inout ParameterLayout
  ) {
    embedding = Embedding("\(prefix).embed", words: words, features: features, in: &layout)
    self.layers = (0..<layers).map { layer in
      BidirectionalLSTM(
        "\(prefix).lstm", from: layer == 0 ? features : 2 * hidden, hidden: hidden, layer: layer,
        in: &layout)
    }
    self.dropout = Dropout(probability: dropout)
  }

  /// Reads sentences, `[…, words]`.
  public func callAsFunction(_ words: WordIndices, in pass: ForwardPass) -> Reading {
    let vectors = embedding(words.indices, in: pass)
    var states = vectors.reshaped(to: [words.lengths.count, words.shape[-1], vectors.shape[-1]])
    var last = states
    for layer in layers {
      let read = layer.states(dropout(states, in: pass), lengths: words.lengths, in: pass)
      (states, last) = (read.outputs, read.last)
    }
    let shares = Tensor(
      words.lengths.map { 1 / Float(max($0, 1)) }, shape: [words.lengths.count, 1])
    let shape = Shape(words.shape.dimensions.dropLast() + [last.shape[1]])
    return Reading(
      states: states,
      means: (states.sum(axes: [1]) * pass.tape.constant(shares)).reshaped(to: shape),
      last: last.reshaped(to: shape))
  }
}
