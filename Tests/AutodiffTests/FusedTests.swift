// Fused operations against their compositions, and any number of threads against one.

import Tensors
import TestSupport
import Testing

@testable import Autodiff

@Suite struct FusedTests {
  private struct Fused: Sendable {
    let operation: FusedOperation
    let inputs: [Tensor]

    /// The fused operation, of variables.
    func callAsFunction(_ x: [Variable]) -> Variable { x[0].tape.apply(.fused(operation), x) }

    /// The scale of a gradient that is nothing but rounding errors, because normalisation takes away
    /// what the input adds: that of the weight before a convolution's bias.
    func scale(of gradients: [Tensor], at position: Int) -> Tensor? {
      operation.kind == .convolutionStack && position % 4 == 2 ? gradients[position - 1] : nil
    }
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

  private static let all32 = Arithmetic.onThisMachine(in: [.fp32])
  private static let all16 = Arithmetic.onThisMachine(in: [.bf16])

  @Test(arguments: all.indices, all32)
  func fusedEqualsComposition(_ index: Int, _ arithmetic: Arithmetic) throws {
    let fused = Self.all[index]
    let context = try arithmetic.context()
    let a = Probe(fused.callAsFunction, at: fused.inputs, context: context)
    let b = Probe({ fused.operation.composition($0) }, at: fused.inputs, context: context)
    #expect(distance(of: a.value, from: b.value) < 1e-5)
    for (position, gradient) in b.gradients.enumerated() {
      let scale = fused.scale(of: b.gradients, at: position)
      #expect(
        distance(of: a.gradients[position], from: gradient, relativeTo: scale) < 1e-4,
        "input \(position)")
    }
  }

  /// Recorded gradients are those of the composition in float32, whatever the operation rounds to.
  @Test(arguments: all.indices, Arithmetic.onThisMachine())
  func recordedGradientsAreTheCompositions(_ index: Int, _ arithmetic: Arithmetic) throws {
    let fused = Self.all[index]
    func recorded(
      _ body: ([Variable]) -> Variable, _ arithmetic: Arithmetic
    ) throws -> [Tensor] {
      let context = try arithmetic.context()
      return Probe(body, at: fused.inputs, directions: fused.inputs, context: context).gradients
    }
    #expect(
      try recorded(fused.callAsFunction, arithmetic)
        == recorded({ fused.operation.composition($0) }, arithmetic.unrounded))
  }

  /// The relations and the LSTMs, each with each engine that rounds.
  ///
  /// Bfloat16 has 8 bits of mantissa, so a sum of many rounded products is off by some thousandths;
  /// where that moves an activation across zero, its gradient is off by more.
  @Test(
    arguments: all.indices.filter { [.relation, .lstm].contains(all[$0].operation.kind) }, all16)
  func bfloat16IsNearFloat32(_ index: Int, _ arithmetic: Arithmetic) throws {
    let fused = Self.all[index]
    let rounded = try arithmetic.context()
    let a = Probe(fused.callAsFunction, at: fused.inputs, context: rounded)
    let b = Probe(
      fused.callAsFunction, at: fused.inputs, context: try arithmetic.unrounded.context())
    // A layer of one output has nothing that its rounding could be averaged with.
    let isNarrow = fused.inputs.contains { $0.shape == [1] }
    #expect(a.distance(from: b) < (isNarrow ? 0.3 : 0.03))
    // A g of one layer has no product to round, and only our own kernels round an LSTM's.
    let isRounded =
      fused.operation.kind == .lstm ? rounded.roundsLSTMs : fused.inputs.count > 4
    #expect((a.value != b.value) == isRounded)
  }

  /// Small whole numbers need no rounding, so every bit has to be that of float32.
  @Test(arguments: all16)
  func bfloat16IsExactWhereNothingIsRounded(_ arithmetic: Arithmetic) throws {
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
    let exact = Probe(relation, at: inputs, context: try arithmetic.unrounded.context())
    let rounded = Probe(relation, at: inputs, context: try arithmetic.context())
    #expect(exact.value == rounded.value)
    #expect(exact.value.scalars.contains { $0 > 256 }, "sums are not rounded")
  }

  /// What becomes of a first layer's output on its way into the second.
  @Test(
    arguments: all16,
    [
      (256, 256), (257, 256), (258, 258), (259, 260), (511, 512), (1.00390625, 1),
      (1.01171875, 1.015625), (1.004, 1.0078125),
    ] as [(Float, Float)])
  func activationsAreRoundedToTheNearestAndTiesToEven(
    _ arithmetic: Arithmetic, _ pair: (Float, Float)
  ) throws {
    let tape = Tape(context: try arithmetic.context())
    func constant(_ scalars: [Float], _ shape: Shape) -> Variable {
      tape.constant(Tensor(scalars, shape: shape))
    }
    let sum = Variable.relation(
      objects: constant([pair.0], [1, 1, 1]),
      weights: [constant([1, 0], [1, 2]), constant([1], [1, 1])],
      biases: [constant([0], [1]), constant([0], [1])])
    #expect(sum.value.item == pair.1)
  }

  @Test func enginesThatRoundAgree() throws {
    for fused in Self.all where fused.operation.kind == .relation {
      let probes = try Self.all16.map {
        Probe(fused.callAsFunction, at: fused.inputs, context: try $0.context())
      }
      for probe in probes.dropFirst() { #expect(probe.distance(from: probes[0]) < 0.01) }
    }
  }

  @Test(arguments: Arithmetic.onThisMachine())
  func relationWithoutRecordingIsTheSame(_ arithmetic: Arithmetic) throws {
    let context = try arithmetic.context()
    for fused in Self.all where fused.operation.kind == .relation {
      let tape = Tape(context: context)
      let recorded = Probe(fused.callAsFunction, at: fused.inputs, context: context).value
      #expect(fused(fused.inputs.map { tape.constant($0) }).value == recorded)
    }
  }

  /// Kernels of our own let it through, so that a broken run is noticed.
  @Test(
    .enabled(if: MatrixEngine.panels.failure(computingIn: .bf16) == nil),
    arguments: Precision.allCases)
  func notANumberReachesTheSumsOfItsSample(_ precision: Precision) throws {
    var inputs = Self.relation(7, 3, 1, [32, 40, 64], counts: [7, 7, 2]).inputs
    var objects = inputs[0].scalars
    objects[7 * 3] = .nan
    inputs[0] = Tensor(objects, shape: inputs[0].shape)
    let sums = Kernels.relation(
      RelationOperands(inputs, shape: Self.three), shape: Self.three, keepsActivations: false,
      context: try ComputeContext(engine: .panels, precision: precision)
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
    let count = operations(fused.callAsFunction)
    #expect(count > 0 && count == operations { fused.operation.composition($0) })
  }

  @Test(arguments: Arithmetic.onThisMachine())
  func threadsChangeNoBit(_ arithmetic: Arithmetic) throws {
    let one = try arithmetic.context()
    let many = try arithmetic.onThreads(3).context()
    let convolution = { (x: [Variable]) in
      x[0].convolution2D(weight: x[1], bias: x[2], stride: 2, padding: 1)
    }
    let affine = { (x: [Variable]) in x[0].affine(weight: x[1], bias: x[2]) }
    let plain: [(([Variable]) -> Variable, [Shape])] = [
      (convolution, [[20, 3, 31, 17], [8, 3, 3, 3], [8]]),
      (affine, [[900, 200], [300, 200], [300]]),
    ]
    let cases =
      Self.all.map { ($0.callAsFunction, $0.inputs) }
      + plain.map { ($0.0, $0.1.enumerated().map { noise($1, UInt64($0 + 1)) }) }
    for (index, (body, inputs)) in cases.enumerated() {
      let one = Probe(body, at: inputs, context: one)
      let many = Probe(body, at: inputs, context: many)
      #expect(one.value == many.value, "case \(index)")
      #expect(one.gradients == many.gradients, "case \(index)")
    }
  }
}
