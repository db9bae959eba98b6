// The pure functions of a step: reduction, update, digest.

import Learning
import NeuralNetworks
import Tensors
import Testing

@testable import Training

@Suite struct TrainingStateTests {
  private let task = SyntheticTask()
  private var layout: ContributionLayout { ContributionLayout(of: task.layout) }

  /// Results of made-up numbers.
  private func results(_ count: Int, index: UInt64 = 0) -> [ReplicaResult] {
    contributions(count, index: index).map { contribution in
      let measured = [(2.5, 5.0), (1, 2), (2, 2), (0, 1)]
      return ReplicaResult(contribution, measured.map { Measurement(sum: $0, weight: $1) })
    }
  }

  private func contributions(_ count: Int, index: UInt64 = 0) -> [Contribution] {
    var random = CounterRandom(seed: 8, purpose: .trial, index: index)
    return (0..<count).map { _ in
      Contribution(
        layout: layout, gradient: Self.trial([layout.gradientCount], &random),
        statistics: Self.trial([layout.statisticCount], &random))
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
    let (mean, firstNotFinite) = reduce(parts.map(\.flat))
    #expect(firstNotFinite == nil)
    for (i, scalar) in mean.scalars.enumerated() {
      let exact = parts.reduce(0.0) { $0 + Double($1.flat.scalars[i]) } / 7
      #expect(abs(Double(scalar) - exact) < 1e-6)
    }
    // A huge and a small number show the order: (1e8 + 1) - 1e8 is 0, (1e8 - 1e8) + 1 is 1.
    let scalars: [[Float]] = [[1e8, 1, -1e8], [1e8, -1e8, 1]]
    let means = scalars.map { column in
      reduce(zip(parts, column).map { replacing(0, of: $0, by: $1).flat }).mean.scalars[0]
    }
    #expect(means[0] == 0 && means[1] == 1.0 / 3)
    #expect(reduce(contributions(7).map(\.flat)).mean == mean, "the bits depend on nothing else")
  }

  @Test func aStepIsAdamOnTheMeanAndFoldsTheStatistics() throws {
    let experiment = syntheticExperiment(clipping: GradientClipping(maximumNorm: 0.5))
    var state = try TrainingState(experiment, layout: task.layout)
    var parameters = state.values.parameters.scalars.map(Double.init)
    var statistics = state.values.statistics.scalars.map(Double.init)
    var first = [Double](repeating: 0, count: parameters.count)
    var second = first
    for step in 1...5 {
      let results = results(4, index: UInt64(step))
      let parts = results.map(\.contribution)
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
      let outcome = try state.apply(results, of: experiment, metrics: task.facts.metrics)
      #expect(outcome.measurements.loss == 0.5 && outcome.learningRate == 0.01)
      #expect(outcome.measurements[.accuracy] == Measurement(sum: 12, weight: 20))
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
  func whatIsNotFiniteIsNamedAndChangesNothing(scalar: Float) throws {
    var state = try TrainingState(syntheticExperiment(), layout: task.layout)
    let before = state
    func complaint(of replica: Int, _ change: (ReplicaResult) -> ReplicaResult) -> String {
      var parts = results(4)
      parts[replica] = change(parts[replica])
      do {
        _ = try state.apply(parts, of: syntheticExperiment(), metrics: task.facts.metrics)
        return ""
      } catch { return "\(error)" }
    }
    func complaint(_ position: Int, replica: Int) -> String {
      complaint(of: replica) {
        ReplicaResult(
          replacing(position, of: $0.contribution, by: scalar), $0.measurements)
      }
    }
    func complaintOfLoss(replica: Int) -> String {
      complaint(of: replica) {
        let loss = Measurement(sum: Double(scalar), weight: 5)
        return ReplicaResult($0.contribution, [loss] + $0.measurements.dropFirst())
      }
    }
    // The first parameter has 12 scalars, the second 4.
    #expect(
      complaint(13, replica: 2)
        .hasPrefix("The gradient of hidden.bias of replica 2 is not finite at step 1."))
    #expect(
      complaint(layout.statistics.lowerBound, replica: 0)
        .hasPrefix("A batch statistic of replica 0 is not finite at step 1."))
    #expect(
      complaintOfLoss(replica: 3)
        .hasPrefix("The loss of replica 3 is not finite at step 1."))
    #expect(state.step == 0 && state.values == before.values && state.digest == before.digest)
    #expect(state.moments == before.moments)
  }

  @Test func anyBitChangesTheDigest() throws {
    let state = try TrainingState(syntheticExperiment(), layout: task.layout)
    let chunks = 0..<Slice.chunking(of: task.layout).chunkCount
    func digest(_ flat: Tensor, after digest: Digest = Digest(rawValue: 0)) -> Digest {
      let slice = Slice(chunks, of: task.layout, values: flat, moments: state.moments)
      return digest.extended(byHashes: slice.hashes())
    }
    #expect(digest(state.flat) == state.digest)
    for position in 0..<task.layout.valueCount {
      for bit in 0..<32 {
        var flat = state.flat
        flat.withMutableScalars { scalars in
          scalars[position] = Float(bitPattern: scalars[position].bitPattern ^ 1 << UInt32(bit))
        }
        #expect(digest(flat) != state.digest)
      }
    }
    #expect(digest(state.flat, after: Digest(rawValue: 1)) != state.digest)
    #expect(Digest("00000000000000ff") == Digest(rawValue: 255))
    for text in ["", "ff", "00000000000000fg", "+0000000000000ff", "00000000000000ff0"] {
      #expect(Digest(text) == nil || text.hasPrefix("+"), "\(text)")
    }
  }

  @Test func contributionsArePureFunctions() throws {
    let experiment = syntheticExperiment()
    let state = try TrainingState(experiment, layout: task.layout)
    let contexts = [try ComputeContext(), try ComputeContext(threadCount: 3)]
    for replica in [3, 0, 1] {
      let twice = try contexts.map {
        try contribution(
          of: task,
          batch: try trainingBatch(of: task, step: 2, replica: replica, experiment: experiment),
          step: 2, replica: replica, values: state.values, experiment: experiment, context: $0)
      }
      #expect(twice[0].contribution.flat == twice[1].contribution.flat)
      #expect(twice[0].measurements == twice[1].measurements)
      let rows = Measurements(task.facts.metrics, twice[0].measurements)
      #expect(rows[.accuracy]?.weight == 5 && rows["loss"]?.weight == 5)
    }
  }

  @Test func anEvaluationIsTheSumOfItsParts() throws {
    let context = try ComputeContext()
    let values = try TrainingState(syntheticExperiment(), layout: task.layout).values
    let whole = try evaluate(task, split: .validation, values: values, seed: 3, context: context)
    #expect(whole[.accuracy]?.weight == 450 && whole["loss"]?.weight == 450)
    #expect(whole["accuracy/hard"]?.weight == 300)
    #expect(task.facts.evaluationPartCount(of: .validation) == 3)
    let parts = try (0..<3).map { part in
      try evaluation(
        of: task, split: .validation, part: part, values: values, seed: 3, context: context)
    }
    var sum = Measurements(of: task.facts.metrics)
    for part in parts { sum.add(part) }
    #expect(sum == whole)
  }
}
