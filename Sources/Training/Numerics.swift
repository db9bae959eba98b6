// The numerics fingerprint: whether two processes compute with the same bits.

import Autodiff
import Learning
import NeuralNetworks
import Tensors

/// A hash of a short, fixed battery of the operations that training uses.
///
/// Bits depend on the matrix engine, its version and the processor's instruction set. Two processes
/// with equal fingerprints may compute replicas of one run; others may not.
public enum Numerics {
  /// The name of an engine and a precision, such as `onednn/bf16`.
  public static func key(_ engine: MatrixEngine, _ precision: Precision) -> String {
    "\(engine.rawValue)/\(precision.rawValue)"
  }

  /// The fingerprint of each engine and precision that this machine can compute with, by key.
  public static func fingerprints() -> [String: Digest] {
    var fingerprints: [String: Digest] = [:]
    for engine in MatrixEngine.allCases {
      for precision in Precision.allCases {
        let context = try? ComputeContext(engine: engine, precision: precision)
        fingerprints[key(engine, precision)] = context.map(fingerprint)
      }
    }
    return fingerprints
  }

  /// The engines that this machine has, in words.
  public static func engines() -> String {
    MatrixEngine.allCases.filter { $0.failure(computingIn: .fp32) == nil }
      .map(\.description).joined(separator: "; ")
  }

  /// What to do on a machine whose fingerprint is not the run's, in a sentence.
  public static func remedy(for engine: MatrixEngine) -> String {
    switch engine {
    case .openblas:
      """
      Give it the same OpenBLAS release, and set OPENBLAS_CORETYPE to the name of the run's kernels
      """
    case .panels: "Give it the same release of Relate"
    case .onednn:
      """
      Give it the same oneDNN release, and set ONEDNN_MAX_CPU_ISA to the name of the run's kernels
      """
    }
  }

  /// What a machine lacks that cannot compute an experiment at all, in half a sentence.
  public static func requirement(of experiment: Experiment) -> String {
    switch (experiment.engine, experiment.precision) {
    case (.openblas, _): "Install OpenBLAS on its machine (apt-get install libopenblas0-pthread)"
    case (.onednn, .fp32): "Install oneDNN on its machine (apt-get install libdnnl2)"
    case (.onednn, .bf16):
      """
      Install oneDNN on its machine (apt-get install libdnnl2), whose processor must have \
      AVX512_BF16
      """
    case (.panels, .fp32): "Use a machine whose processor has AVX2 and FMA, or AVX-512"
    case (.panels, .bf16): "Use a machine whose processor has AVX512_BF16"
    }
  }

  /// Computes the battery, some milliseconds' work, and hashes its results and gradients.
  public static func fingerprint(of context: ComputeContext) -> Digest {
    fingerprint(of: context, profile: nil)
  }

  /// The same, with a profile that tells the kinds of operations in the battery.
  ///
  /// All that a training step is made of has to be among them: what is not could be computed
  /// otherwise by a worker that is let in.
  static func fingerprint(of context: ComputeContext, profile: OperationProfile?) -> Digest {
    var random = CounterRandom(seed: 20170605, purpose: .trial, index: 0)
    func trial(_ shape: Shape) -> Tensor {
      Tensor(shape: shape) { scalars in
        for i in scalars.indices { scalars[i] = random.uniform(in: -1..<1) }
      }
    }
    var digest = Digest(rawValue: 0)
    // Sizes on both sides of the blocks that matrix engines cut their operands into.
    for (rows, inner, columns) in [(3, 5, 7), (65, 130, 33), (200, 256, 256), (37, 401, 129)] {
      let tape = Tape(context: context, profile: profile)
      let a = tape.variable(trial([rows, inner]))
      let b = tape.variable(trial([inner, columns]))
      let product = a.matrixProduct(b)
      let loss = (product.tanh() * product.sigmoid()).logSoftmax(axis: 1).mean()
      digest = digest.extended(by: product.value, loss.value)
      for slope in gradient(of: loss, withRespectTo: [a, b]) {
        digest = digest.extended(by: slope.value)
      }
    }
    let tape = Tape(context: context, profile: profile)
    let image = tape.variable(trial([2, 3, 19, 19]))
    let kernels = tape.variable(trial([8, 3, 3, 3]))
    let features = image.convolution2D(weight: kernels, stride: 2, padding: 1).relu()
    let loss = (features * features).mean()
    digest = digest.extended(by: features.value)
    for slope in gradient(of: loss, withRespectTo: [image, kernels]) {
      digest = digest.extended(by: slope.value)
    }
    for part in [relation, lstm, encoder, readout, normalizations, refinement] {
      for result in part(trial, Tape(context: context, profile: profile)) {
        digest = digest.extended(by: result)
      }
    }
    return digest
  }

  /// Normalisations by themselves, and what sets and rankings are compared by.
  private static func normalizations(of trial: (Shape) -> Tensor, on tape: Tape) -> [Tensor] {
    let operands = ([[37, 19], [19], [19], [19], [19]] as [Shape]).map { tape.variable(trial($0)) }
    let (batch, mean, variance) = operands[0].batchNormalized(
      scale: operands[1], offset: operands[2])
    let layer = batch.layerNormalized(scale: operands[3], offset: operands[4])
    let rows = layer.gathered(rows: [3, 3, 0, 36]).scattered(rows: [1, 0, 1, 2], count: 3)
    let weights = layer.softmax() / ((layer * layer).sum(axes: [1], keepingAxes: true) + 1)
    let distance = (weights.exp() + 1).log().squareRoot().power(1.5).mean()
    let loss = distance + rows.squaredErrorMean(tape.constant(trial(rows.shape)))
    return [batch.value, mean, variance, loss.value]
      + gradient(of: loss, withRespectTo: operands).map(\.value)
  }

  /// Two layers of the image encoder, on more images than are computed side by side.
  private static func encoder(of trial: (Shape) -> Tensor, on tape: Tape) -> [Tensor] {
    let images = tape.variable(trial([17, 3, 13, 11]))
    let shapes: [[Shape]] = [
      [[24, 3, 3, 3], [7, 24, 3, 3]], [[24], [7]], [[24], [7]], [[24], [7]],
    ]
    let operands = shapes.map { $0.map { tape.variable(trial($0)) } }
    let (map, means, variances) = images.convolutionStack(
      weights: operands[0], biases: operands[1], scales: operands[2], offsets: operands[3],
      stride: 2, padding: 1)
    let slopes = gradient(
      of: (map * map).mean(), withRespectTo: [images] + operands.flatMap { $0 })
    return [map.value] + means + variances + slopes.map(\.value)
  }

  /// What follows the relation: layers with biases, ReLU, dropout, and the losses.
  private static func readout(of trial: (Shape) -> Tensor, on tape: Tape) -> [Tensor] {
    let operands = ([[67, 130], [33, 130], [33], [10, 33], [10]] as [Shape])
      .map { tape.variable(trial($0)) }
    var random = CounterRandom(seed: 20170605, purpose: .dropout, index: 0)
    let hidden = operands[0].affine(weight: operands[1], bias: operands[2]).relu()
      .dropout(probability: 0.5, random: &random)
    let logits = hidden.affine(weight: operands[3], bias: operands[4])
    let loss =
      logits.crossEntropy(labels: (0..<67).map { $0 % 10 })
      + logits.binaryCrossEntropyWithLogits(targets: tape.constant(trial(logits.shape)))
    return [logits.value, loss.value]
      + gradient(of: loss, withRespectTo: operands).map(\.value)
  }

  /// An LSTM over more sequences than are computed side by side, of unequal lengths.
  private static func lstm(of trial: (Shape) -> Tensor, on tape: Tape) -> [Tensor] {
    let shapes: [Shape] = [[35, 5, 14], [92, 14], [92, 23], [92], [92]]
    let operands = shapes.map { tape.variable(trial($0)) }
    let states = operands[0].lstm(
      inputWeight: operands[1], hiddenWeight: operands[2], inputBias: operands[3],
      hiddenBias: operands[4], lengths: (0..<35).map { $0 % 6 }
    ).outputs
    let slopes = gradient(of: (states * states).mean(), withRespectTo: operands)
    return [states.value] + slopes.map(\.value)
  }

  /// A relation over full and ragged sets, as wide as the products that training spends its time
  /// in.
  private static func relation(of trial: (Shape) -> Tensor, on tape: Tape) -> [Tensor] {
    let shapes: [Shape] = [
      [3, 21, 26], [3, 11], [256, 63], [256], [256, 256], [256], [200, 256], [200],
    ]
    let operands = shapes.map { tape.variable(trial($0)) }
    let sums = Variable.relation(
      objects: operands[0], question: operands[1],
      weights: [operands[2], operands[4], operands[6]],
      biases: [operands[3], operands[5], operands[7]], objectCounts: [21, 7, 21])
    let slopes = gradient(of: (sums * sums).mean(), withRespectTo: operands)
    return [sums.value] + slopes.map(\.value)
  }

  /// An inner step on sets, and the outer gradient through it: recorded gradients of a relation, of
  /// layers and of what sorting picks.
  private static func refinement(of trial: (Shape) -> Tensor, on tape: Tape) -> [Tensor] {
    let shapes: [Shape] = [
      [3, 9, 10], [33, 10], [33], [40, 33], [40], [9, 40], [35, 20], [35], [17, 35], [17],
    ]
    let operands = shapes.map { tape.variable(trial($0)) }
    let set = operands[0].innerStep(recording: true) { set in
      let features = set.affine(weight: operands[1], bias: operands[2]).tanh()
        .affine(weight: operands[3], bias: operands[4])
      let pooled = (features.sorted(axis: 1).values * operands[5]).sum(axes: [1])
      let related = Variable.relation(
        objects: set, weights: [operands[6], operands[8]], biases: [operands[7], operands[9]])
      let energy = (pooled * pooled).mean() + (related * related).mean()
      return set - 0.1 * gradient(of: energy, withRespectTo: [set], recording: true)[0]
    }
    let slopes = gradient(of: (set * set).mean(), withRespectTo: operands)
    return [set.value] + slopes.map(\.value)
  }
}
