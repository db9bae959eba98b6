// The operations that layers of networks are made of.

import Tensors

extension Variable {
  /// x Wᵀ + b for `weight` `[out, in]` and `bias` `[out]`: `[..., in]` -> `[..., out]`.
  public func affine(weight: Variable, bias: Variable? = nil) -> Variable {
    require(
      shape[-1] == weight.shape[1] && bias?.shape[0] ?? weight.shape[0] == weight.shape[0],
      "affine: \(shape) with weight \(weight.shape)")
    let rows = reshaped(to: [shape.dimensions.dropLast().reduce(1, *), shape[-1]])
    let result = tape.apply(.affine, [rows, weight] + (bias.map { [$0] } ?? []))
    return result.reshaped(to: Shape(shape.dimensions.dropLast() + [weight.shape[0]]))
  }

  /// Two-dimensional convolution: `[batch, in, height, width]` with `weight` `[out, in, kh, kw]`
  /// and `bias` `[out]` gives `[batch, out, (height + 2 padding - kh) / stride + 1, ...]`.
  public func convolution2D(
    weight: Variable, bias: Variable? = nil, stride: Int = 1, padding: Int = 0
  ) -> Variable {
    require(
      bias.map { $0.shape == [weight.shape[0]] } ?? true,
      "convolution: weight \(weight.shape) with bias \(bias?.shape ?? [])")
    let geometry = ConvolutionGeometry(stride: stride, padding: padding)
    return tape.apply(.convolution(geometry), [self, weight] + (bias.map { [$0] } ?? []))
  }

  /// Transposed convolution: `[batch, in, height, width]` with `weight` `[in, out, kh, kw]` gives
  /// `[batch, out, (height - 1) stride - 2 padding + kh + outputPadding, ...]`.
  public func transposedConvolution2D(
    weight: Variable, bias: Variable? = nil, stride: Int = 1, padding: Int = 0,
    outputPadding: Int = 0
  ) -> Variable {
    func extent(_ axis: Int) -> Int {
      (shape[axis] - 1) * stride - 2 * padding + weight.shape[axis] + outputPadding
    }
    let result = tape.apply(
      .convolutionInputGradient(
        ConvolutionGeometry(stride: stride, padding: padding), height: extent(2), width: extent(3)),
      [self, weight])
    return bias.map { result + $0.reshaped(to: [1, $0.shape[0], 1, 1]) } ?? result
  }

  /// Batch normalisation with the batch's own statistics, per element of axis 1 of `[batch,
  /// channels]` or `[batch, channels, height, width]` (Ioffe and Szegedy 2015).
  ///
  /// `mean` and `variance` `[channels]` are what running statistics are made of; the variance is
  /// the unbiased one, while the output is normalised with the biased one, as in PyTorch.
  public func batchNormalized(
    scale: Variable, offset: Variable, epsilon: Float = 1e-5
  ) -> (output: Variable, mean: Tensor, variance: Tensor) {
    require(
      scale.shape == [shape[1]] && offset.shape == [shape[1]],
      "batch normalisation: \(shape) with scale \(scale.shape) and offset \(offset.shape)")
    let (result, saved) = tape.applyKeeping(
      .fused(.batchNormalization(epsilon: epsilon)), [self, scale, offset])
    let count = Float(shape.count / shape[1])
    let unbiased = Kernels.unary(.scale(count / Swift.max(count - 1, 1)), saved[1])
    return (result, saved[0], unbiased)
  }

  /// Batch normalisation with given statistics `[channels]`.
  public func batchNormalized(
    scale: Variable, offset: Variable, mean: Tensor, variance: Tensor, epsilon: Float = 1e-5
  ) -> Variable {
    var channels = [Int](repeating: 1, count: shape.rank)
    channels[1] = shape[1]
    let deviation = Kernels.unary(.squareRoot, Kernels.unary(.offset(epsilon), variance))
    let factor = scale / tape.constant(deviation)
    let term = offset - factor * tape.constant(mean)
    return self * factor.reshaped(to: Shape(channels)) + term.reshaped(to: Shape(channels))
  }

  /// Layers of convolution, batch normalisation with the batch's own statistics and ReLU, all with
  /// the same stride and padding: `[batch, channels, height, width]` to the last layer's map.
  ///
  /// The same, within rounding, as `convolution2D`, `batchNormalized` and `relu` one after another,
  /// and several times as fast. `means` and `variances` are as those of `batchNormalized`.
  public func convolutionStack(
    weights: [Variable], biases: [Variable], scales: [Variable], offsets: [Variable],
    stride: Int, padding: Int, epsilon: Float = 1e-5
  ) -> (output: Variable, means: [Tensor], variances: [Tensor]) {
    let layers = weights.indices
    require(
      [biases, scales, offsets].allSatisfy { $0.map(\.shape) == weights.map { [$0.shape[0]] } },
      """
      convolution stack: weights \(weights.map(\.shape)) with biases \(biases.map(\.shape)), \
      scales \(scales.map(\.shape)) and offsets \(offsets.map(\.shape))
      """)
    let operands = layers.flatMap { [weights[$0], biases[$0], scales[$0], offsets[$0]] }
    let geometry = ConvolutionGeometry(stride: stride, padding: padding)
    let (result, saved) = tape.applyKeeping(
      .fused(.convolutionStack(geometry, epsilon: epsilon)), [self] + operands)
    var (height, width) = (shape[2], shape[3])
    let variances = layers.map { layer in
      height = geometry.outputExtent(of: height, kernel: weights[layer].shape[2])
      width = geometry.outputExtent(of: width, kernel: weights[layer].shape[3])
      let count = Float(shape[0] * height * width)
      return Kernels.unary(.scale(count / Swift.max(count - 1, 1)), saved[layers.count + layer])
    }
    return (result, Array(saved[layers]), variances)
  }

  /// Layer normalisation over the last axis (Ba and others, 2016); `scale` and `offset`
  /// `[features]`.
  public func layerNormalized(
    scale: Variable, offset: Variable, epsilon: Float = 1e-5
  ) -> Variable {
    require(
      scale.shape == [shape[-1]] && offset.shape == [shape[-1]],
      "layer normalisation: \(shape) with scale \(scale.shape) and offset \(offset.shape)")
    return tape.apply(.fused(.layerNormalization(epsilon: epsilon)), [self, scale, offset])
  }

  /// Each element zero with the given probability, the others divided by (1 - probability).
  public func dropout(probability: Float, random: inout CounterRandom) -> Variable {
    require(probability >= 0 && probability < 1, "dropout with probability \(probability)")
    if probability == 0 { return self }
    let kept = 1 / (1 - probability)
    let mask = Tensor(shape: shape) { scalars in
      for i in scalars.indices { scalars[i] = random.uniform() < probability ? 0 : kept }
    }
    return self * tape.constant(mask)
  }

  /// The mean over rows of the cross-entropy of logits `[rows, classes]` with the given classes.
  public func crossEntropy(labels: [Int32]) -> Variable {
    require(
      shape.rank == 2 && labels.count == shape[0]
        && labels.allSatisfy { $0 >= 0 && $0 < shape[1] },
      "cross-entropy: \(labels.count) labels for logits \(shape)")
    return applying(.crossEntropy(labels: labels))
  }

  /// The mean over elements of the binary cross-entropy of σ(logits) with targets from 0 to 1.
  public func binaryCrossEntropyWithLogits(targets: Variable) -> Variable {
    require(shape == targets.shape, "binary cross-entropy: \(shape) and \(targets.shape)")
    return tape.apply(.binaryCrossEntropy, [self, targets])
  }

  /// The sum of squared differences.
  public func squaredErrorSum(_ other: Variable) -> Variable {
    let difference = self - other
    return (difference * difference).sum()
  }

  /// The mean of squared differences.
  public func squaredErrorMean(_ other: Variable) -> Variable {
    let difference = self - other
    return (difference * difference).mean()
  }

  /// A long short-term memory over sequences of unequal lengths, as PyTorch's packed one.
  ///
  /// This is `[batch, time, features]`; sequence b uses its first `lengths[b]` steps, in reverse if
  /// `reversed`. Weights are `[4 width, features]` and `[4 width, width]`, biases `[4 width]`,
  /// gates in the order i, f, g, o. The outputs, `[batch, time, width]`, are zero beyond a
  /// sequence's end; `last` is `[batch, width]`, the state after the last step taken (zero for
  /// empty sequences).
  public func lstm(
    inputWeight: Variable, hiddenWeight: Variable, inputBias: Variable, hiddenBias: Variable,
    lengths: [Int], reversed: Bool = false
  ) -> (outputs: Variable, last: Variable) {
    let (batch, time, width) = (shape[0], shape[1], hiddenWeight.shape[1])
    require(
      shape.rank == 3 && lengths.count == batch && lengths.allSatisfy { $0 >= 0 && $0 <= time },
      "lstm: lengths \(lengths) for \(shape)")
    require(
      inputWeight.shape == [4 * width, shape[2]] && hiddenWeight.shape == [4 * width, width]
        && inputBias.shape == [4 * width] && hiddenBias.shape == [4 * width],
      """
      lstm: \(shape) with weights \(inputWeight.shape) and \(hiddenWeight.shape), biases \
      \(inputBias.shape) and \(hiddenBias.shape)
      """)
    let order = SequenceTraversal(lengths: lengths, isReversed: reversed)
    let outputs = tape.apply(
      .fused(.lstm(order)), [self, inputWeight, hiddenWeight, inputBias, hiddenBias])
    // The output of an empty sequence's first position is zero, as its last state is.
    let lastRows = lengths.enumerated().map { sequence, length in
      Int32(sequence * time + (length == 0 ? 0 : order.position(of: length - 1, in: sequence)))
    }
    return (outputs, outputs.reshaped(to: [batch * time, width]).gathered(rows: lastRows))
  }

  /// The sum over all ordered pairs of objects of g(first, second, question), the relation of
  /// Santoro and others, 2017, equation 1, before f: `[batch, width]`.
  ///
  /// `objects` is `[batch, n, d]`, `question` `[batch, q]`; g is affine layers, each followed by
  /// ReLU, the first weight `[h, 2d + q]` for (first, second, question). An object pairs with
  /// itself, too. With `objectCounts`, only the first so many objects of each sample exist; what
  /// stands in the place of the others changes nothing as long as it is finite.
  ///
  /// In bfloat16 the value and its gradients are rounded; recorded gradients are float32.
  public static func relation(
    objects: Variable, question: Variable? = nil, weights: [Variable], biases: [Variable],
    objectCounts: [Int]? = nil
  ) -> Variable {
    let shape = RelationShape(
      batch: objects.shape[0], objects: objects.shape[1],
      objectCounts: objectCounts ?? [Int](repeating: objects.shape[1], count: objects.shape[0]),
      hasQuestion: question != nil)
    let inputs = 2 * objects.shape[2] + (question?.shape[1] ?? 0)
    require(
      !weights.isEmpty && weights[0].shape[1] == inputs
        && biases.map(\.shape) == weights.map { [$0.shape[0]] }
        && question?.shape[0] ?? shape.batch == shape.batch,
      """
      relation: objects \(objects.shape), question \(question?.shape ?? []), weights \
      \(weights.map(\.shape)), biases \(biases.map(\.shape))
      """)
    let operands =
      [objects] + (question.map { [$0] } ?? []) + zip(weights, biases).flatMap { [$0, $1] }
    return objects.tape.apply(.fused(.relation(shape)), operands)
  }
}
