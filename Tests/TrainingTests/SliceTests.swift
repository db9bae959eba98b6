// A vector that is cut into slices has the bits of the whole one.

import Learning
import NeuralNetworks
import Tensors
import Testing

@testable import Training

@Suite struct SliceTests {
  /// Four chunks, of which the third holds parameters and statistics and the last one statistics.
  private static let task = SyntheticTask(width: 20_000)
  private var layout: ParameterLayout { Self.task.layout }

  private func results(step: Int) -> [ReplicaResult] {
    let parts = ContributionLayout(of: layout)
    return (0..<3).map { replica in
      var random = CounterRandom(
        seed: 4, purpose: .trial, index: UInt64(step), subindex: UInt32(replica))
      let flat = Tensor(shape: [parts.count]) { scalars in
        for i in scalars.indices { scalars[i] = random.uniform(in: -1..<1) }
      }
      return ReplicaResult(
        Contribution(layout: parts, flat: flat),
        Self.task.facts.metrics.map { _ in Measurement(sum: 1, weight: 2) })
    }
  }

  private func states(slices count: Int, _ experiment: Experiment) throws -> [TrainingState] {
    var state = try TrainingState(experiment, layout: layout).cut(into: count)
    return try (1...4).map { step in
      _ = try state.apply(results(step: step), of: experiment, metrics: Self.task.facts.metrics)
      return state
    }
  }

  @Test(arguments: [[], ["hidden.bias", "normalization"]])
  func anyNumberOfSlicesHasTheSameBits(frozen: [String]) throws {
    let experiment = syntheticExperiment(
      width: 20_000, clipping: GradientClipping(maximumNorm: 0.5), frozen: frozen)
    #expect(Slice.chunking(of: layout).chunkCount == 4)
    let whole = try states(slices: 1, experiment)
    #expect(Set(whole.map(\.digest)).count == 4)
    for count in 2...4 {
      let cut = try states(slices: count, experiment)
      #expect(cut[0].slices.count == count)
      #expect(cut.map(\.digest) == whole.map(\.digest), "\(count) slices")
      #expect(cut[3].values == whole[3].values && cut[3].moments == whole[3].moments)
    }
  }

  @Test func whatIsNotFiniteIsFoundInAnySlice() throws {
    let experiment = syntheticExperiment(width: 20_000)
    for position in [0, 70_000, 181_000, 220_002] {
      var results = results(step: 1)
      var flat = results[1].contribution.flat
      flat.withMutableScalars { $0[position] = .infinity }
      results[1] = ReplicaResult(
        Contribution(layout: results[1].contribution.layout, flat: flat), results[1].measurements)
      let said = [1, 4].map { count -> String in
        do {
          var state = try TrainingState(experiment, layout: layout).cut(into: count)
          _ = try state.apply(results, of: experiment, metrics: Self.task.facts.metrics)
          return ""
        } catch { return "\(error)" }
      }
      #expect(said[0] == said[1] && said[0].contains("of replica 1 is not finite at step 1"))
    }
  }
}
