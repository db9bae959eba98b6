// What each operation computes: its forward kernel.

import Tensors

extension Operation {
  /// The value of an operation, and what its backward kernel wants to keep of the way there.
  struct Evaluation {
    let value: Tensor
    var saved: [Tensor] = []
  }

  func evaluate(
    _ x: [Tensor], keepsIntermediates: Bool, context: ComputeContext
  ) -> Evaluation {
    if case .fused(let operation) = self {
      return operation.evaluate(x, keepsIntermediates: keepsIntermediates, context: context)
    }
    return Evaluation(value: evaluatePrimitive(x, context))
  }

  private func evaluatePrimitive(_ x: [Tensor], _ context: ComputeContext) -> Tensor {
    switch self {
    case .leaf, .fused: fatalError("\(kind) is not evaluated here")
    case .alias: x[0]
    case .add: Kernels.binary(.add, x[0], x[1])
    case .subtract: Kernels.binary(.subtract, x[0], x[1])
    case .multiply: Kernels.binary(.multiply, x[0], x[1])
    case .divide: Kernels.binary(.divide, x[0], x[1])
    case .scale(let factor): Kernels.unary(.scale(factor), x[0])
    case .offset(let term): Kernels.unary(.offset(term), x[0])
    case .leakyRelu(let slope): Kernels.unary(.leakyRelu(slope: slope), x[0])
    case .leakyReluGradient(let slope):
      Kernels.binary(.leakyReluGradient(slope: slope), x[0], x[1])
    case .exp: Kernels.unary(.exp, x[0])
    case .log: Kernels.unary(.log, x[0])
    case .tanh: Kernels.unary(.tanh, x[0])
    case .sigmoid: Kernels.unary(.sigmoid, x[0])
    case .squareRoot: Kernels.unary(.squareRoot, x[0])
    case .power(let exponent): Kernels.power(x[0], exponent)
    case .sum(let axes): Kernels.sum(x[0], over: axes)
    case .broadcast(let shape): Kernels.broadcast(x[0], to: shape)
    case .matrixProduct(let transposeA, let transposeB):
      Kernels.matrixProduct(
        x[0], transposeA: transposeA, x[1], transposeB: transposeB, context: context)
    case .affine:
      Kernels.matrixProduct(
        x[0], x[1], transposeB: true, adding: x.count > 2 ? x[2] : nil, context: context)
    case .softmax: Kernels.softmax(x[0])
    case .logSoftmax: Kernels.softmax(x[0], logarithm: true)
    case .crossEntropy(let labels): Kernels.crossEntropy(x[0], labels: labels)
    case .binaryCrossEntropy: Kernels.binaryCrossEntropy(x[0], targets: x[1])
    case .reshape(let shape): x[0].reshaped(to: shape)
    case .transpose(let permutation): Kernels.transpose(x[0], permutation)
    case .slice(let axis, let range): Kernels.slice(x[0], axis: axis, range)
    case .pad(let axis, let before, let after):
      Kernels.pad(x[0], axis: axis, before: before, after: after)
    case .concatenate(let axis): Kernels.concatenate(x, axis: axis)
    case .gatherRows(let rows): Kernels.gatherRows(x[0], rows)
    case .scatterRows(let rows, let count): Kernels.scatterRows(x[0], rows, count: count)
    case .convolution(let geometry):
      Kernels.convolution(
        x[0], weight: x[1], bias: x.count > 2 ? x[2] : nil, geometry, context: context)
    case .convolutionInputGradient(let geometry, let height, let width):
      Kernels.convolutionInputGradient(
        x[0], weight: x[1], geometry, height: height, width: width, context: context)
    case .convolutionWeightGradient(let geometry, let height, let width):
      Kernels.convolutionWeightGradient(
        x[0], gradient: x[1], geometry, height: height, width: width, context: context)
    }
  }
}

extension FusedOperation {
  fileprivate func evaluate(
    _ x: [Tensor], keepsIntermediates: Bool, context: ComputeContext
  ) -> Operation.Evaluation {
    switch self {
    case .batchNormalization(let epsilon):
      let result = Kernels.batchNormalization(
        x[0], scale: x[1], offset: x[2], epsilon: epsilon, context: context)
      return .init(value: result.output, saved: [result.mean, result.variance])
    case .layerNormalization(let epsilon):
      return .init(
        value: Kernels.layerNormalization(x[0], scale: x[1], offset: x[2], epsilon: epsilon))
    case .convolutionStack(let geometry, let epsilon):
      let result = Kernels.convolutionStack(
        ConvolutionStackOperands(x), geometry, epsilon: epsilon, context: context)
      return .init(value: result.output, saved: result.saved)
    case .lstm(let order):
      let result = Kernels.lstm(LSTMOperands(x), order: order, context: context)
      return .init(value: result.output, saved: result.saved)
    case .relation(let shape):
      let result = Kernels.relation(
        RelationOperands(x, shape: shape), shape: shape, keepsActivations: keepsIntermediates,
        context: context)
      return .init(value: result.output, saved: result.saved)
    }
  }
}
