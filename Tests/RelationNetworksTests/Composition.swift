// The relation network and the encoder computed the way the papers read: slow, and what tests hold
// the fused operations against.

import Autodiff
import NeuralNetworks
import Tensors

@testable import RelationNetworks

extension RelationNetwork {
  /// The logits for sets without gaps: every pair is concatenated with the question and sent
  /// through g_θ.
  func composed(_ objects: Variable, question: Variable?, in pass: ForwardPass) -> Variable {
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
}

extension ConvolutionalEncoder {
  /// The last feature map, layer by layer.
  func composedFeatureMap(_ images: Variable, in pass: ForwardPass) -> Variable {
    var map = images
    for (convolve, normalize) in zip(convolutions, normalizations) {
      map = normalize(convolve(map, in: pass), in: pass).relu()
    }
    return map
  }
}
