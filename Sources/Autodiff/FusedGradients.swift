// The first derivatives of the fused operations, by kernels of their own.

import Tensors

extension Pullback {
  /// The gradients of a fused operation's operands, recorded nowhere.
  func gradientsOfFused(_ operation: FusedOperation) -> [Variable?] {
    let operands = record.operands.indices.map(operandValue)
    let gradients: [Tensor?]
    switch operation {
    case .batchNormalization(let epsilon):
      let result = Kernels.batchNormalizationGradients(
        gradient.value, operands[0], scale: operands[1], mean: record.saved[0],
        variance: record.saved[1], epsilon: epsilon, context: tape.context)
      gradients = [result.x, result.scale, result.offset]
    case .layerNormalization(let epsilon):
      let result = Kernels.layerNormalizationGradients(
        gradient.value, operands[0], scale: operands[1], epsilon: epsilon)
      gradients = [result.x, result.scale, result.offset]
    case .convolutionStack(let geometry, let epsilon):
      gradients = Kernels.convolutionStackGradients(
        gradient.value, ConvolutionStackOperands(operands), saved: record.saved, geometry,
        epsilon: epsilon, needsImages: needs[0], context: tape.context)
    case .lstm(let order):
      gradients = Kernels.lstmGradients(
        gradient.value, LSTMOperands(operands), saved: record.saved, order: order,
        context: tape.context)
    case .relation(let shape):
      gradients = Kernels.relationGradients(
        gradient.value, RelationOperands(operands, shape: shape), saved: record.saved,
        shape: shape, context: tape.context)
    }
    return zip(gradients, needs).map { gradient, isNeeded in
      isNeeded ? gradient.map { tape.constant($0) } : nil
    }
  }
}
