// What refining does, whatever a set is of.

import Autodiff
import Learning
import NeuralNetworks
import Tensors
import TestSupport
import Testing

@testable import RelationNetworks

@Suite struct SetRefinerTests {
  /// Refines a set of points towards a mean; returns what came of it and the gradient of its sum
  /// with respect to where it began.
  private func refined(
    _ settings: RefinerSettings, _ mode: PassMode
  ) throws -> (set: Tensor, losses: [Double], moved: [Double], slope: Tensor) {
    let pass = ForwardPass(
      ParameterVector(initializing: ParameterLayout(), seed: 1), mode: mode,
      context: try ComputeContext())
    let start = pass.tape.variable(Tensor([0, 0, 4, 2, 1, 1, 3, 3], shape: [2, 2, 2]))
    let target = pass.tape.constant(Tensor([[0, 0], [2, 2]]))
    let refinement = SetRefiner(settings)(start, towards: target, in: pass) { $0.mean(axes: [1]) }
    let slope =
      pass.isTraining
      ? gradient(of: refinement.set.sum(), withRespectTo: [start])[0].value
      : Tensor.zeros([2, 2, 2])
    return (
      refinement.set.value, refinement.losses.compactMap(\.value),
      refinement.movements.compactMap(\.value), slope
    )
  }

  private static let training = PassMode.training(seed: 1, step: 1, replica: 0)

  /// The mean (2, 1) goes to (1, 0.5): its distance to (0, 0) is halved by a step of size 1/2 of
  /// the loss's slope, which is (2, 1) for each of both points.
  @Test func aStepGoesDownTheSlope() throws {
    let settings = RefinerSettings(steps: 1, evaluationSteps: 2, rate: 0.5)
    let found = try refined(settings, Self.training)
    #expect(found.set == Tensor([-1, -0.5, 3, 1.5, 1, 1, 3, 3], shape: [2, 2, 2]))
    #expect(found.losses == [2.5])
    // The points of the first set move by √(1 + 1/4) each, those of the other not at all.
    #expect(abs((found.moved[0]) - 2.5.squareRoot() / 2) < 1e-6)
    let evaluated = try refined(settings, .evaluation)
    #expect(evaluated.losses == [2.5, 0.625, 0.15625])
    #expect(evaluated.moved.count == 2)
  }

  @Test func momentumKeepsPartOfTheLastStep() throws {
    let settings = RefinerSettings(steps: 2, evaluationSteps: 2, rate: 0.5, momentum: 0.5)
    for mode in [Self.training, .evaluation] {
      // Steps of (1, 0.5), then of half of it and of what half the distance gives: (1, 0.5).
      #expect(
        try refined(settings, mode).set
          == Tensor([-2, -1, 2, 1, 1, 1, 3, 3], shape: [2, 2, 2]))
    }
  }

  @Test func theOuterGradientPassesIntoTheFirstSetUnlessItIsDetached() throws {
    var settings = RefinerSettings(steps: 1, rate: 0.5)
    // Sum of x − (m₁ + m₂)/2 over both points: each coordinate's derivative is 1 − 1/2.
    #expect(try refined(settings, Self.training).slope == Tensor(repeating: 0.5, shape: [2, 2, 2]))
    settings.start = .detached
    #expect(try refined(settings, Self.training).slope == Tensor.zeros([2, 2, 2]))
  }

  @Test func noStepsLeaveTheSetAsItIs() throws {
    let settings = RefinerSettings(steps: 0, evaluationSteps: 0)
    #expect(settings.metrics.map(\.path.description) == ["refiner/loss/0"])
    for mode in [Self.training, .evaluation] {
      let found = try refined(settings, mode)
      #expect(found.set == Tensor([0, 0, 4, 2, 1, 1, 3, 3], shape: [2, 2, 2]))
      #expect(found.moved.isEmpty)
    }
  }

  @Test func settingsThatMakeNoSenseAreRefused() {
    for (settings, name) in [
      (RefinerSettings(steps: -1), "refiner.steps"), (RefinerSettings(rate: 0), "refiner.rate"),
      (RefinerSettings(rate: .infinity), "refiner.rate"),
      (RefinerSettings(momentum: 1), "refiner.momentum"),
      (RefinerSettings(evaluationSteps: 1_001), "refiner.evaluationSteps"),
    ] {
      let error = #expect(throws: CatalogueError.self) { try settings.check("refiner") }
      #expect(error?.description.contains(name) == true)
    }
  }

  @Test func theOrderOfElementsDoesNotMatter() throws {
    var layout = ParameterLayout()
    let summaries = [
      SetSummary.ofElements("a", features: 3, widths: [7, 4], in: &layout),
      .ofRelations("b", features: 3, widths: [7, 4], in: &layout),
    ]
    let pass = ForwardPass(
      ParameterVector(initializing: layout, seed: 2), mode: .evaluation,
      context: try ComputeContext())
    var random = CounterRandom(seed: 1, purpose: .trial, index: 0)
    let rows = (0..<5).map { _ in (0..<3).map { _ in random.normal() } }
    for summary in summaries {
      func result(_ rows: [[Float]]) -> Tensor {
        summary(
          pass.tape.constant(Tensor(rows.flatMap(\.self), shape: [1, 5, 3])), in: pass
        ).value
      }
      let shuffled = [3, 0, 4, 2, 1].map { rows[$0] }
      #expect(distance(of: result(shuffled), from: result(rows)) < 1e-6)
      #expect(distance(of: result([rows[0]] + rows.dropLast()), from: result(rows)) > 1e-3)
    }
  }
}
