// The generator against its published vectors.

import Testing

@testable import Tensors

@Suite struct RandomTests {
  /// The known answers for philox4x32-10 that come with Random123.
  @Test func philoxGivesItsPublishedNumbers() {
    let zeros = CounterRandom.philox((0, 0, 0, 0), key: (0, 0))
    #expect(zeros == (0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8))
    let all = UInt32.max
    let ones = CounterRandom.philox((all, all, all, all), key: (all, all))
    #expect(ones == (0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD))
    let pi = CounterRandom.philox(
      (0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344), key: (0xA409_3822, 0x299F_31D0))
    #expect(pi == (0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1))
  }

  @Test func normalNumbersHaveTheirMoments() {
    var random = CounterRandom(seed: 3, purpose: .trial, index: 0)
    let numbers = (0..<40_000).map { _ in Double(random.normal()) }
    let moments = (1...4).map { power in
      numbers.reduce(0) { sum, x in sum + (1...power).reduce(1.0) { y, _ in y * x } } / 40_000
    }
    for (moment, expected) in zip(moments, [0, 1, 0, 3]) {
      #expect(abs(moment - Double(expected)) < 0.12)
    }
    #expect(numbers.allSatisfy { $0.isFinite })
  }

  @Test func streamsDiffer() {
    let first = (0..<4).map { index in
      var random = CounterRandom(
        seed: 1, purpose: index < 2 ? .trial : .dropout, index: UInt64(index % 2))
      return random.next()
    }
    #expect(Set(first).count == 4)
  }

  @Test func permutationsTakeEveryElementOnce() {
    for count in [1, 2, 3, 100, 1025] {
      let permutation = RandomPermutation(count: count, seed: 5, index: 2)
      #expect((0..<count).map { permutation[$0] }.sorted() == Array(0..<count))
    }
  }
}
