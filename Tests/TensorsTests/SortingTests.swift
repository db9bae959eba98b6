// Orders against the sorting of the standard library.

import Testing

@testable import Tensors

@Suite struct SortingTests {
  @Test func sortingKeepsTiesInOrderAndPutsNotANumberLast() {
    let x = Tensor([2, .nan, 1, 2, 0, 5, 5, -1, 7, 5], shape: [2, 5])
    #expect(Kernels.sortedPositions(x, axis: 1) == [4, 2, 0, 3, 1, 2, 0, 1, 4, 3])
    #expect(
      Kernels.sortedPositions(x, axis: -1, descending: true) == [0, 3, 2, 4, 1, 3, 0, 1, 4, 2])
  }

  @Test func theOrderIsTotal() {
    let x: [Float] = [
      .nan, -0.0, 0, -.nan, .infinity, -.infinity, .leastNonzeroMagnitude, -0.0,
      -.leastNonzeroMagnitude, 3e38,
      -3e38,
    ]
    let tensor = Tensor(x, shape: [x.count])
    #expect(
      Kernels.sortedPositions(tensor, axis: 0) == [5, 10, 8, 1, 2, 7, 6, 9, 4, 0, 3])
    #expect(
      Kernels.sortedPositions(tensor, axis: 0, descending: true)
        == [4, 9, 6, 1, 2, 7, 8, 10, 5, 0, 3])
  }

  /// As the kernel promises, by closures and one run after the other.
  private func plainPositions(_ x: Tensor, axis: Int, descending: Bool) -> [Int32] {
    let extent = x.shape[axis]
    let inner = x.shape.strides[axis]
    let scalars = x.scalars
    var positions = [Int32](repeating: -1, count: x.count)
    for run in 0..<x.count / max(extent, 1) {
      let start = run / inner * extent * inner + run % inner
      let order = (0..<extent).sorted { i, j in
        let (a, b) = (scalars[start + i * inner], scalars[start + j * inner])
        if a.isNaN || b.isNaN { return a.isNaN == b.isNaN ? i < j : b.isNaN }
        return a == b ? i < j : descending ? a > b : a < b
      }
      for (rank, i) in order.enumerated() { positions[start + rank * inner] = Int32(i) }
    }
    return positions
  }

  @Test(arguments: [
    ([1], 0), ([5, 0], 1), ([0, 5], 1), ([4, 1], 1), ([16, 10, 7], 1), ([3, 25], 1), ([40, 26], 1),
    ([26, 40], 0), ([2, 63, 1, 3], 1), ([64], 0), ([65], 0), ([70, 3], 0), ([17, 300], 1),
    ([300, 17], 0), ([3, 512, 6], 1), ([3, 513, 6], 1), ([5_000], 0), ([2, 1_024, 2], 1),
  ])
  func ordersAreThoseOfPlainSorting(_ shape: [Int], _ axis: Int) {
    var random = CounterRandom(seed: 4, purpose: .trial, index: UInt64(shape.count))
    let shape = Shape(shape)
    // Many ties, and now and then not-a-number.
    let x = Tensor(
      (0..<shape.count).map { _ in
        let number = (random.uniform(in: -40..<40)).rounded()
        return number == 7 ? .nan : number / 4
      }, shape: shape)
    for descending in [false, true] {
      #expect(
        Kernels.sortedPositions(x, axis: axis, descending: descending)
          == plainPositions(x, axis: axis, descending: descending))
    }
  }

  @Test func positionsAlongAnAxisNameElements() {
    // [2, 3, 2], two of three taken.
    let positions: [Int32] = [2, 0, 1, 1, 0, 0, 2, 2]
    #expect(
      Kernels.elements(at: positions, along: 1, of: [2, 3, 2]) == [4, 1, 2, 3, 6, 7, 10, 11])
    #expect(Kernels.elements(at: [], along: 0, of: [0]) == [])
  }

  @Test func indicesMustExist() async {
    await #expect(processExitsWith: .failure) {
      _ = Kernels.elements(at: [3], along: 0, of: [3])
    }
    await #expect(processExitsWith: .failure) { _ = Kernels.gatherRows(.zeros([3, 2]), [-1]) }
    await #expect(processExitsWith: .failure) {
      _ = Kernels.scatterRows(.zeros([1, 2]), [3], count: 3)
    }
  }
}
