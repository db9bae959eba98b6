// Every operation with inputs to try it on, one line per case.

import Tensors
import Testing

@testable import Autodiff

/// An operation and inputs that keep away from its kinks and poles.
struct CatalogueCase: Sendable, CustomTestStringConvertible {
  enum Range { case normal, positive, awayFromZero, firm, distinct }
  let name: String
  let shapes: [Shape]
  let range: Range
  let body: @Sendable ([Variable]) -> Variable
  var testDescription: String { name }

  init(
    _ name: String, _ shapes: [Shape], _ range: Range = .normal,
    _ body: @escaping @Sendable ([Variable]) -> Variable
  ) {
    self.name = name
    self.shapes = shapes
    self.range = range
    self.body = body
  }

  /// Whether normalisation takes away what the input adds, so that its gradient is nothing but
  /// rounding errors: the bias of a convolution, which comes after its weight.
  func isWithoutInfluence(_ position: Int) -> Bool { name == "convolutions" && position == 2 }

  /// Inputs drawn for the case.
  func inputs() -> [Tensor] {
    shapes.enumerated().map { position, shape in
      var random = CounterRandom(seed: 7, purpose: .trial, index: UInt64(position))
      return Tensor(shape: shape) { scalars in
        for i in scalars.indices {
          let x = random.uniform(in: -1..<1)
          scalars[i] =
            switch range {
            case .normal: x
            case .positive: 1.5 + x * 0.8
            case .awayFromZero: x < 0 ? x - 0.5 : x + 0.5
            // Small weights and large biases: every ReLU is firmly on or off.
            case .firm: shape.rank == 1 ? (x < 0 ? x - 3 : x + 3) : x * 0.05
            // Further apart than any step of a difference.
            case .distinct: Float(i * 7 % 31) * 0.3 - 4
            }
        }
      }
    }
  }
}

let lstmShapes: [Shape] = [[3, 4, 2], [12, 2], [12, 3], [12], [12]]
let relationShapes: [Shape] = [[3, 4, 3], [3, 2], [6, 8], [6], [5, 6], [5], [4, 5], [4]]

private func lstm(_ x: [Variable], lengths: [Int], reversed: Bool) -> Variable {
  let result = x[0].lstm(
    inputWeight: x[1], hiddenWeight: x[2], inputBias: x[3], hiddenBias: x[4], lengths: lengths,
    reversed: reversed)
  return .concatenate([result.outputs, result.last.reshaped(to: [3, 1, 3])], axis: 1)
}

private func relation(_ x: [Variable], counts: [Int]? = nil) -> Variable {
  .relation(
    objects: x[0], question: x[1], weights: [x[2], x[4], x[6]], biases: [x[3], x[5], x[7]],
    objectCounts: counts)
}

let catalogue: [CatalogueCase] = [
  .init("leaf", [[3]]) { $0[0] },
  .init("alias", [[3]]) { $0[0].applying(.alias) * $0[0] },
  .init("add", [[2, 3], [2, 3]]) { ($0[0] + $0[1]).power(2) },
  .init("add, broadcast", [[2, 3, 4], [3, 1]]) { ($0[0] + $0[1]).power(2) },
  .init("subtract, broadcast", [[3, 1], [2, 1, 4]]) { ($0[0] - $0[1]).power(2) },
  .init("multiply", [[2, 3], [2, 3]]) { $0[0] * $0[1] },
  .init("multiply, broadcast", [[4], [2, 3, 1]]) { $0[0] * $0[1] * $0[0] },
  .init("divide, broadcast", [[2, 3], [3]], .positive) { $0[0] / $0[1] },
  .init("number divided", [[2, 3]], .positive) { 2 / $0[0] },
  .init("scale", [[5]]) { ($0[0] * 3).power(2) },
  .init("offset", [[5]]) { (2 - $0[0]).power(3) },
  .init("relu", [[9]], .awayFromZero) { $0[0].relu() * $0[0] },
  .init("leaky relu", [[9]], .awayFromZero) { $0[0].leakyRelu(slope: 0.2) * $0[0] },
  .init("leaky relu gradient", [[9], [9]], .awayFromZero) {
    $0[0].tape.apply(.leakyReluGradient(slope: 0.2), [$0[0] * $0[0], $0[1]])
  },
  .init("exp", [[6]]) { $0[0].exp() },
  .init("log", [[6]], .positive) { $0[0].log() },
  .init("tanh", [[6]]) { $0[0].tanh() },
  .init("sigmoid", [[6]]) { $0[0].sigmoid() },
  .init("square root", [[6]], .positive) { $0[0].squareRoot() },
  .init("power", [[6]], .positive) { $0[0].power(1.7) + $0[0].power(-2) },
  .init("sum, middle axes", [[2, 3, 2, 4]]) { ($0[0].power(2)).sum(axes: [1, 3]).power(2) },
  .init("mean, kept axes", [[2, 3, 4]]) { $0[0] * $0[0].mean(axes: [-1], keepingAxes: true) },
  .init("maximum", [[3, 5, 2]], .distinct) { ($0[0] * 2).max(axes: [1]).power(3) },
  .init("broadcast", [[3, 1]]) { $0[0].broadcast(to: [2, 3, 4]).power(3) },
  .init("matrix product", [[3, 4], [4, 2]]) { $0[0].matrixProduct($0[1]) },
  .init("matrix product, both transposed", [[2, 4, 3], [2, 5, 4]]) {
    $0[0].matrixProduct($0[1], transposingSelf: true, transposingOther: true)
  },
  .init("matrix product, first transposed", [[2, 4, 3], [2, 4, 5]]) {
    $0[0].matrixProduct($0[1], transposingSelf: true)
  },
  .init("matrix product, second transposed", [[2, 3, 4], [5, 4]]) {
    $0[0].matrixProduct($0[1], transposingOther: true)
  },
  .init("affine", [[2, 3, 4], [5, 4], [5]]) { $0[0].affine(weight: $0[1], bias: $0[2]).tanh() },
  .init("softmax", [[3, 4]]) { $0[0].softmax() },
  .init("softmax, first axis", [[3, 4]]) { $0[0].softmax(axis: 0) },
  .init("log softmax", [[3, 4]]) { $0[0].logSoftmax() },
  .init("cross-entropy", [[3, 4]]) { $0[0].crossEntropy(labels: [2, 0, 3]) },
  .init("binary cross-entropy", [[3, 4], [3, 4]]) {
    $0[0].binaryCrossEntropyWithLogits(targets: $0[1].sigmoid())
  },
  .init("squared error", [[3, 4], [3, 4]]) {
    $0[0].squaredErrorSum($0[1]) * $0[0].squaredErrorMean($0[1])
  },
  .init("reshape", [[2, 6]]) { $0[0].reshaped(to: [3, 4]).power(2) },
  .init("transpose", [[2, 3, 4]]) { $0[0].transposed([2, 0, 1]).power(2) },
  .init("slice", [[3, 5, 2]]) { $0[0].slice(axis: 1, 1..<4).power(2) },
  .init("pad", [[3, 2]]) { $0[0].padded(axis: 0, before: 1, after: 2).power(2) },
  .init("concatenate", [[2, 3], [2, 1]]) { Variable.concatenate($0, axis: 1).power(2) },
  .init("stack", [[2, 3], [2, 3]]) { Variable.stack($0, axis: -1).power(2) },
  .init("gather rows", [[4, 3]]) { $0[0].gathered(rows: [2, 0, 2]).power(3) },
  .init("scatter rows", [[3, 2]]) { $0[0].scattered(rows: [1, 3, 1], count: 4).power(3) },
  .init("gather along", [[2, 3, 2]]) {
    $0[0].gathered(along: 1, indices: [0, 2, 1, 1, 2, 0, 0, 1]).power(2)
  },
  .init("sorted", [[2, 5, 3]], .distinct) {
    $0[0].sorted(axis: 1, descending: true).values.power(2)
      * $0[0].tape.constant(Tensor([1, 2, 3, 4, 5], shape: [5, 1]))
  },
  .init("convolution", [[2, 3, 7, 6], [4, 3, 3, 3], [4]]) {
    $0[0].convolution2D(weight: $0[1], bias: $0[2], stride: 2, padding: 1).power(2)
  },
  .init("convolution, stride 1", [[2, 2, 5, 4], [3, 2, 2, 3]]) {
    $0[0].convolution2D(weight: $0[1]).power(2)
  },
  .init("transposed convolution", [[2, 3, 3, 4], [3, 2, 3, 3], [2]]) {
    $0[0].transposedConvolution2D(
      weight: $0[1], bias: $0[2], stride: 2, padding: 1, outputPadding: 1
    ).power(2)
  },
  .init("convolution's weight gradient", [[2, 2, 6, 5], [2, 3, 3, 3]]) {
    $0[0].tape.apply(
      .convolutionWeightGradient(ConvolutionGeometry(stride: 2, padding: 1), height: 3, width: 3),
      $0
    ).power(2)
  },
  .init("batch normalisation", [[3, 2, 3, 2], [2], [2]]) {
    $0[0].batchNormalized(scale: $0[1], offset: $0[2]).output
  },
  .init("batch normalisation, rank 2", [[6, 3], [3], [3]]) {
    $0[0].batchNormalized(scale: $0[1], offset: $0[2]).output
  },
  .init("batch normalisation, given statistics", [[3, 2, 2, 2], [2], [2]]) {
    $0[0].batchNormalized(
      scale: $0[1], offset: $0[2], mean: Tensor([0.1, -0.3], shape: [2]),
      variance: Tensor([0.5, 2], shape: [2])
    ).power(2)
  },
  .init("layer normalisation", [[3, 5], [5], [5]]) {
    $0[0].layerNormalized(scale: $0[1], offset: $0[2])
  },
  .init("convolutions", [[3, 2, 5, 4], [3, 2, 3, 3], [3], [3], [3]]) {
    $0[0].convolutionStack(
      weights: [$0[1]], biases: [$0[2]], scales: [$0[3]], offsets: [$0[4] + 4], stride: 2,
      padding: 1
    ).output
  },
  .init("lstm", lstmShapes) { lstm($0, lengths: [4, 2, 3], reversed: false) },
  .init("lstm, reversed, an empty sequence", lstmShapes) {
    lstm($0, lengths: [2, 0, 4], reversed: true)
  },
  .init("relation", relationShapes, .firm) { relation($0) },
  .init("relation, ragged", relationShapes, .firm) { relation($0, counts: [2, 0, 4]) },
  .init("relation, one layer, no question", [[2, 3, 2], [4, 4], [4]], .firm) {
    .relation(objects: $0[0], weights: [$0[1]], biases: [$0[2]])
  },
]
