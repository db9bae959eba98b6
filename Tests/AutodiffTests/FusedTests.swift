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
        ConvolutionGeometry(stride: stride, padding: padding), epsilon: 1e-5),
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
    // As many layers as models have, and rows that pass a cache of left factors; a wide layer; a
    // layer of one output; no pairs in the first chunk.
    relation(24, 5, 3, [130, 260, 257, 33], counts: [Int](repeating: 24, count: 6)),
    relation(11, 3, 0, [24, 520, 40], counts: [Int](repeating: 11, count: 20)),
    relation(7, 3, 1, [32, 1, 64], counts: [7, 7, 2]),
    relation(12, 3, 0, [20, 20], counts: [Int](repeating: 0, count: 8) + [12, 12, 12, 12]),
    lstm([Int](repeating: 3, count: 33), features: 40, width: 1),
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
    arguments: all.indices.filter { [.relation, .lstm].contains(all[$0].operation.kind) },
    engines.filter { $0.failure(computingIn: .bf16) == nil })
  func bfloat16IsNearFloat32(_ index: Int, on engine: MatrixEngine) throws {
    let fused = Self.all[index]
    let rounded = try ComputeContext(engine: engine, precision: .bf16)
    let body = { (x: [Variable]) in x[0].tape.apply(fused.operation, x) }
    let a = Probe(body, at: fused.inputs, context: rounded)
    let b = Probe(body, at: fused.inputs, context: try ComputeContext(engine: engine))
    // A layer of one output has nothing that its rounding could be averaged with.
    let isNarrow = fused.inputs.contains { $0.shape == [1] }
    #expect(distance(a, b) < (isNarrow ? 0.3 : 0.03))
    // A g of one layer has no product to round, and only our own kernels round an LSTM's.
    let isRounded =
      fused.operation.kind == .lstm ? rounded.roundsLSTMs : fused.inputs.count > 4
    #expect((a.value != b.value) == isRounded)
  }

  /// Small whole numbers need no rounding, so every bit has to be that of float32.
  @Test(arguments: engines.filter { $0.failure(computingIn: .bf16) == nil })
  func bfloat16IsExactWhereNothingIsRounded(on engine: MatrixEngine) throws {
    /// Whole numbers from -1 to 1, but for one in `period` zero.
    func whole(_ shape: Shape, _ index: UInt64, oneIn period: Int) -> Tensor {
      Tensor(
        noise(shape, index).scalars.enumerated().map {
          $0.offset % period == 0 ? ($0.element * 1.5).rounded() : 0
        }, shape: shape)
    }
    let shapes: [(Shape, Int)] = [
      ([6, 11, 5], 1), ([6, 3], 1), ([65, 13], 1), ([65], 1), ([70, 65], 7), ([70], 1),
      ([33, 70], 7), ([33], 1),
    ]
    let inputs = shapes.enumerated().map { whole($1.0, UInt64($0), oneIn: $1.1) }
    let relation = { (x: [Variable]) in
      Variable.relation(
        objects: x[0], question: x[1], weights: [x[2], x[4], x[6]], biases: [x[3], x[5], x[7]])
    }
    let exact = Probe(relation, at: inputs, context: try ComputeContext(engine: engine))
    let rounded = Probe(
      relation, at: inputs, context: try ComputeContext(engine: engine, precision: .bf16))
    #expect(exact.value == rounded.value)
    #expect(exact.value.scalars.contains { $0 > 256 }, "sums are not rounded")
  }

  /// What becomes of a first layer's output on its way into the second.
  @Test(
    arguments: engines.filter { $0.failure(computingIn: .bf16) == nil },
    [
      (256, 256), (257, 256), (258, 258), (259, 260), (511, 512), (1.00390625, 1),
      (1.01171875, 1.015625), (1.004, 1.0078125),
    ] as [(Float, Float)])
  func activationsAreRoundedToTheNearestAndTiesToEven(
    on engine: MatrixEngine, _ pair: (Float, Float)
  ) throws {
    let tape = Tape(context: try ComputeContext(engine: engine, precision: .bf16))
    func constant(_ scalars: [Float], _ shape: Shape) -> Variable {
      tape.constant(Tensor(scalars, shape: shape))
    }
    let sum = Variable.relation(
      objects: constant([pair.0], [1, 1, 1]),
      weights: [constant([1, 0], [1, 2]), constant([1], [1, 1])],
      biases: [constant([0], [1]), constant([0], [1])])
    #expect(sum.value.item == pair.1)
  }

  @Test(
    .enabled(if: engines.allSatisfy { $0 == .openblas || $0.failure(computingIn: .bf16) == nil }))
  func enginesThatRoundAgree() throws {
    for fused in Self.all where fused.operation.kind == .relation {
      let body = { (x: [Variable]) in x[0].tape.apply(fused.operation, x) }
      let probes = try Self.engines.filter { $0 != .openblas }.map {
        Probe(body, at: fused.inputs, context: try ComputeContext(engine: $0, precision: .bf16))
      }
      for probe in probes.dropFirst() { #expect(distance(probe, probes[0]) < 0.01) }
    }
  }

  /// The largest distance of a value or gradient from the second one's, in relation to its size.
  private func distance(_ a: Probe, _ b: Probe) -> Double {
    zip([a.value] + a.gradients, [b.value] + b.gradients).map { x, y in
      let difference = Kernels.binary(.subtract, x, y)
      let size = dot(y, y)
      return size == 0 ? dot(x, x) : (dot(difference, difference) / size).squareRoot()
    }.max() ?? 0
  }

  @Test(arguments: Self.arithmetics)
  func relationWithoutRecordingIsTheSame(_ engine: MatrixEngine, _ precision: Precision) throws {
    let context = try ComputeContext(engine: engine, precision: precision)
    for fused in Self.all where fused.operation.kind == .relation {
      let silent = Tape(context: context, isRecording: false)
      let body = { (x: [Variable]) in x[0].tape.apply(fused.operation, x) }
      let recorded = Probe(body, at: fused.inputs, context: context).value
      #expect(body(fused.inputs.map { silent.variable($0) }).value == recorded)
    }
  }

  /// Kernels of our own let it through, so that a broken run is noticed.
  @Test(
    .enabled(if: MatrixEngine.avx512.failure(computingIn: .bf16) == nil),
    arguments: Precision.allCases)
  func notANumberReachesTheSumsOfItsSample(_ precision: Precision) throws {
    var inputs = Self.relation(7, 3, 1, [32, 40, 64], counts: [7, 7, 2]).inputs
    var objects = inputs[0].scalars
    objects[7 * 3] = .nan
    inputs[0] = Tensor(objects, shape: inputs[0].shape)
    let sums = Kernels.relation(
      RelationOperands(inputs, shape: Self.three), shape: Self.three, keepsActivations: false,
      context: try ComputeContext(engine: .avx512, precision: precision)
    ).output.scalars
    for (sample, row) in [sums[..<64], sums[64..<128], sums[128...]].enumerated() {
      #expect(row.allSatisfy { $0.isNaN == (sample == 1) })
    }
  }

  private static let three = RelationShape(
    batch: 3, objects: 7, objectCounts: [7, 7, 2], hasQuestion: true)

  /// As zero it would look like a channel that is merely constant.
  @Test func notANumberReachesTheVariances() {
    var inputs = Self.convolutions([3, 1, 5, 5], [2], kernel: 2, stride: 1, padding: 0).inputs
    inputs[0] = Tensor(repeating: .nan, shape: inputs[0].shape)
    let result = Kernels.convolutionStack(
      ConvolutionStackOperands(inputs), ConvolutionGeometry(stride: 1, padding: 0), epsilon: 1e-5,
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
      operation: .convolution(ConvolutionGeometry(stride: 2, padding: 1)),
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
