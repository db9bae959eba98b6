// Kernels against the obvious loop.

import Foundation
import Testing

@testable import Tensors

private func noise(_ shape: Shape, _ index: UInt64, in range: Range<Float> = -1..<1) -> Tensor {
  var random = CounterRandom(seed: 11, purpose: .trial, index: index)
  return Tensor(shape: shape) { scalars in
    for i in scalars.indices { scalars[i] = random.uniform(in: range) }
  }
}

@Suite struct KernelTests {
  /// The distance to the exact result, in units in the last place of the float nearest to it.
  private func largestError(
    _ kernel: Kernels.Unary, _ x: Tensor, _ exact: (Double) -> Double
  ) -> Double {
    let errors = zip(x.scalars, Kernels.unary(kernel, x).scalars).map { x, y in
      let expected = exact(Double(x))
      return abs(Double(y) - expected) / Double(Float(expected).ulp)
    }
    // `max` passes over what is not a number.
    return errors.allSatisfy(\.isFinite) ? errors.max() ?? .infinity : .infinity
  }

  @Test func functionsAreAccurate() {
    let wide = noise([200_000], 1, in: -87..<88)
    let middle = noise([200_000], 2, in: -9..<9)
    let small = noise([200_000], 3, in: -0.01..<0.01)
    let positive = noise([200_000], 4, in: 0.0001..<3)
    for x in [wide, middle, small] {
      #expect(largestError(.exp, x, Foundation.exp) < 1.5)
      #expect(largestError(.sigmoid, x) { 1 / (1 + Foundation.exp(-$0)) } < 3)
      #expect(largestError(.tanh, x, Foundation.tanh) < 3)
    }
    #expect(largestError(.log, positive, Foundation.log) < 2)
    #expect(largestError(.log, Kernels.unary(.exp, wide), Foundation.log) < 2)
  }

  @Test func functionsAtTheEdges() {
    let edges = Tensor([-.infinity, -200, 0, 200, .infinity, .nan], shape: [6])
    let exp = Kernels.unary(.exp, edges).scalars
    #expect(Array(exp[..<5]) == [0, 0, 1, .infinity, .infinity])
    let tanh = Kernels.unary(.tanh, edges).scalars
    #expect(Array(tanh[..<5]) == [-1, -1, 0, 1, 1])
    let sigmoid = Kernels.unary(.sigmoid, edges).scalars
    #expect(Array(sigmoid[..<5]) == [0, 0, 0.5, 1, 1])
    let log = Kernels.unary(.log, edges).scalars
    #expect(log[0].isNaN && log[1].isNaN && log[2] == -.infinity && log[4] == .infinity)
    let relu = Kernels.unary(.leakyRelu(slope: 0), edges).scalars
    #expect(Array(relu[..<5]) == [0, 0, 0, 200, .infinity])
    let masked = Kernels.binary(.leakyReluGradient(slope: 0), edges, Tensor(scalar: -1)).scalars
    #expect(masked == [0, 0, 0, 0, 0, 0], "what is masked is zero, whatever comes from above")
    for values in [exp, tanh, sigmoid, log, relu] {
      #expect(values[5].isNaN)
    }
  }

  @Test func broadcastingFollowsTheRule() {
    let (a, b) = (noise([2, 1, 3, 4], 1), noise([5, 1, 4], 2))
    let result = Kernels.binary(.subtract, a, b)
    #expect(result.shape == [2, 5, 3, 4])
    let (x, y, z) = (a.scalars, b.scalars, result.scalars)
    for i in 0..<2 {
      for j in 0..<5 {
        for k in 0..<3 {
          for l in 0..<4 {
            #expect(z[((i * 5 + j) * 3 + k) * 4 + l] == x[(i * 3 + k) * 4 + l] - y[j * 4 + l])
          }
        }
      }
    }
  }

  @Test func sumsOverAnyAxes() {
    let x = noise([3, 4, 5, 2], 1)
    let sum = Kernels.sum(x, over: [0, 2, -1])
    #expect(sum.shape == [1, 4, 1, 1])
    for j in 0..<4 {
      var expected: Float = 0
      for i in 0..<3 { for k in 0..<10 { expected += x.scalars[(i * 4 + j) * 10 + k] } }
      #expect(abs(sum.scalars[j] - expected) < 1e-5)
    }
    #expect(Kernels.sum(noise([2, 0], 1), over: [1]).scalars == [0, 0])
  }

  /// On both sides of the blocks and panels that engines cut matrices into.
  private static let extents = [
    (1, 1, 1), (3, 5, 4), (7, 33, 2), (8, 32, 16), (9, 31, 17), (17, 1, 130), (70, 65, 33),
    (260, 34, 300), (64, 512, 40), (512, 48, 300), (33, 40, 512),
  ]

  @Test(
    arguments: MatrixEngine.allCases.filter { $0.failure(computingIn: .fp32) == nil },
    [(false, false), (false, true), (true, false), (true, true)])
  func productsOfAllForms(_ engine: MatrixEngine, _ form: (a: Bool, b: Bool)) throws {
    let context = try ComputeContext(engine: engine)
    for (m, n, k) in Self.extents {
      let a = noise(form.a ? [2, k, m] : [2, m, k], 1)
      let b = noise(form.b ? [2, n, k] : [2, k, n], 2)
      let bias = noise([n], 3)
      let plain = Kernels.matrixProduct(
        a, transposeA: form.a, b, transposeB: form.b, context: context)
      let biased = Kernels.matrixProduct(
        a, transposeA: form.a, b, transposeB: form.b, adding: bias, context: context)
      #expect(plain.shape == [2, m, n] && biased.shape == plain.shape)
      let (x, y) = (a.scalars, b.scalars)
      let expected = (0..<2 * m * n).map { place in
        let (e, i, j) = (place / (m * n), place / n % m, place % n)
        return (0..<k).reduce(Float(0)) { sum, l in
          let left = x[e * m * k + (form.a ? l * m + i : i * k + l)]
          return sum + left * y[e * k * n + (form.b ? j * k + l : l * n + j)]
        }
      }
      let errors = zip(expected, zip(plain.scalars, biased.scalars)).enumerated().map {
        place, values in
        let (sum, (product, withBias)) = values
        return max(abs(product - sum), abs(withBias - sum - bias.scalars[place % n]))
      }
      let tolerance = 1e-6 * Float(max(10, k / 10))
      #expect(errors.allSatisfy { $0 < tolerance }, "\(m) x \(k) times \(k) x \(n)")
    }
  }

  @Test(arguments: Precision.allCases)
  func theEngineTakenIsTheFastestThatCan(_ precision: Precision) {
    let able = [MatrixEngine.panels, .onednn, .openblas].filter {
      $0.failure(computingIn: precision) == nil
    }
    #expect(able.isEmpty || MatrixEngine.best(for: precision) == able[0])
    #expect(precision == .bf16 || !able.isEmpty)
  }

  @Test func windowsAreReadInPlaceAndCopiedWhenWritten() {
    let whole = noise([6], 1)
    var window = whole.window(from: 2, shape: [2])
    window.withMutableScalars { $0[0] = 9 }
    #expect(window.scalars == [9, whole.scalars[3]])
    #expect(whole.scalars[2] != 9)
  }
}

@Suite struct ShapeTests {
  @Test func nothingHasAShape() {
    #expect(Kernels.transpose(.zeros([0, 3]), [1, 0]).shape == [3, 0])
  }

  @Test func patchesOfAnAxis() {
    let halving = ConvolutionGeometry(stride: 2, padding: 1)
    #expect([75, 38, 19, 10].map { halving.outputExtent(of: $0, kernel: 3) } == [38, 19, 10, 5])
    #expect(ConvolutionGeometry(stride: 2, padding: 0).outputExtent(of: 3, kernel: 3) == 1)
  }

  @Test func aKernelMustFit() async {
    await #expect(processExitsWith: .failure) {
      _ = ConvolutionGeometry(stride: 2, padding: 0).outputExtent(of: 2, kernel: 3)
    }
  }
}

@Suite struct UpdateTests {
  @Test func adamFollowsItsAlgorithm() {
    let count = 37
    var (p, m, v) = (noise([count], 1), Tensor.zeros([count]), Tensor.zeros([count]))
    let initial = p.scalars
    var (exactP, exactM, exactV) = (
      initial.map(Double.init), [Double](repeating: 0, count: count),
      [Double](repeating: 0, count: count)
    )
    for step in 1...5 {
      let g = noise([count], UInt64(step + 1))
      p.withMutableScalars { p in
        m.withMutableScalars { m in
          v.withMutableScalars { v in
            g.withScalars { g in
              Kernels.adam(
                parameters: UnsafeMutableBufferPointer(rebasing: p[3...]),
                firstMoments: UnsafeMutableBufferPointer(rebasing: m[3...]),
                secondMoments: UnsafeMutableBufferPointer(rebasing: v[3...]),
                gradient: UnsafeBufferPointer(rebasing: g[3...]), step: step, learningRate: 0.01)
            }
          }
        }
      }
      for i in 3..<count {
        let gradient = Double(g.scalars[i])
        exactM[i] = 0.9 * exactM[i] + 0.1 * gradient
        exactV[i] = 0.999 * exactV[i] + 0.001 * gradient * gradient
        let mean = exactM[i] / (1 - Foundation.pow(0.9, Double(step)))
        let square = exactV[i] / (1 - Foundation.pow(0.999, Double(step)))
        exactP[i] -= 0.01 * mean / (square.squareRoot() + 1e-8)
      }
    }
    #expect(Array(p.scalars[..<3]) == Array(initial[..<3]))
    for (a, b) in zip(p.scalars, exactP) { #expect(abs(Double(a) - b) < 1e-6) }
  }

  @Test func meanAddsInOrderAndFindsWhatIsNotFinite() {
    let count = 5000
    var parts = (0..<3).map { noise([count], UInt64($0)).scalars }
    func mean() -> (bad: Int?, values: [Float]) {
      var values = [Float](repeating: 0, count: count)
      let bad = values.withUnsafeMutableBufferPointer { result in
        parts[0].withUnsafeBufferPointer { a in
          parts[1].withUnsafeBufferPointer { b in
            parts[2].withUnsafeBufferPointer { c in Kernels.mean(of: [a, b, c], into: result) }
          }
        }
      }
      return (bad, values)
    }
    let third: Float = 1 / 3
    let plain = mean()
    #expect(plain.bad == nil)
    #expect(
      plain.values == (0..<count).map { ((parts[0][$0] + parts[1][$0]) + parts[2][$0]) * third })
    for (index, scalar) in [(4321, Float.nan), (2047, .infinity), (17, -.infinity)] {
      parts[1][index] = scalar
      #expect(mean().bad == index)
    }
  }
}
