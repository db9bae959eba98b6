// The fused operations spelt out in primitive ones: what they mean, and their second derivatives.

import Tensors

extension FusedOperation {
  /// The same value as `evaluate`'s, computed by primitive operations, in float32 whatever the
  /// precision.
  func composition(_ operands: [Variable]) -> Variable {
    switch self {
    case .batchNormalization(let epsilon): composedBatchNormalization(operands, epsilon)
    case .layerNormalization(let epsilon): composedLayerNormalization(operands, epsilon)
    case .convolutionStack(let geometry, let epsilon):
      composedConvolutionStack(operands, geometry, epsilon)
    case .lstm(let order): composedLSTM(operands, order)
    case .relation(let shape): composedRelation(operands, shape)
    }
  }
}

extension Pullback {
  /// The recorded gradients of a fused operation: its composition is put on the tape, on aliases of
  /// the operands so that the walk back ends there, and differentiated.
  ///
  /// They are those of the float32 composition, also where the operation itself rounds.
  func gradientsOfComposition(_ operation: FusedOperation) -> [Variable?] {
    let aliases = needs.indices.map { needs[$0] ? operand($0).applying(.alias) : operand($0) }
    let wanted = needs.indices.filter { needs[$0] }
    let parts = vectorJacobianProduct(
      of: operation.composition(aliases), upstream: gradient,
      withRespectTo: wanted.map { aliases[$0] }, use: .recorded)
    var gradients = [Variable?](repeating: nil, count: needs.count)
    for (position, part) in zip(wanted, parts) { gradients[position] = part }
    return gradients
  }
}

/// (x - μ) / √(σ² + ε) · scale + offset, with mean and biased variance over the given axes.
private func normalized(_ x: Variable, over axes: [Int], epsilon: Float) -> Variable {
  let centred = x - x.mean(axes: axes, keepingAxes: true)
  let variance = (centred * centred).mean(axes: axes, keepingAxes: true)
  return centred / (variance + epsilon).squareRoot()
}

private func composedBatchNormalization(_ operands: [Variable], _ epsilon: Float) -> Variable {
  let x = operands[0]
  let axes = (0..<x.shape.rank).filter { $0 != 1 }
  var channels = [Int](repeating: 1, count: x.shape.rank)
  channels[1] = x.shape[1]
  let scale = operands[1].reshaped(to: Shape(channels))
  let offset = operands[2].reshaped(to: Shape(channels))
  return normalized(x, over: axes, epsilon: epsilon) * scale + offset
}

private func composedLayerNormalization(_ operands: [Variable], _ epsilon: Float) -> Variable {
  normalized(operands[0], over: [-1], epsilon: epsilon) * operands[1] + operands[2]
}

private func composedConvolutionStack(
  _ operands: [Variable], _ geometry: ConvolutionGeometry, _ epsilon: Float
) -> Variable {
  var map = operands[0]
  for layer in stride(from: 1, to: operands.count, by: 4) {
    let convolved = map.convolution2D(
      weight: operands[layer], bias: operands[layer + 1], stride: geometry.stride,
      padding: geometry.padding)
    map = convolved.batchNormalized(
      scale: operands[layer + 2], offset: operands[layer + 3], epsilon: epsilon
    ).output.relu()
  }
  return map
}

/// Step by step over all sequences at once; those that have ended are held by a mask.
private func composedLSTM(_ operands: [Variable], _ order: SequenceTraversal) -> Variable {
  let x = operands[0]
  let tape = x.tape
  let (batch, time, features) = (x.shape[0], x.shape[1], x.shape[2])
  let width = operands[2].shape[1]
  let rows = x.reshaped(to: [batch * time, features])
  var hidden = tape.constant(.zeros([batch, width]))
  var cell = hidden
  var steps: [Variable] = []
  for step in 0..<order.steps {
    let positions = (0..<batch).map { Int32($0 * time + order.position(of: step, in: $0)) }
    let input = rows.gathered(rows: positions).affine(weight: operands[1], bias: operands[3])
    let gates = input + hidden.affine(weight: operands[2], bias: operands[4])
    let gate = (0..<4).map { gates.slice(axis: 1, $0 * width..<($0 + 1) * width) }
    let isRunning = tape.constant(
      Tensor(order.lengths.map { step < $0 ? 1 : 0 }, shape: [batch, 1]))
    let next = gate[1].sigmoid() * cell + gate[0].sigmoid() * gate[2].tanh()
    let output = gate[3].sigmoid() * next.tanh()
    cell = next * isRunning + cell * (1 - isRunning)
    hidden = output * isRunning + hidden * (1 - isRunning)
    steps.append(output * isRunning)
  }
  // Each step's outputs go where its inputs came from; a last row of zeros fills the padding.
  steps.append(tape.constant(.zeros([1, width])))
  var sources = [Int32](repeating: Int32(order.steps * batch), count: batch * time)
  for sequence in 0..<batch {
    for step in 0..<order.lengths[sequence] {
      sources[sequence * time + order.position(of: step, in: sequence)] =
        Int32(step * batch + sequence)
    }
  }
  return Variable.concatenate(steps, axis: 0).gathered(rows: sources)
    .reshaped(to: [batch, time, width])
}

/// Every pair concatenated and sent through the layers, as the paper's equation 1 reads.
private func composedRelation(_ operands: [Variable], _ shape: RelationShape) -> Variable {
  let parts = RelationOperands(operands, shape: shape)
  let pairs = shape.pairs
  let objects = parts.objects.reshaped(
    to: [shape.batch * shape.objects, parts.objects.shape[2]])
  var columns = [
    objects.gathered(rows: pairs.map { Int32($0.sample * shape.objects + $0.first) }),
    objects.gathered(rows: pairs.map { Int32($0.sample * shape.objects + $0.second) }),
  ]
  let samples = pairs.map { Int32($0.sample) }
  if let question = parts.question { columns.append(question.gathered(rows: samples)) }
  var x = Variable.concatenate(columns, axis: 1)
  for (weight, bias) in zip(parts.weights, parts.biases) {
    x = x.affine(weight: weight, bias: bias).relu()
  }
  return x.scattered(rows: samples, count: shape.batch)
}
