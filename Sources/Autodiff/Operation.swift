// The closed set of everything that can be recorded on a tape.

import Tensors

/// Everything that can be recorded, with what fixes it besides its operands.
///
/// Adding an operation takes a case here, its kernel in `evaluate`, its derivative in `Pullback`
/// and a line in the tests' catalogue; the compiler or a test demands each.
enum Operation: Sendable {
  /// A variable that came from outside.
  case leaf
  /// Its operand, as a place to differentiate with respect to.
  case alias

  // One number at a time; operands of two broadcast.
  case add, subtract, multiply, divide
  case scale(Float)
  case offset(Float)
  case leakyRelu(slope: Float)
  /// (gradient, x): the gradient where x > 0, slope times it elsewhere.
  case leakyReluGradient(slope: Float)
  case exp, log, tanh, sigmoid, squareRoot
  case power(Float)

  // Reductions and products.
  /// Keeps the axes, with extent 1.
  case sum(axes: [Int])
  case broadcast(Shape)
  case matrixProduct(transposeA: Bool, transposeB: Bool)
  /// (x [rows, in], weight [out, in], bias [out] or none).
  case affine
  /// Along the last axis.
  case softmax, logSoftmax
  /// (logits [rows, classes]).
  case crossEntropy(labels: [Int32])
  /// (logits, targets).
  case binaryCrossEntropy

  // Movement.
  case reshape(Shape)
  case transpose([Int])
  case slice(axis: Int, range: Range<Int>)
  case pad(axis: Int, before: Int, after: Int)
  case concatenate(axis: Int)
  case gatherRows([Int32])
  case scatterRows([Int32], count: Int)

  // Convolutions, which are each other's derivatives.
  /// (x [batch, in, height, width], weight [out, in, kh, kw], bias [out] or none).
  case convolution(ConvolutionGeometry)
  /// The derivative with respect to x: (gradient, weight), to the given height and width.
  case convolutionInputGradient(ConvolutionGeometry, height: Int, width: Int)
  /// The derivative with respect to the weight: (x, gradient), for a kernel of the given extents.
  case convolutionWeightGradient(ConvolutionGeometry, height: Int, width: Int)

  /// What has kernels of its own.
  case fused(FusedOperation)
}

/// Operations with a fast kernel for the first derivative, and a composition of the others for
/// higher ones.
enum FusedOperation: Sendable {
  case batchNormalization(epsilon: Float)
  case layerNormalization(epsilon: Float)
  /// (images, then weight, bias, scale and offset of each layer): convolution, batch normalisation
  /// and ReLU, layer after layer.
  case convolutionStack(ConvolutionGeometry, epsilon: Float)
  case lstm(SequenceTraversal)
  case relation(RelationShape)
}

extension Operation {
  /// Whether the derivative rule reads the value of an operand, and not only its shape.
  func readsOperand(_ position: Int) -> Bool {
    switch self {
    case .leaf, .alias, .add, .subtract, .scale, .offset, .leakyRelu, .exp, .tanh, .sigmoid,
      .squareRoot, .sum, .broadcast, .softmax, .logSoftmax, .reshape, .transpose, .slice, .pad,
      .concatenate, .gatherRows, .scatterRows:
      false
    case .divide, .leakyReluGradient: position == 1
    case .affine, .convolution: position < 2
    case .multiply, .log, .power, .matrixProduct, .crossEntropy, .binaryCrossEntropy,
      .convolutionInputGradient, .convolutionWeightGradient, .fused:
      true
    }
  }

  /// Whether the derivative rule reads the value of the result.
  var readsResult: Bool {
    switch self {
    case .divide, .leakyRelu, .exp, .tanh, .sigmoid, .squareRoot, .softmax, .logSoftmax: true
    case .leaf, .alias, .add, .subtract, .multiply, .scale, .offset, .leakyReluGradient, .log,
      .power, .sum, .broadcast, .matrixProduct, .affine, .crossEntropy, .binaryCrossEntropy,
      .reshape, .transpose, .slice, .pad, .concatenate, .gatherRows, .scatterRows, .convolution,
      .convolutionInputGradient, .convolutionWeightGradient, .fused:
      false
    }
  }
}

extension Operation {
  /// An operation without what fixes it: for messages and for the catalogue of tests.
  enum Kind: String, CaseIterable {
    case leaf, alias, add, subtract, multiply, divide, scale, offset, leakyRelu, leakyReluGradient
    case exp, log, tanh, sigmoid, squareRoot, power, sum, broadcast, matrixProduct, affine
    case softmax, logSoftmax, crossEntropy, binaryCrossEntropy, reshape, transpose, slice, pad
    case concatenate, gatherRows, scatterRows, convolution, convolutionInputGradient
    case convolutionWeightGradient, batchNormalization, layerNormalization, convolutionStack
    case lstm, relation
  }

  var kind: Kind {
    switch self {
    case .leaf: .leaf
    case .alias: .alias
    case .add: .add
    case .subtract: .subtract
    case .multiply: .multiply
    case .divide: .divide
    case .scale: .scale
    case .offset: .offset
    case .leakyRelu: .leakyRelu
    case .leakyReluGradient: .leakyReluGradient
    case .exp: .exp
    case .log: .log
    case .tanh: .tanh
    case .sigmoid: .sigmoid
    case .squareRoot: .squareRoot
    case .power: .power
    case .sum: .sum
    case .broadcast: .broadcast
    case .matrixProduct: .matrixProduct
    case .affine: .affine
    case .softmax: .softmax
    case .logSoftmax: .logSoftmax
    case .crossEntropy: .crossEntropy
    case .binaryCrossEntropy: .binaryCrossEntropy
    case .reshape: .reshape
    case .transpose: .transpose
    case .slice: .slice
    case .pad: .pad
    case .concatenate: .concatenate
    case .gatherRows: .gatherRows
    case .scatterRows: .scatterRows
    case .convolution: .convolution
    case .convolutionInputGradient: .convolutionInputGradient
    case .convolutionWeightGradient: .convolutionWeightGradient
    case .fused(let operation): operation.kind
    }
  }
}

extension FusedOperation {
  var kind: Operation.Kind {
    switch self {
    case .batchNormalization: .batchNormalization
    case .layerNormalization: .layerNormalization
    case .convolutionStack: .convolutionStack
    case .lstm: .lstm
    case .relation: .relation
    }
  }
}
