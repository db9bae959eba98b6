// The numerics fingerprint: whether two processes compute with the same bits.

import Autodiff
import NeuralNetworks
import Tensors

/// A hash of a short, fixed battery of the operations that training uses.
///
/// Bits depend on the matrix engine, its version and the processor's instruction set. Two processes
/// with equal fingerprints may compute replicas of one run; others may not.
public enum Numerics {
  /// The fingerprint of each `engine/precision` that a context can compute with.
  public static func fingerprints(of context: ComputeContext) -> [String: Digest] {
    ["openblas/fp32": fingerprint(of: context)]
  }

  /// Computes the battery, some milliseconds' work, and hashes its results and gradients.
  public static func fingerprint(of context: ComputeContext) -> Digest {
    var random = CounterRandom(seed: 20170605, purpose: .trial, index: 0)
    func trial(_ shape: Shape) -> Tensor {
      Tensor(shape: shape) { scalars in
        for i in scalars.indices { scalars[i] = random.uniform(in: -1..<1) }
      }
    }
    var digest = Digest(rawValue: 0)
    // Sizes on both sides of the blocks that matrix engines cut their operands into.
    for (rows, inner, columns) in [(3, 5, 7), (65, 130, 33), (200, 256, 256), (37, 401, 129)] {
      let tape = Tape(context: context)
      let a = tape.variable(trial([rows, inner]))
      let b = tape.variable(trial([inner, columns]))
      let product = a.matrixProduct(b)
      let loss = (product.tanh() * product.sigmoid()).logSoftmax(axis: 1).mean()
      digest = digest.extended(by: product.value, loss.value)
      for slope in gradient(of: loss, withRespectTo: [a, b]) {
        digest = digest.extended(by: slope.value)
      }
    }
    let tape = Tape(context: context)
    let image = tape.variable(trial([2, 3, 19, 19]))
    let kernels = tape.variable(trial([8, 3, 3, 3]))
    let features = image.convolution2D(weight: kernels, stride: 2, padding: 1).relu()
    let loss = (features * features).mean()
    digest = digest.extended(by: features.value)
    for slope in gradient(of: loss, withRespectTo: [image, kernels]) {
      digest = digest.extended(by: slope.value)
    }
    return digest
  }
}
