// The relation at the edges of what kernels cut it into, against equation 1 in double precision.

import Tensors
import TestSupport
import Testing

@testable import Autodiff

/// A relation over sets of the given sizes.
private struct Sizes: Sendable, CustomStringConvertible {
  let counts: [Int]
  var features = 5
  var question = 3
  let widths: [Int]

  var description: String { "\(counts) through \(widths)" }
  var extent: Int { counts.max() ?? 0 }

  var inputs: [Tensor] {
    var shapes: [Shape] = [[counts.count, extent, features], [counts.count, question]]
    var width = 2 * features + question
    for next in widths {
      shapes += [[next, width], [next]]
      width = next
    }
    return shapes.enumerated().map { index, shape in
      let numbers = noise(shape, UInt64(index + 1))
      // Biases that keep most units clear of their kinks, and weights that keep sums of one size.
      return shape.rank == 1
        ? Tensor(numbers.scalars.map { $0 < 0 ? $0 - 1 : $0 + 1 }, shape: shape)
        : index < 2
          ? numbers
          : Kernels.unary(.scale(1.5 / Float(shape[1]).squareRoot()), numbers)
    }
  }

  func callAsFunction(_ x: [Variable]) -> Variable {
    .relation(
      objects: x[0], question: x[1],
      weights: widths.indices.map { x[2 + 2 * $0] }, biases: widths.indices.map { x[3 + 2 * $0] },
      objectCounts: counts)
  }
}

/// Equation 1 pair by pair, and its derivative, in double precision.
private struct ExactRelation {
  private let sizes: Sizes
  private let x: [[Double]]
  private var sums: [Double]
  private var slopes: [[Double]]

  /// The sums of a relation, and the gradients of Σ sums · upstream.
  init(_ sizes: Sizes, upstream: Tensor) {
    self.sizes = sizes
    x = sizes.inputs.map { $0.scalars.map(Double.init) }
    slopes = x.map { [Double](repeating: 0, count: $0.count) }
    sums = [Double](repeating: 0, count: upstream.count)
    let upstream = upstream.scalars.map(Double.init)
    let last = sizes.widths[sizes.widths.count - 1]
    for (sample, count) in sizes.counts.enumerated() {
      for first in 0..<count {
        for second in 0..<count {
          addPair(
            sample, first, second, upstream: Array(upstream[sample * last..<(sample + 1) * last]))
        }
      }
    }
  }

  var value: Tensor { single(sums, [sizes.counts.count, sizes.widths[sizes.widths.count - 1]]) }
  var gradients: [Tensor] { zip(slopes, sizes.inputs).map { single($0, $1.shape) } }

  private func single(_ numbers: [Double], _ shape: Shape) -> Tensor {
    Tensor(numbers.map(Float.init), shape: shape)
  }

  private mutating func addPair(_ sample: Int, _ first: Int, _ second: Int, upstream: [Double]) {
    // Where each column of g's input comes from: (operand, position).
    let (features, start) = (sizes.features, sample * sizes.extent)
    let sources =
      [first, second].flatMap { object in
        (0..<features).map { (0, (start + object) * features + $0) }
      } + (0..<sizes.question).map { (1, sample * sizes.question + $0) }
    var layers = [sources.map { x[$0.0][$0.1] }]
    for (layer, width) in sizes.widths.enumerated() {
      let (weight, bias, input) = (x[2 + 2 * layer], x[3 + 2 * layer], layers[layer])
      layers.append(
        (0..<width).map { unit in
          let sum = input.indices.reduce(bias[unit]) {
            $0 + input[$1] * weight[unit * input.count + $1]
          }
          return max(sum, 0)
        })
    }
    var slope = upstream
    for (position, output) in layers[sizes.widths.count].enumerated() {
      sums[sample * upstream.count + position] += output
    }
    for layer in sizes.widths.indices.reversed() {
      let (input, output, weight) = (layers[layer], layers[layer + 1], 2 + 2 * layer)
      var below = [Double](repeating: 0, count: input.count)
      for unit in output.indices where output[unit] > 0 {
        slopes[weight + 1][unit] += slope[unit]
        for i in input.indices {
          slopes[weight][unit * input.count + i] += slope[unit] * input[i]
          below[i] += slope[unit] * x[weight][unit * input.count + i]
        }
      }
      slope = below
    }
    for (source, slope) in zip(sources, slope) { slopes[source.0][source.1] += slope }
  }
}

@Suite struct RelationSizesTests {
  private static let all: [Sizes] = [
    // Widths around the columns of a panel and what is computed at once.
    Sizes(counts: [5, 3], widths: [31, 32, 33]),
    Sizes(counts: [5, 3], widths: [33, 31, 32]),
    Sizes(counts: [5, 3], widths: [32, 33, 31]),
    Sizes(counts: [5, 3], widths: [63, 64, 65]),
    Sizes(counts: [5, 3], widths: [65, 63, 64]),
    Sizes(counts: [4], widths: [127, 128, 129]),
    Sizes(counts: [4], widths: [129, 127, 128]),
    Sizes(counts: [3], widths: [255, 256, 257]),
    Sizes(counts: [3], widths: [257, 255, 256]),
    Sizes(counts: [4, 4], widths: [1, 1]),
    // Sets of one object and of none, alone and among others.
    Sizes(counts: [1], widths: [24, 20]),
    Sizes(counts: [1, 1, 1], widths: [33, 32]),
    Sizes(counts: [0, 3, 0, 0, 1], widths: [24, 20, 9]),
    Sizes(counts: [2, 0], widths: [16]),
    // Sums of thousands of pairs.
    Sizes(counts: [64], widths: [24, 17]),
    Sizes(counts: [40, 64, 3], widths: [16, 16, 16]),
  ]

  @Test(arguments: all, Arithmetic.onThisMachine(threads: [1, 2]))
  private func isTheEquation(_ sizes: Sizes, _ arithmetic: Arithmetic) throws {
    let width = sizes.widths[sizes.widths.count - 1]
    let upstream = noise([sizes.counts.count, width], 99)
    let exact = ExactRelation(sizes, upstream: upstream)
    let probe = Probe(
      sizes.callAsFunction, at: sizes.inputs, weights: upstream,
      context: try arithmetic.context())
    if arithmetic.precision == .fp32 {
      #expect(distance(of: probe.value, from: exact.value) < 2e-6)
      #expect(distance(of: probe.gradients, from: exact.gradients) < 1e-5)
    } else {
      #expect(distance(of: probe.value, from: exact.value, by: .euclidean) < 0.03)
      #expect(distance(of: probe.gradients, from: exact.gradients, by: .euclidean) < 0.1)
    }
  }

  /// Of no set that has an object there is nothing to add up.
  @Test(arguments: Arithmetic.onThisMachine())
  func emptySetsAreZero(_ arithmetic: Arithmetic) throws {
    let shapes: [Shape] = [[2, 3, 5], [24, 10], [24], [7, 24], [7]]
    let probe = Probe(
      {
        Variable.relation(
          objects: $0[0], weights: [$0[1], $0[3]], biases: [$0[2], $0[4]], objectCounts: [0, 0])
      }, at: shapes.enumerated().map { noise($1, UInt64($0)) }, context: try arithmetic.context())
    #expect(probe.value == .zeros([2, 7]))
    #expect(probe.gradients == shapes.map { .zeros($0) })
  }

  /// Sums of thousands of rows that do not cancel, as biases have them.
  @Test(arguments: Arithmetic.onThisMachine(in: [.fp32], threads: [1, 2]))
  func longSumsKeepTheirDigits(_ arithmetic: Arithmetic) throws {
    let tape = Tape(context: try arithmetic.context())
    let numbers = Tensor(noise([4096, 33], 1).scalars.map { $0 + 1 }, shape: [4096, 33])
    var exact = [Double](repeating: 0, count: 33)
    for (i, number) in numbers.scalars.enumerated() { exact[i % 33] += Double(number) }
    let expected = Tensor(exact.map(Float.init), shape: [33])
    let rows = tape.variable(numbers)
    let bias = tape.variable(.zeros([33]))
    let weight = tape.constant(noise([33, 33], 2))
    #expect(distance(of: rows.sum(axes: [0]).value, from: expected) < 1e-5)
    let scattered = rows.scattered(rows: [Int32](repeating: 0, count: 4096), count: 1)
    #expect(distance(of: scattered.value.reshaped(to: [33]), from: expected) < 1e-4)
    let output = rows.detached.affine(weight: weight, bias: bias) * rows.detached
    #expect(
      distance(of: gradient(of: output, withRespectTo: [bias])[0].value, from: expected) < 1e-4)
  }
}
