// The table of derivatives: from the gradient of a result to the gradients of its operands.

import Tensors

/// The step back through one record.
///
/// The rules are written in operations on variables. While recording, these variables are the
/// recorded ones, so the rules are recorded too and can be differentiated again; otherwise they are
/// constants, and nothing is recorded.
struct Pullback {
  let tape: Tape
  let record: Record
  let index: Int
  /// The gradient of the result.
  let gradient: Variable
  /// Which operands lead to what is asked for; the rules compute nothing for the others.
  let needs: [Bool]
  let isRecording: Bool

  /// An operand, as the rules see it.
  func operand(_ position: Int) -> Variable {
    recorded(record.operands[position].index, operandValue(position))
  }

  /// The value of an operand that `readsOperand` says the rule reads.
  func operandValue(_ position: Int) -> Tensor {
    guard let value = record.operands[position].value else {
      fatalError("\(record.operation.kind) does not keep operand \(position)")
    }
    return value
  }

  /// The result, as the rules see it, for those of which `readsResult` says that they read it.
  var result: Variable {
    guard let value = record.result else {
      fatalError("\(record.operation.kind) does not keep its result")
    }
    return recorded(index, value)
  }

  /// A value with its place on the tape while recording, otherwise a constant.
  private func recorded(_ index: Int?, _ value: Tensor) -> Variable {
    guard isRecording, let index else { return tape.constant(value) }
    return Variable(tape: tape, history: tape.history(of: index), value: value)
  }

  /// The gradients of the operands; nil for those not needed.
  func operandGradients() -> [Variable?] {
    if case .fused(let operation) = record.operation {
      return isRecording ? gradientsOfComposition(operation) : gradientsOfFused(operation)
    }
    return needs.indices.map { needs[$0] ? operandGradient($0) : nil }
  }

  private func operandGradient(_ position: Int) -> Variable {
    let g = gradient
    let shape = record.operands[position].shape
    switch record.operation {
    case .leaf, .fused:
      fatalError("\(record.operation.kind) has no rule in this table")
    case .alias: return g
    case .add: return g.summed(to: shape)
    case .subtract: return (position == 0 ? g : -g).summed(to: shape)
    case .multiply: return (g * operand(1 - position)).summed(to: shape)
    case .divide: return quotientGradient(position).summed(to: shape)
    case .scale(let factor): return g * factor
    case .offset: return g
    case .leakyRelu(let slope):
      // The result is positive where x is, and lives on as the next operation's operand.
      return tape.apply(.leakyReluGradient(slope: slope), [g, result.detached])
    case .leakyReluGradient(let slope):
      // Piecewise constant in x.
      if position == 1 { return tape.constant(.zeros(shape)) }
      return tape.apply(.leakyReluGradient(slope: slope), [g, operand(1)])
    case .exp: return g * result
    case .log: return g / operand(0)
    case .tanh: return g * (1 - result * result)
    case .sigmoid: return g * (result * (1 - result))
    case .squareRoot: return g * 0.5 / result
    case .power(0): return tape.constant(.zeros(shape))
    case .power(let exponent): return g * (operand(0).power(exponent - 1) * exponent)
    case .sum: return g.broadcast(to: shape)
    case .broadcast: return g.summed(to: shape)
    case .matrixProduct(let transposeA, let transposeB):
      return matrixProductGradient(position, transposeA, transposeB)
    case .affine: return affineGradient(position)
    case .softmax:
      let weighted = g * result
      return weighted - result * weighted.sum(axes: [-1], keepingAxes: true)
    case .logSoftmax:
      return g - result.exp() * g.sum(axes: [-1], keepingAxes: true)
    case .crossEntropy(let labels): return crossEntropyGradient(labels)
    case .binaryCrossEntropy: return binaryCrossEntropyGradient(position)
    case .reshape: return g.reshaped(to: shape)
    case .transpose(let permutation):
      let inverse = permutation.indices.sorted { permutation[$0] < permutation[$1] }
      return g.transposed(inverse)
    case .slice(let axis, let range):
      return g.padded(
        axis: axis, before: range.lowerBound, after: shape[axis] - range.upperBound)
    case .pad(let axis, let before, _):
      return g.slice(axis: axis, before..<before + shape[axis])
    case .concatenate(let axis):
      let start = record.operands[..<position].reduce(0) { $0 + $1.shape[axis] }
      return g.slice(axis: axis, start..<start + shape[axis])
    case .gatherRows(let rows):
      return tape.apply(.scatterRows(rows, count: shape[0]), [g])
    case .scatterRows(let rows, _): return g.gathered(rows: rows)
    case .convolution, .convolutionInputGradient, .convolutionWeightGradient:
      return convolutionGradient(position)
    }
  }

  private func quotientGradient(_ position: Int) -> Variable {
    let quotient = gradient / operand(1)
    return position == 0 ? quotient : -(quotient * result)
  }

  private func affineGradient(_ position: Int) -> Variable {
    switch position {
    case 0: gradient.matrixProduct(operand(1))
    case 1: gradient.matrixProduct(operand(0), transposingSelf: true)
    default: gradient.sum(axes: [0])
    }
  }

  private func crossEntropyGradient(_ labels: [Int32]) -> Variable {
    let answers = tape.constant(oneHot(labels, shape: record.operands[0].shape))
    return (operand(0).softmax() - answers) * (gradient * (1 / Float(labels.count)))
  }

  private func binaryCrossEntropyGradient(_ position: Int) -> Variable {
    let each = gradient * (1 / Float(record.operands[0].shape.count))
    return position == 0 ? (operand(0).sigmoid() - operand(1)) * each : -operand(0) * each
  }

  private func matrixProductGradient(
    _ position: Int, _ transposeA: Bool, _ transposeB: Bool
  ) -> Variable {
    switch (position, transposeA, transposeB) {
    case (0, false, _):
      gradient.matrixProduct(operand(1), transposingOther: !transposeB)
    case (0, true, _):
      operand(1).matrixProduct(
        gradient, transposingSelf: transposeB, transposingOther: true)
    case (_, _, false):
      operand(0).matrixProduct(gradient, transposingSelf: !transposeA)
    case (_, _, true):
      gradient.matrixProduct(
        operand(0), transposingSelf: true, transposingOther: transposeA)
    }
  }

  /// The three convolutions are linear in both operands, so each one's derivatives are the others.
  private func convolutionGradient(_ position: Int) -> Variable {
    let shape = record.operands[position].shape
    switch (record.operation, position) {
    case (.convolution(let geometry), 0):
      return tape.apply(
        .convolutionInputGradient(geometry, height: shape[2], width: shape[3]),
        [gradient, operand(1)])
    case (.convolution(let geometry), 1):
      return tape.apply(
        .convolutionWeightGradient(geometry, height: shape[2], width: shape[3]),
        [operand(0), gradient])
    case (.convolutionInputGradient(let geometry, _, _), 0):
      return tape.apply(.convolution(geometry), [gradient, operand(1)])
    case (.convolutionInputGradient(let geometry, _, _), _):
      return tape.apply(
        .convolutionWeightGradient(geometry, height: shape[2], width: shape[3]),
        [gradient, operand(0)])
    case (.convolutionWeightGradient(let geometry, _, _), 0):
      return tape.apply(
        .convolutionInputGradient(geometry, height: shape[2], width: shape[3]),
        [operand(1), gradient])
    case (.convolutionWeightGradient(let geometry, _, _), _):
      return tape.apply(.convolution(geometry), [operand(0), gradient])
    default:
      return gradient.sum(axes: [0, 2, 3])
    }
  }
}

/// Rows of zeros with a one at each row's label.
private func oneHot(_ labels: [Int32], shape: Shape) -> Tensor {
  Tensor(shape: shape) { scalars in
    scalars.initialize(repeating: 0)
    for (row, label) in labels.enumerated() { scalars[row * shape[-1] + Int(label)] = 1 }
  }
}
