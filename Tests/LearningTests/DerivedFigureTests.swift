// Figures that follow from several metrics.

import NeuralNetworks
import Testing

@testable import Learning

@Suite struct DerivedFigureTests {
  @Test func whatReachesTheMarkIsCounted() {
    let passed = DerivedFigure("passed", of: "accuracy", .count(atLeast: 0.95))
    #expect(passed.value(of: [0.95, 0.949, 1, 0]) == 2)
    #expect(passed.value(of: [0.5]) == 0)
    #expect(passed.value(of: []) == nil)
    #expect(passed.unit == .count && passed.better == .higher)
  }

  @Test func errorsAreAveragedWithoutWeights() {
    let error = DerivedFigure("error", of: "accuracy", .meanShortfall)
    #expect(error.value(of: [1, 0.5, 0.75]) == 0.25)
    #expect(error.value(of: []) == nil)
    #expect(error.unit == .share && error.better == .lower)
  }

  @Test func itFollowsFromTheChildrenAlone() {
    let figure = DerivedFigure("passed", of: "accuracy/group", .count(atLeast: 1))
    #expect(figure.follows(from: "accuracy/group/a"))
    #expect(!figure.follows(from: "accuracy/group"))
    #expect(!figure.follows(from: "accuracy/group/a/b"))
    #expect(!figure.follows(from: "accuracy/other/a"))
  }
}
