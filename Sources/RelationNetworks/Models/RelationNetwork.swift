// The relation network itself: what the program exists to train.

import Autodiff
import NeuralNetworks
import Tensors

/// A network that answers by looking at all pairs of objects.
///
/// Equation 1 of the paper, with the question of section 4:
///
///     RN(O, q) = f_φ( Σᵢ Σⱼ g_θ(oⱼ, oᵢ, q) )
///
/// over all ordered pairs, each object with itself included. Every layer of g_θ is linear and
/// followed by a ReLU; f_φ ends with a linear layer. The order of objects does not matter.
///
/// Parameters are `prefix.g.0.weight`, `prefix.g.2.weight`, … and `prefix.f.0.weight`, …
public struct RelationNetwork: Sendable {
  /// The layers of g_θ; the first reads `[oⱼ, oᵢ, q]`.
  public let pairNetwork: [Linear]
  /// f_φ.
  public let readout: Perceptron
  /// The features of an object.
  public let objectFeatures: Int
  /// The features of a question, 0 if nothing is asked.
  public let questionFeatures: Int

  /// A network for objects `[batch, objects, objectFeatures]` and questions
  /// `[batch, questionFeatures]`.
  ///
  /// `dropout` drops inputs of the last layer of f_φ.
  public init(
    _ prefix: String, objectFeatures: Int, questionFeatures: Int, pairWidths: [Int],
    readoutWidths: [Int], dropout: Float = 0, in layout: inout ParameterLayout
  ) {
    precondition(!pairWidths.isEmpty && !readoutWidths.isEmpty, "relation network without layers")
    self.objectFeatures = objectFeatures
    self.questionFeatures = questionFeatures
    let widths = [2 * objectFeatures + questionFeatures] + pairWidths
    pairNetwork = pairWidths.indices.map { i in
      // Even numbers: PyTorch counts the ReLUs between the layers too.
      Linear("\(prefix).g.\(2 * i)", from: widths[i], to: widths[i + 1], in: &layout)
    }
    readout = Perceptron(
      "\(prefix).f", from: pairWidths[pairWidths.count - 1], through: readoutWidths,
      dropout: dropout, in: &layout)
  }

  /// The logits `[batch, answers]` for sets of objects and a question `[batch, features]`.
  ///
  /// No pair is ever concatenated: the relation is one fused operation. A set without objects has
  /// no pairs, so f_φ reads zeros.
  public func callAsFunction(
    _ objects: ObjectSet, question: Variable?, in pass: ForwardPass
  ) -> Variable {
    requireShapes(objects, question)
    let relations = Variable.relation(
      objects: objects.features, question: question, weights: pairNetwork.map { pass[$0.weight] },
      biases: pairNetwork.map { pass[$0.bias] }, objectCounts: objects.counts)
    return readout(relations, in: pass)
  }

  /// The logits where each pair counts as much as its weight: f_φ( Σᵢ Σⱼ wᵢⱼ g_θ(oᵢ, oⱼ, q) ).
  ///
  /// `objects` is `[batch, n, objectFeatures]`, `weights` `[batch, n, n]`.
  public func callAsFunction(
    _ objects: Variable, weights: Variable, question: Variable?, in pass: ForwardPass
  ) -> Variable {
    requireShapes(ObjectSet(objects), question)
    let (batch, count) = (objects.shape[0], objects.shape[1])
    precondition(weights.shape == [batch, count, count], "\(weights.shape) weights of pairs")
    let (first, d) = (pairNetwork[0], objectFeatures)
    let (matrix, width) = (pass[first.weight], first.weight.shape[0])
    // As in the fused relation, no pair is ever concatenated.
    var pairs =
      objects.affine(weight: matrix.slice(axis: 1, 0..<d)).reshaped(to: [batch, count, 1, width])
      + objects.affine(weight: matrix.slice(axis: 1, d..<2 * d), bias: pass[first.bias])
      .reshaped(to: [batch, 1, count, width])
    if let question {
      let asked = question.affine(
        weight: matrix.slice(axis: 1, 2 * d..<2 * d + questionFeatures))
      pairs = pairs + asked.reshaped(to: [batch, 1, 1, width])
    }
    pairs = pairs.relu()
    for layer in pairNetwork.dropFirst() { pairs = layer(pairs, in: pass).relu() }
    let weighed = weights.reshaped(to: [batch, 1, count * count])
      .matrixProduct(pairs.reshaped(to: [batch, count * count, pairs.shape[3]]))
    return readout(weighed.reshaped(to: [batch, pairs.shape[3]]), in: pass)
  }

  private func requireShapes(_ objects: ObjectSet, _ question: Variable?) {
    let shape = objects.features.shape
    precondition(objects.edges == nil, "relation network: it reads no edges")
    precondition(
      shape[2] == objectFeatures && (question?.shape[1] ?? 0) == questionFeatures
        && (question?.shape[0] ?? shape[0]) == shape[0],
      """
      relation network: objects \(shape) and question \(question?.shape ?? []) for \
      \(objectFeatures) and \(questionFeatures) features
      """)
  }
}
