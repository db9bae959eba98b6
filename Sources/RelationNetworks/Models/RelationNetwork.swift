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

  /// The logits `[batch, answers]` for objects `[batch, objects, features]` and a question
  /// `[batch, features]`.
  ///
  /// With `objectCounts`, sample i has only its first `objectCounts[i]` objects. No pair is ever
  /// concatenated: the relation is one fused operation. `droppingOut` as for `Perceptron`.
  public func callAsFunction(
    _ objects: Variable, question: Variable?, objectCounts: [Int]? = nil,
    droppingOut: Bool = true, in pass: ForwardPass
  ) -> Variable {
    requireShapes(objects, question)
    let relations = Variable.relation(
      objects: objects, question: question, weights: pairNetwork.map { pass[$0.weight] },
      biases: pairNetwork.map { pass[$0.bias] }, objectCounts: objectCounts)
    return readout(relations, droppingOut: droppingOut, in: pass)
  }

  /// The same numbers, within rounding, computed the way the equation reads.
  ///
  /// Every pair is concatenated with the question and sent through g_θ. Slow; what tests hold the
  /// fused operation against.
  public func composed(
    _ objects: Variable, question: Variable?, in pass: ForwardPass
  ) -> Variable {
    requireShapes(objects, question)
    let (batch, count, features) = (objects.shape[0], objects.shape[1], objects.shape[2])
    let pairShape: Shape = [batch, count, count, features]
    var parts = [
      objects.reshaped(to: [batch, 1, count, features]).broadcast(to: pairShape),
      objects.reshaped(to: [batch, count, 1, features]).broadcast(to: pairShape),
    ]
    if let question {
      let width = question.shape[1]
      parts.append(
        question.reshaped(to: [batch, 1, 1, width]).broadcast(to: [batch, count, count, width]))
    }
    var pairs = Variable.concatenate(parts, axis: 3)
    for layer in pairNetwork { pairs = layer(pairs, in: pass).relu() }
    return readout(pairs.sum(axes: [1, 2]), in: pass)
  }

  private func requireShapes(_ objects: Variable, _ question: Variable?) {
    precondition(
      objects.shape.rank == 3 && objects.shape[2] == objectFeatures
        && (question?.shape[1] ?? 0) == questionFeatures
        && (question?.shape[0] ?? objects.shape[0]) == objects.shape[0],
      """
      relation network: objects \(objects.shape) and question \(question?.shape ?? []) for \
      \(objectFeatures) and \(questionFeatures) features
      """)
  }
}
