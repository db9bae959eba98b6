// Fused operations against their compositions, and any number of threads against one.

import Tensors
import Testing

@testable import Autodiff

@Suite struct FusedTests {
  private struct Fused: Sendable {
    let operation: Autodiff.Operation
    let inputs: [Tensor]
  }

  private static func relation(
    _ n: Int, _ d: Int, _ q: Int, _ widths: [Int], counts: [Int]
  ) -> Fused {
    var shapes: [Shape] = [[counts.count, n, d]] + (q > 0 ? [[counts.count, q]] : [])
    var width = 2 * d + q
    for next in widths {
      shapes += [[next, width], [next]]
      width = next
    }
    return Fused(
      operation: .relation(
        RelationShape(
          batch: counts.count, objects: n, objectCounts: counts, hasQuestion: q > 0)),
      inputs: shapes.enumerated().map { noise($1, UInt64($0)) })
  }

  /// Sequences of the given lengths, last step first, in one step more than they need.
  private static func lstm(_ lengths: [Int], features: Int, width: Int) -> Fused {
    let order = SequenceTraversal(lengths: lengths, isReversed: true)
    let shapes: [Shape] = [
      [lengths.count, order.steps + 1, features], [4 * width, features], [4 * width, width],
      [4 * width], [4 * width],
    ]
    return Fused(
      operation: .lstm(order), inputs: shapes.enumerated().map { noise($1, UInt64($0 + 1)) })
  }

  /// Layers of the given outputs, kernels square but for one more column.
  private static func convolutions(
    _ images: Shape, _ outputs: [Int], kernel: Int, stride: Int, padding: Int
  ) -> Fused {
    var shapes = [images]
    var inputs = images[1]
    for next in outputs {
      shapes += [[next, inputs, kernel, kernel + 1], [next], [next], [next]]
      inputs = next
    }
    return Fused(
      operation: .convolutionStack(
        Convolution(stride: stride, padding: padding), epsilon: 1e-5),
      inputs: shapes.enumerated().map { noise($1, UInt64($0)) })
  }

  private static let all: [Fused] = [
    Fused(
      operation: .batchNormalization(epsilon: 1e-5),
      inputs: [noise([9, 5, 4, 7], 1), noise([5], 2), noise([5], 3)]),
    Fused(
      operation: .layerNormalization(epsilon: 1e-5),
      inputs: [noise([9, 37], 1), noise([37], 2), noise([37], 3)]),
    lstm([7, 3, 0, 7, 5], features: 6, width: 20),
    // Several chunks and several tiles that end within a sample and within a run.
    relation(13, 5, 3, [33, 40, 17], counts: [Int](repeating: 13, count: 30)),
    relation(9, 4, 0, [24, 20], counts: (0..<70).map { $0 % 10 }),
    relation(20, 4, 2, [24], counts: (0..<20).map { 20 - $0 % 7 }),
    // Blocks that are not full, channels that fill no group, strides that leave pixels out.
    convolutions([37, 3, 19, 14], [9, 17], kernel: 3, stride: 2, padding: 1),
    convolutions([16, 2, 9, 12], [8, 3], kernel: 2, stride: 1, padding: 0),
    convolutions([5, 1, 23, 31], [10], kernel: 2, stride: 3, padding: 2),
    // Two chunks that are full, and one of fewer lanes: with steps to take, and with none.
    lstm((0..<70).map { $0 * 7 % 23 }, features: 5, width: 11),
    lstm((0..<70).map { $0 * 5 % 9 }, features: 3, width: 8),
  ]

  /// The engines that this machine has.
  private static let engines = MatrixEngine.allCases.filter {
    $0.failure(computingIn: .fp32) == nil
  }

  @Test(arguments: all.indices, engines)
  func fusedEqualsComposition(_ index: Int, on engine: MatrixEngine) throws {
    let fused = Self.all[index]
    let context = try ComputeContext(engine: engine)
    let a = Probe({ $0[0].tape.apply(fused.operation, $0) }, at: fused.inputs, context: context)
    let b = Probe({ fused.operation.composition($0) }, at: fused.inputs, context: context)
    expectClose(a.value, b.value, tolerance: 1e-5)
    for (x, y) in zip(a.gradients, b.gradients) { expectClose(x, y, tolerance: 1e-4) }
  }

  /// The relations and the LSTMs, each with each engine that rounds.
  ///
  /// Bfloat16 has 8 bits of mantissa, so a sum of many rounded products is off by some thousandths;
  /// where that moves an activation across zero, its gradient is off by more.
  @Test(
    arguments: [2, 3, 4, 5, 9, 10], engines.filter { $0.failure(computingIn: .bf16) == nil })
  func bfloat16IsNearFloat32(_ index: Int, on engine: MatrixEngine) throws {
    let fused = Self.all[index]
    let rounded = try ComputeContext(engine: engine, precision: .bf16)
    let body = { (x: [Variable]) in x[0].tape.apply(fused.operation, x) }
    let a = Probe(body, at: fused.inputs, context: rounded)
    let b = Probe(body, at: fused.inputs, context: try ComputeContext(engine: engine))
    for (x, y) in zip([a.value] + a.gradients, [b.value] + b.gradients) {
      let distance = Kernels.binary(.subtract, x, y)
      #expect((dot(distance, distance) / dot(y, y)).squareRoot() < 0.03)
    }
    // A g of one layer has no product to round, and only our own kernels round an LSTM's.
    let isLSTM = ![3, 4, 5].contains(index)
    #expect((a.value == b.value) == (index == 5 || isLSTM && engine != .avx512))
  }

  @Test func relationWithoutRecordingIsTheSame() {
    let fused = Self.all[3]
    let silent = Tape(context: context, isRecording: false)
    let recorded = Probe({ $0[0].tape.apply(fused.operation, $0) }, at: fused.inputs).value
    #expect(
      silent.apply(fused.operation, fused.inputs.map { silent.variable($0) }).value == recorded)
  }

  /// As zero it would look like a channel that is merely constant.
  @Test func notANumberReachesTheVariances() {
    var inputs = Self.convolutions([3, 1, 5, 5], [2], kernel: 2, stride: 1, padding: 0).inputs
    inputs[0] = Tensor(repeating: .nan, shape: inputs[0].shape)
    let result = Kernels.convolutionStack(
      ConvolutionStackOperands(inputs), Convolution(stride: 1, padding: 0), epsilon: 1e-5,
      context: context)
    #expect(result.variances[0].scalars.allSatisfy { $0.isNaN })
  }

  @Test(arguments: [false, true])
  func profileCountsTheProductsOfTheStack(_ needsImages: Bool) {
    let fused = Self.convolutions([37, 3, 19, 14], [9, 17], kernel: 3, stride: 2, padding: 1)
    func operations(_ body: ([Variable]) -> Variable) -> Double {
      let profile = OperationProfile()
      let tape = Tape(context: context, profile: profile)
      let inputs = fused.inputs.enumerated().map { index, input in
        index > 0 || needsImages ? tape.variable(input) : tape.constant(input)
      }
      let wanted = needsImages ? inputs : Array(inputs.dropFirst())
      _ = gradient(of: body(inputs), withRespectTo: wanted)
      return profile.entries.reduce(0) { $0 + $1.productOperations }
    }
    let count = operations { $0[0].tape.apply(fused.operation, $0) }
    #expect(count > 0 && count == operations { fused.operation.composition($0) })
  }

  /// What this machine can compute with.
  private static let arithmetics = MatrixEngine.allCases.flatMap { engine in
    Precision.allCases.filter { engine.failure(computingIn: $0) == nil }.map { (engine, $0) }
  }

  @Test(arguments: Self.arithmetics)
  func threadsChangeNoBit(_ engine: MatrixEngine, _ precision: Precision) throws {
    let one = try ComputeContext(engine: engine, precision: precision)
    let many = try ComputeContext(threadCount: 3, engine: engine, precision: precision)
    let convolution = Fused(
      operation: .convolution(Convolution(stride: 2, padding: 1)),
      inputs: [noise([20, 3, 31, 17], 1), noise([8, 3, 3, 3], 2), noise([8], 3)])
    let affine = Fused(
      operation: .affine, inputs: [noise([900, 200], 1), noise([300, 200], 2), noise([300], 3)])
    for fused in Self.all + [convolution, affine] {
      let body = { (x: [Variable]) in x[0].tape.apply(fused.operation, x) }
      let one = Probe(body, at: fused.inputs, context: one)
      let many = Probe(body, at: fused.inputs, context: many)
      #expect(one.value == many.value, "\(fused.operation.kind)")
      #expect(one.gradients == many.gradients, "\(fused.operation.kind)")
    }
  }
}
