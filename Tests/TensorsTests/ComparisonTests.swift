// The comparison that other tests rely on tells apart what it should.

import Tensors
import TestSupport
import Testing

@Suite struct ComparisonTests {
  private func vector(_ scalars: Float...) -> Tensor { Tensor(scalars, shape: [scalars.count]) }

  @Test(arguments: [Norm.greatest, .euclidean])
  func whatIsTheSameIsNotApart(_ norm: Norm) {
    #expect(distance(of: vector(1, -2, 3), from: vector(1, -2, 3), by: norm) == 0)
    #expect(distance(of: vector(0, 0), from: vector(0, 0), by: norm) == 0)
    #expect(distance(of: .zeros([0, 3]), from: .zeros([0, 3]), by: norm) == 0)
  }

  @Test func theScaleIsTheExpectedOnes() {
    #expect(distance(of: vector(1e-6, 2e-6), from: vector(1e-6, 4e-6)) == 0.5)
    #expect(distance(of: vector(100, 400), from: vector(100, 200)) == 1)
    #expect(distance(of: vector(3, 4), from: vector(0, 0), relativeTo: vector(8, 1)) == 0.5)
    #expect(distance(of: vector(4, 3), from: vector(4, 0), by: .euclidean) == 0.75)
    #expect(distance(of: 1.5, from: -1) == 2.5)
  }

  @Test(arguments: [Norm.greatest, .euclidean], 0..<3)
  func whatIsNotFiniteIsInfinitelyFar(_ norm: Norm, _ position: Int) {
    let numbers = vector(1, 2, 3)
    for wrong in [Float.nan, .infinity, -.infinity] {
      var scalars = numbers.scalars
      scalars[position] = wrong
      let broken = Tensor(scalars, shape: [3])
      #expect(distance(of: broken, from: numbers, by: norm) == .infinity)
      #expect(distance(of: numbers, from: broken, by: norm) == .infinity)
      #expect(distance(of: broken, from: broken, by: norm) == .infinity)
      #expect(distance(of: numbers, from: numbers, relativeTo: broken, by: norm) == .infinity)
      #expect(distance(of: [numbers, broken], from: [numbers, numbers], by: norm) == .infinity)
    }
    #expect(distance(of: .nan, from: 1) == .infinity)
    #expect(distance(of: 1, from: .nan) == .infinity)
  }

  @Test func whatHasAnotherShapeIsInfinitelyFar() {
    #expect(distance(of: .zeros([2, 3]), from: .zeros([3, 2])) == .infinity)
    #expect(distance(of: [.zeros([1])], from: []) == .infinity)
  }

  @Test func nothingIsNearZeroButZero() {
    #expect(distance(of: vector(1e-30, 0), from: vector(0, 0)) == .infinity)
    #expect(distance(of: 1e-30, from: 0) == .infinity)
  }
}
