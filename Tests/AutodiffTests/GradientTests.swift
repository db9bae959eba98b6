// The backward pass itself.

import Tensors
import Testing

@testable import Autodiff

@Suite struct GradientTests {
  @Test func firstOrderAppendsNoRecords() {
    for entry in catalogue {
      let tape = Tape(context: context)
      let variables = entry.inputs().map { tape.variable($0) }
      let result = entry.body(variables)
      withExtendedLifetime([result] + variables) {
        let before = tape.recordCount
        _ = gradient(of: result, withRespectTo: variables)
        #expect(tape.recordCount == before, "\(entry.name)")
      }
    }
  }

  @Test func theFinalGradientIsTheGradientAndEmptiesTheTape() {
    for entry in catalogue {
      let tape = Tape(context: context)
      let variables = entry.inputs().map { tape.variable($0) }
      let result = entry.body(variables)
      let expected = gradient(of: result, withRespectTo: variables).map(\.value)
      #expect(finalGradient(of: result, withRespectTo: variables).map(\.value) == expected)
      #expect(tape.records.count <= variables.count, "\(entry.name)")
    }
  }

  @Test func nothingFollowsTheFinalGradient() async {
    await #expect(processExitsWith: .failure) {
      let tape = Tape(context: context)
      let x = tape.variable(Tensor(scalar: 2))
      let y = x * x
      _ = finalGradient(of: y, withRespectTo: [x])
      _ = gradient(of: y, withRespectTo: [x])
    }
  }

  @Test func onlyWhatTheRuleReadsIsKept() {
    let tape = Tape(context: context)
    let x = tape.variable(Tensor([-1, 2], shape: [2]))
    let y = ((x + 1).relu() * x).sum()
    #expect(
      tape.records.map { $0.operands.map { $0.value != nil } } == [
        [], [false], [false], [true, true], [false], [false],
      ])
    #expect(tape.records.map { $0.result != nil } == [false, false, true, false, false, false])
    #expect(gradient(of: y, withRespectTo: [x])[0].value.scalars == [0, 5])
  }

  /// A power's exponent falls to zero by and by; the derivatives of polynomials at zero are finite.
  @Test func powersHaveDerivativesAtZero() {
    for (exponent, expected) in [
      (Float(0), [Float(0), 0, 0]), (1, [1, 0, 0]), (2, [0, 2, 0]), (3, [0, 0, 6]),
    ] {
      let tape = Tape(context: context)
      let x = tape.variable(Tensor(scalar: 0))
      var derivative = x.power(exponent)
      for order in 0..<3 {
        derivative = gradient(of: derivative, withRespectTo: [x], recording: true)[0]
        #expect(derivative.value.item == expected[order], "\(exponent), order \(order + 1)")
      }
    }
  }

  @Test func gatheringStaysOnItsAxis() async {
    await #expect(processExitsWith: .failure) {
      let x = Tape(context: context).variable(.zeros([2, 3]))
      _ = x.gathered(along: 1, indices: [3, 0])
    }
  }

  @Test func gradientIsZeroWithoutDependence() {
    let tape = Tape(context: context)
    let x = tape.variable(Tensor([1, 2], shape: [2]))
    let y = tape.variable(Tensor([3, 4], shape: [2]))
    let later = x * 2
    let gradients = gradient(of: x * x, withRespectTo: [y, x, later])
    #expect(gradients.map(\.value.scalars) == [[0, 0], [2, 4], [0, 0]])
  }

  @Test func operandsUsedTwiceAddUpAndAreNotOverwritten() {
    let tape = Tape(context: context)
    let x = tape.variable(Tensor([1, 2], shape: [2]))
    let y = tape.variable(Tensor([5, 7], shape: [2]))
    // x's gradient is y's gradient, too, until x's second use adds to it.
    let gradients = gradient(of: x * 3 + (x + y), withRespectTo: [x, y])
    #expect(gradients.map(\.value.scalars) == [[4, 4], [1, 1]])
  }

  @Test func constantsAreNotRecorded() {
    let tape = Tape(context: context)
    let sum = tape.constant(Tensor(scalar: 2)) + tape.constant(Tensor(scalar: 3))
    #expect(sum.value.item == 5)
    #expect(tape.recordCount == 0 && sum.isConstant)
  }

  /// Zeros would look like a minimum.
  @Test func aGradientWithRespectToAConstantIsRefused() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let tape = Tape(context: context)
      let x = tape.variable(.zeros([2, 3]))
      let weight = tape.constant(.zeros([4, 3]), named: "g.0.weight")
      _ = gradient(of: x.affine(weight: weight), withRespectTo: [x, weight])
    }
    let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
    #expect(message.contains("affine [2, 4] with respect to constant g.0.weight [4, 3]"))
  }

  @Test func recordsLastAsLongAsAVariableHasThemInItsHistory() {
    let tape = Tape(context: context)
    let x = tape.variable(Tensor([1, 2], shape: [2]))
    do {
      let forgotten = (x * 3).exp()
      withExtendedLifetime(forgotten) { #expect(tape.recordCount == 3) }
    }
    #expect(tape.recordCount == 1)
    // What is between lasts with what came of it, and what came later may last longer.
    var y = Optional((x * 3).exp())
    let z = x.tanh()
    withExtendedLifetime(y) { #expect(tape.recordCount == 4) }
    y = nil
    #expect(tape.recordCount == 2)
    #expect(gradient(of: z, withRespectTo: [x])[0].shape == [2])
    withExtendedLifetime((z * 2).detached) { #expect(tape.recordCount == 2) }
    #expect(gradient(of: z.exp(), withRespectTo: [x, z])[1].value == z.exp().value)
  }

  /// However the loop is written: here each round's variable is there before the last one's is gone.
  @Test func aLoopOfVariablesKeepsOneRound() {
    let tape = Tape(context: context)
    var x = tape.variable(Tensor([1, 2], shape: [2]))
    for _ in 0..<50 {
      let slope = gradient(of: (x * x).sum(), withRespectTo: [x])[0]
      x = tape.variable((x - 0.1 * slope).value)
      withExtendedLifetime(x) { #expect(tape.recordCount == 1) }
    }
    #expect(abs(x.value.scalars[1] - 2 * 0.0000142724769) < 1e-9)
  }

  @Test func anInnerStepWithoutRecordingLeavesNothing() {
    let tape = Tape(context: context)
    var x = tape.constant(Tensor([1, 2], shape: [2]))
    for _ in 0..<3 {
      x = x.innerStep(recording: false) { x in
        x - 0.1 * gradient(of: (x * x).sum(), withRespectTo: [x])[0]
      }
      #expect(tape.recordCount == 0 && x.isConstant)
    }
    #expect(abs(x.value.scalars[0] - 0.512) < 1e-6)
  }

  @Test func depthDoesNotMatter() {
    let tape = Tape(context: context)
    let x = tape.variable(Tensor(scalar: 1))
    var y = x
    for _ in 0..<200_000 { y = y + 1e-6 }
    #expect(gradient(of: y, withRespectTo: [x])[0].value.item == 1)
  }

  @Test func thirdDerivative() {
    let tape = Tape(context: context)
    let x = tape.variable(Tensor(scalar: 0.7))
    var y = x.tanh()
    for _ in 0..<3 { y = gradient(of: y, withRespectTo: [x], recording: true)[0] }
    let t = Double(x.tanh().value.item)
    let expected = -2 * (1 - t * t) * (1 - 3 * t * t)
    #expect(abs(Double(y.value.item) - expected) < 1e-5)
  }
}

@Suite struct LayerTests {
  @Test func dropoutKeepsTheMeanAndRepeatsWithItsKey() {
    let tape = Tape(context: context)
    let x = tape.variable(Tensor(repeating: 1, shape: [100, 100]))
    func dropped(_ index: UInt64) -> Variable {
      var random = CounterRandom(seed: 1, purpose: .dropout, index: index)
      return x.dropout(probability: 0.25, random: &random)
    }
    let values = dropped(1).value.scalars
    #expect(values.allSatisfy { $0 == 0 || $0 == 1 / 0.75 })
    #expect(abs(values.reduce(0, +) / 10_000 - 1) < 0.03)
    #expect(dropped(1).value.scalars == values)
    #expect(dropped(2).value.scalars != values)
    #expect(gradient(of: dropped(1), withRespectTo: [x])[0].value.scalars == values)
  }

  @Test func batchStatisticsAreTheBatchs() {
    let tape = Tape(context: context)
    let x = tape.constant(Tensor([1, 10, 3, 20, 5, 60], shape: [3, 2]))
    let ones = tape.constant(Tensor(repeating: 1, shape: [2]))
    let result = x.batchNormalized(scale: ones, offset: ones)
    #expect(result.mean.scalars == [3, 30])
    #expect(result.variance.scalars == [4, 700])
  }

  @Test func lastStateIsTheLastValidOutput() {
    let tape = Tape(context: context)
    let weights = lstmShapes.enumerated().map { tape.constant(noise($1, UInt64($0))) }
    for reversed in [false, true] {
      let result = weights[0].lstm(
        inputWeight: weights[1], hiddenWeight: weights[2], inputBias: weights[3],
        hiddenBias: weights[4], lengths: [4, 0, 2], reversed: reversed)
      let outputs = result.outputs.reshaped(to: [12, 3]).value
      #expect(result.last.value.scalars[3..<6].allSatisfy { $0 == 0 })
      #expect(outputs.scalars[12..<24].allSatisfy { $0 == 0 })
      let rows = reversed ? [0, 8] : [3, 9]
      for (sequence, row) in zip([0, 2], rows) {
        #expect(
          outputs.window(from: row * 3, shape: [3])
            == result.last.value.window(from: sequence * 3, shape: [3]))
      }
    }
  }
}
