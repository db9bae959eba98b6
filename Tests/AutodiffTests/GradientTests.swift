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
      let before = tape.recordCount
      _ = gradient(of: result, withRespectTo: variables)
      #expect(tape.recordCount == before, "\(entry.name)")
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
    #expect(tape.recordCount == 0)
    let silent = Tape(context: context, isRecording: false)
    _ = silent.variable(Tensor(scalar: 2)) * 3
    #expect(silent.recordCount == 0)
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
