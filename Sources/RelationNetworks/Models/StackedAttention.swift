// Stacked attention: looking at objects several times, each time for what was not found yet.

import Autodiff
import NeuralNetworks
import Tensors

/// A network that looks at single objects, never at pairs: the strongest baseline of the paper's
/// table 1 (Yang and others, 2016, "Stacked attention networks for image question answering",
/// section 3.3).
///
/// Objects vᵢ become as wide as the question; each layer then weighs them by what is asked and adds
/// what it sees to it:
///
///     sᵢ = tanh(W v'ᵢ + b)        u₀ = q
///     pᵢ = softmaxᵢ(wₖ · tanh(Vₖ sᵢ + Uₖ uₖ₋₁ + cₖ))        uₖ = uₖ₋₁ + Σᵢ pᵢ sᵢ
///
/// and a perceptron reads the last u. It sees the same objects as a relation network, coordinates
/// of cells included.
///
/// Parameters are `prefix.objects.…` (W, b), `prefix.layers.k.objects.weight` (V),
/// `prefix.layers.k.question.…` (U, c), `prefix.layers.k.score.weight` (w) and `prefix.f.…`.
public struct StackedAttention: Sendable {
  /// One look at all objects.
  private struct Layer: Sendable {
    /// V, `[hidden, width]`.
    let objects: Parameter
    /// U and c.
    let question: Linear
    /// w, `[1, hidden]`.
    let score: Parameter
  }

  private let projection: Linear
  private let layers: [Layer]
  private let readout: Perceptron

  /// A network for objects `[batch, objects, objectFeatures]` and questions
  /// `[batch, questionFeatures]`, with a layer of attention for each hidden width.
  ///
  /// `dropout` drops inputs of the last layer of the perceptron.
  public init(
    _ prefix: String, objectFeatures: Int, questionFeatures: Int, hiddenWidths: [Int],
    readoutWidths: [Int], dropout: Float = 0, in layout: inout ParameterLayout
  ) {
    precondition(questionFeatures > 0, "stacked attention: nothing is asked")
    projection = Linear(
      "\(prefix).objects", from: objectFeatures, to: questionFeatures, in: &layout)
    layers = hiddenWidths.enumerated().map { index, hidden in
      func weight(_ name: String, _ outputs: Int, _ inputs: Int) -> Parameter {
        layout.addParameter(
          "\(prefix).layers.\(index).\(name).weight", [outputs, inputs],
          .uniform(bound: 1 / Float(inputs).squareRoot()))
      }
      return Layer(
        objects: weight("objects", hidden, questionFeatures),
        question: Linear(
          "\(prefix).layers.\(index).question", from: questionFeatures, to: hidden, in: &layout),
        score: weight("score", 1, hidden))
    }
    readout = Perceptron(
      "\(prefix).f", from: questionFeatures, through: readoutWidths, dropout: dropout, in: &layout)
  }

  /// The logits `[batch, answers]` for sets of objects and a question `[batch, features]`.
  ///
  /// Of a set without objects nothing is seen.
  public func callAsFunction(
    _ objects: ObjectSet, question: Variable, in pass: ForwardPass
  ) -> Variable {
    let (batch, count) = (objects.features.shape[0], objects.features.shape[1])
    guard count > 0 else { return readout(question, in: pass) }
    let presence = objects.counts.map { Self.presence($0, extent: count) }
    let seen = projection(objects.features, in: pass).tanh()
    var query = question
    for layer in layers {
      let asked = layer.question(query, in: pass)
      let hidden =
        seen.affine(weight: pass[layer.objects])
        + asked.reshaped(to: [batch, 1, asked.shape[1]])
      var scores = hidden.tanh().affine(weight: pass[layer.score]).reshaped(to: [batch, count])
      if let presence { scores = scores + pass.tape.constant(presence.offsets) }
      var shares = scores.softmax()
      if let presence { shares = shares * pass.tape.constant(presence.factors) }
      let found = shares.reshaped(to: [batch, 1, count]).matrixProduct(seen)
      query = query + found.reshaped(to: question.shape)
    }
    return readout(query, in: pass)
  }

  /// What keeps objects that are not there from being seen: a number so low that its share is zero,
  /// and a zero in case there is no other, `[batch, extent]` each.
  private static func presence(
    _ counts: [Int], extent: Int
  ) -> (offsets: Tensor, factors: Tensor) {
    func table(_ there: Float, _ missing: Float) -> Tensor {
      Tensor(
        counts.flatMap { count in (0..<extent).map { $0 < count ? there : missing } },
        shape: [counts.count, extent])
    }
    return (table(0, -1e9), table(1, 0))
  }
}
