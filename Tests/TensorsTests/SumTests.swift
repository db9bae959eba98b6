// Sums of many rows against double precision.

import Testing

@testable import Tensors

/// Numbers about 1, whose sum is large and whose rounding therefore shows.
private func rows(_ shape: Shape) -> Tensor {
  var random = CounterRandom(seed: 12, purpose: .trial, index: 0)
  return Tensor(shape: shape) { scalars in
    for i in scalars.indices { scalars[i] = random.uniform(in: 0..<2) }
  }
}

/// The largest distance to what is exact, as a part of it; not-a-number if there is one.
private func relativeError(_ values: [Float], _ exact: [Double]) -> Double {
  zip(values, exact).reduce(0) { largest, pair in
    let error = abs(Double(pair.0) - pair.1) / abs(pair.1)
    return error <= largest ? largest : error
  }
}

@Suite struct SumTests {
  /// Half a unit in the last place, and what the sums of eights add to it.
  private static let tolerance = 1.5e-7

  @Test(
    arguments: [1, 7, 8, 9, 1_000, 100_000],
    [1, 2, 3, 10, 32, 33, 64, 600])
  func rowsAreAddedInBlocks(_ count: Int, _ width: Int) {
    if count * width > 10_000_000 { return }
    let x = rows([count, width])
    var exact = [Double](repeating: 0, count: width)
    x.withScalars { x in
      for i in 0..<count { for j in 0..<width { exact[j] += Double(x[i * width + j]) } }
    }
    let sums = Kernels.sum(x, over: [0]).scalars
    #expect(relativeError(sums, exact) < Self.tolerance)
    // All rows to the second of three, in an order of their own.
    let indices = [Int32](repeating: 1, count: count)
    let scattered = Kernels.scatterRows(x, indices, count: 3).scalars
    #expect(relativeError(Array(scattered[width..<2 * width]), exact) < Self.tolerance)
    #expect(scattered[..<width].allSatisfy { $0 == 0 })
    #expect(scattered[(2 * width)...].allSatisfy { $0 == 0 })
  }

  @Test(arguments: [1, 5, 40])
  func rowsGoWhereTheirIndexSays(_ width: Int) {
    for (count, targets) in [(50, 30), (900, 30), (1, 1), (0, 2)] {
      let x = rows([count, width])
      let indices = (0..<count).map { Int32($0 * $0 % max(targets - 1, 1)) }
      var exact = [Double](repeating: 0, count: targets * width)
      for (i, target) in indices.enumerated() {
        for j in 0..<width { exact[Int(target) * width + j] += Double(x.scalars[i * width + j]) }
      }
      let sums = Kernels.scatterRows(x, indices, count: targets)
      #expect(sums.shape == [targets, width])
      for (sum, value) in zip(sums.scalars, exact) {
        #expect(abs(Double(sum) - value) < 1e-6 * value + 1e-30)
      }
    }
  }

  @Test func layerNormalizationAddsItsGradientsInBlocks() {
    let (count, width) = (20_000, 3)
    let (x, gradient) = (rows([count, width]), rows([count, width]))
    let result = Kernels.layerNormalizationGradients(
      gradient, x, scale: Tensor(repeating: 1, shape: [width]), epsilon: 1e-5)
    var offset = [Double](repeating: 0, count: width)
    var scale = offset
    let normal = Kernels.layerNormalization(
      x, scale: Tensor(repeating: 1, shape: [width]), offset: .zeros([width]), epsilon: 1e-5)
    for (i, (g, y)) in zip(gradient.scalars, normal.scalars).enumerated() {
      offset[i % width] += Double(g)
      scale[i % width] += Double(g) * Double(y)
    }
    #expect(relativeError(result.offset.scalars, offset) < Self.tolerance)
    // What is added here differs in sign.
    for (a, b) in zip(result.scale.scalars, scale) {
      #expect(abs(Double(a) - b) < 1e-7 * Double(count))
    }
  }

  @Test func theMeanCrossEntropyOfManyRowsIsExact() {
    let logits = rows([100_000, 2])
    let labels = (0..<100_000).map { Int32($0 % 2) }
    let x = Kernels.softmax(logits, logarithm: true).scalars
    let exact = labels.enumerated().reduce(0.0) { $0 - Double(x[2 * $1.offset + Int($1.element)]) }
    let loss = Kernels.crossEntropy(logits, labels: labels).item
    #expect(relativeError([loss], [exact / 100_000]) < Self.tolerance)
  }
}

@Suite struct LargestOfRowsTests {
  @Test func theFirstOfSeveralIsTaken() {
    #expect(Tensor([1, 3, 3, 2, 2, 2, -1, -0.0, 0], shape: [3, 3]).largestOfRows() == [1, 0, 1])
    #expect(Tensor([-.infinity, .infinity], shape: [2]).largestOfRows() == [1])
    #expect(Tensor.zeros([0, 3]).largestOfRows() == [])
  }

  @Test func notANumberIsNoAnswer() {
    let x = Tensor([.nan, 9, 0, 0, 9, .nan, 0, .nan, 9, 0, 9, 1], shape: [4, 3])
    #expect(x.largestOfRows() == [-1, -1, -1, 1])
    #expect(Kernels.largestElements(ofRows: x) == [0, 5, 7, 10])
  }
}
