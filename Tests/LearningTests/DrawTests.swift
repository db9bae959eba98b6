// The random numbers of draws: no two samples share a stream.

import Tensors
import Testing

@testable import Learning

@Suite struct DrawTests {
  private func first(_ draw: Draw, _ position: Int = 0) -> UInt64 {
    var random = draw.random(at: position)
    return random.next()
  }

  @Test func everySampleOfEveryDrawHasAStreamOfItsOwn() {
    var numbers: [UInt64] = []
    for seed in [1, 2] as [UInt64] {
      for lane in [0, 1, 9, 65_535] {
        for step in [1, 2, 131_072, 1_000_000_000] {
          let draw = Draw(training: [5, 5, 6], seed: seed, step: step, replica: lane)
          for position in [0, 1, 2, 65_535] { numbers.append(first(draw, position)) }
        }
        for split in Split.allCases {
          let draw = Draw(evaluating: [5, 5, 6], of: split, seed: seed, part: lane)
          for position in [0, 1, 65_535] { numbers.append(first(draw, position)) }
        }
      }
    }
    #expect(Set(numbers).count == numbers.count)
  }

  @Test func aDrawIsAFunctionOfItsArguments() {
    let draws = (0..<2).map { _ in Draw(training: [3], seed: 7, step: 4, replica: 2) }
    #expect(draws[0] == draws[1] && first(draws[0]) == first(draws[1]))
    // Which samples they are does not matter to the numbers, only where they stand.
    #expect(first(Draw(training: [9], seed: 7, step: 4, replica: 2)) == first(draws[0]))
  }

  @Test func splitsHaveNumbers() {
    for split in Split.allCases { #expect(Split(code: split.code) == split) }
    #expect(Set(Split.allCases.map(\.code)).count == 3 && Split(code: 3) == nil)
  }
}
