// A run in one process: the same bits whether it was interrupted or not, and on any threads.

import Foundation
import Learning
import NeuralNetworks
import Tensors
import Testing

@testable import Training

@Suite struct SingleProcessTests {
  private let experiment = syntheticExperiment(steps: 9, evaluationInterval: 4)

  @Test(arguments: [1, 4, 5, 8]) func aStoppedRunGoesOnWithTheSameBits(steps: Int) throws {
    let expected = TemporaryRun(experiment)
    #expect(try expected.train() == .completed)
    let run = TemporaryRun(experiment)
    #expect(try run.train(stopAfter: steps) == .stopped)
    #expect(try run.digests().count == steps)
    #expect(try run.directory.readSummary() == nil)
    #expect(try run.train() == .completed)
    #expect(try run.digests() == expected.digests())
    #expect(try run.directory.readEvaluations() == expected.directory.readEvaluations())
  }

  @Test func aStopInAnEvaluationLeavesItToTheResumption() throws {
    let expected = TemporaryRun(experiment)
    #expect(try expected.train() == .completed)
    let run = TemporaryRun(experiment)
    let asked = Counter()
    do {
      let started = try RunRecorder.starting(
        run.record(), in: run.directory, facts: run.task.facts)
      var state = started.state
      // Four steps of four replicas, and the second of three parts.
      let ending = try trainInSingleProcess(
        run.task, from: &state,
        setting: run.setting(started.recorder) { asked.increment() > 17 },
        context: try ComputeContext(engine: experiment.engine))
      #expect(ending == .stopped && state.step == 4)
    }
    #expect(try run.directory.readEvaluations().isEmpty)
    #expect(try run.train() == .completed)
    #expect(try run.digests() == expected.digests())
    #expect(try run.directory.readEvaluations() == expected.directory.readEvaluations())
  }

  @Test func theBitsDoNotDependOnTheThreads() throws {
    let digests = try [1, 3].map { threadCount in
      let run = TemporaryRun(experiment)
      #expect(try run.train(threadCount: threadCount) == .completed)
      return try run.digests()
    }
    #expect(digests[0] == digests[1] && Set(digests[0]).count == 9)
  }

  @Test func everythingInTheExperimentChangesTheBits() throws {
    let variants = [
      experiment, syntheticExperiment(steps: 9, evaluationInterval: 4, seed: 4),
      syntheticExperiment(steps: 9, replicas: 3, evaluationInterval: 4),
      syntheticExperiment(
        steps: 9, evaluationInterval: 4, clipping: GradientClipping(maximumNorm: 0.01)),
    ]
    let digests = try variants.map { experiment in
      let run = TemporaryRun(experiment)
      try run.train()
      return try run.digests().last
    }
    #expect(Set(digests).count == variants.count)
    #expect(Set(variants.map { $0.fingerprint() }).count == variants.count)
  }

  @Test func theSummaryHasExactlyItsKeys() throws {
    let run = TemporaryRun(experiment)
    #expect(try run.train() == .completed)
    let data = try #require(FileManager.default.contents(atPath: run.directory.summaryPath))
    guard case .object(let summary) = try JSONDecoder().decode(JSONValue.self, from: data) else {
      Issue.record("no JSON object")
      return
    }
    #expect(
      Set(summary.keys) == ["steps", "seconds", "digest", "validation", "test", "best_step"])
    for split in ["validation", "test"] {
      guard case .object(let accuracies)? = summary[split] else {
        Issue.record("no \(split)")
        return
      }
      #expect(Set(accuracies.keys) == ["overall", "easy", "hard", "categories", "metrics"])
      guard case .object(let categories)? = accuracies["categories"] else {
        Issue.record("no categories")
        return
      }
      #expect(Set(categories.keys) == ["near", "far", "farther"])
    }
    let read = try #require(try run.directory.readSummary())
    #expect(read.steps == 9 && read.seconds > 0)
    let again = try JSONDecoder().decode(RunSummary.self, from: JSONEncoder().encode(read))
    #expect(again == read)
  }
}
