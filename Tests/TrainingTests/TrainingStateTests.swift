// The pure functions of a step: reduction, update, digest.

import NeuralNetworks
import Tensors
import Testing

@testable import Training

@Suite struct TrainingStateTests {
  private let task = SyntheticTask()
  private var layout: ContributionLayout { ContributionLayout(of: task.layout, categoryCount: 3) }

  /// Contributions of made-up numbers.
  private func contributions(_ count: Int, index: UInt64 = 0) -> [Contribution] {
    var random = CounterRandom(seed: 8, purpose: .trial, index: index)
    return (0..<count).map { _ in
      var tally = Tally(categoryCount: 3)
      (tally.lossSum, tally.correct, tally.counted) = (2.5, [1, 2, 0], [2, 2, 1])
      return Contribution(
        layout: layout, gradient: Self.trial([layout.gradientCount], &random),
        statistics: Self.trial([layout.statisticCount], &random), tally: tally)
    }
  }

  private static func trial(_ shape: Shape, _ random: inout CounterRandom) -> Tensor {
    Tensor((0..<shape.count).map { _ in random.normal() }, shape: shape)
  }

  private func replacing(_ position: Int, of contribution: Contribution, by scalar: Float)
    -> Contribution
  {
    var flat = contribution.flat
    flat.withMutableScalars { $0[position] = scalar }
    return Contribution(layout: contribution.layout, flat: flat)
  }

  @Test func theMeanIsSummedInReplicaOrder() {
    let parts = contributions(7)
    let (mean, firstNotFinite) = reduce(parts)
    #expect(firstNotFinite == nil)
    for (i, scalar) in mean.scalars.enumerated() {
      let exact = parts.reduce(0.0) { $0 + Double($1.flat.scalars[i]) } / 7
      #expect(abs(Double(scalar) - exact) < 1e-6)
    }
    // A huge and a small number show the order: (1e8 + 1) - 1e8 is 0, (1e8 - 1e8) + 1 is 1.
    let scalars: [[Float]] = [[1e8, 1, -1e8], [1e8, -1e8, 1]]
    let means = scalars.map { column in
      reduce(zip(parts, column).map { replacing(0, of: $0, by: $1) }).mean.scalars[0]
    }
    #expect(means[0] == 0 && means[1] == 1.0 / 3)
    #expect(reduce(contributions(7)).mean == mean, "the bits depend on nothing else")
  }

  @Test func aStepIsAdamOnTheMeanAndFoldsTheStatistics() throws {
    let experiment = syntheticExperiment(clipping: GradientClipping(maximumNorm: 0.5))
    var state = TrainingState(layout: task.layout, seed: 3)
    var parameters = state.values.parameters.scalars.map(Double.init)
    var statistics = state.values.statistics.scalars.map(Double.init)
    var first = [Double](repeating: 0, count: parameters.count)
    var second = first
    for step in 1...5 {
      let parts = contributions(4, index: UInt64(step))
      let mean = (0..<layout.count).map { i in
        parts.reduce(0.0) { $0 + Double($1.flat.scalars[i]) } / 4
      }
      let norm = mean[layout.gradient].reduce(0.0) { $0 + $1 * $1 }.squareRoot()
      for i in layout.gradient {
        let gradient = mean[i] * min(1, 0.5 / (norm + 1e-6))
        first[i] = 0.9 * first[i] + 0.1 * gradient
        second[i] = 0.999 * second[i] + 0.001 * gradient * gradient
        let (m, v) = (first[i] / (1 - power(0.9, step)), second[i] / (1 - power(0.999, step)))
        parameters[i] -= 0.01 * m / (v.squareRoot() + 1e-8)
      }
      for (i, position) in layout.statistics.enumerated() {
        statistics[i] = 0.9 * statistics[i] + 0.1 * mean[position]
      }
      let outcome = try state.apply(parts, of: experiment)
      #expect(outcome.tally.sampleCount == 20 && outcome.tally.loss == 0.5)
      #expect(outcome.tally.accuracy == 0.6 && outcome.learningRate == 0.01)
      #expect(outcome.digest == state.digest && state.step == step)
    }
    for (scalar, exact) in zip(state.values.parameters.scalars, parameters) {
      #expect(abs(Double(scalar) - exact) < 1e-5)
    }
    for (scalar, exact) in zip(state.values.statistics.scalars, statistics) {
      #expect(abs(Double(scalar) - exact) < 1e-5)
    }
  }

  private func power(_ base: Double, _ exponent: Int) -> Double {
    (0..<exponent).reduce(1.0) { power, _ in power * base }
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func whatIsNotFiniteIsNamedAndChangesNothing(scalar: Float) {
    var state = TrainingState(layout: task.layout, seed: 3)
    let before = state
    func complaint(_ position: Int, replica: Int) -> String {
      var parts = contributions(4)
      parts[replica] = replacing(position, of: parts[replica], by: scalar)
      do throws(TrainingError) {
        _ = try state.apply(parts, of: syntheticExperiment())
        return ""
      } catch { return error.description }
    }
    // The first parameter has 12 scalars, the second 4.
    #expect(
      complaint(13, replica: 2)
        .hasPrefix("The gradient of hidden.bias of replica 2 is not finite at step 1."))
    #expect(
      complaint(layout.statistics.lowerBound, replica: 0)
        .hasPrefix("A batch statistic of replica 0 is not finite at step 1."))
    #expect(
      complaint(layout.tally.lowerBound, replica: 3)
        .hasPrefix("The loss of replica 3 is not finite at step 1."))
    #expect(state.step == 0 && state.values == before.values && state.digest == before.digest)
    #expect(state.moments == before.moments)
  }

  @Test func anyBitChangesTheDigest() throws {
    let state = TrainingState(layout: task.layout, seed: 3)
    let start = Digest(rawValue: 0)
    let whole = start.extended(by: state.values.parameters, state.values.statistics)
    #expect(whole == state.digest)
    for position in 0..<task.layout.parameterCount {
      for bit in 0..<32 {
        var parameters = state.values.parameters
        parameters.withMutableScalars { scalars in
          scalars[position] = Float(bitPattern: scalars[position].bitPattern ^ 1 << UInt32(bit))
        }
        #expect(start.extended(by: parameters, state.values.statistics) != whole)
      }
    }
    #expect(Digest(rawValue: 1).extended(by: state.values.parameters) != whole)
    #expect(Digest("00000000000000ff") == Digest(rawValue: 255))
    for text in ["", "ff", "00000000000000fg", "+0000000000000ff", "00000000000000ff0"] {
      #expect(Digest(text) == nil || text.hasPrefix("+"), "\(text)")
    }
  }

  @Test func contributionsArePureFunctions() throws {
    let experiment = syntheticExperiment()
    let state = TrainingState(layout: task.layout, seed: 3)
    let contexts = [try ComputeContext(), try ComputeContext(threadCount: 3)]
    for replica in [3, 0, 1] {
      let twice = try contexts.map {
        contribution(
          of: task,
          batch: try trainingBatch(of: task, step: 2, replica: replica, experiment: experiment),
          step: 2, replica: replica, values: state.values, experiment: experiment, context: $0)
      }
      #expect(twice[0].flat == twice[1].flat && twice[0].tally.sampleCount == 5)
    }
  }

  @Test func aTallyFromAnywhereHasSaneCounts() {
    let tally = Tally(scalars: [1.5, .nan, -1, 2.7, .infinity, 4, 1e30])
    #expect(tally.lossSum == 1.5)
    #expect(tally.correct == [0, 0, 2] && tally.counted == [0, 4, 0])
    #expect(Tally(scalars: tally.scalars) == tally)
  }

  @Test func anEvaluationIsTheSumOfItsParts() throws {
    let context = try ComputeContext()
    let values = TrainingState(layout: task.layout, seed: 3).values
    let whole = try evaluationTally(of: task, split: .validation, values: values, context: context)
    #expect(whole.sampleCount == 450 && whole.counted == [150, 150, 150])
    #expect(evaluationPartCount(of: 450) == 3 && evaluationPartCount(of: 400) == 2)
    #expect(evaluationPartCount(of: 0) == 0)
    let parts = (0..<4).map { evaluationSamples(part: $0, of: 450) }
    #expect(parts == [0..<200, 200..<400, 400..<450, 450..<450])
  }
}
