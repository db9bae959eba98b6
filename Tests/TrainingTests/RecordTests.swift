// The records of a run and the experiment that begins it, as JSON.

import Foundation
import NeuralNetworks
import Testing

@testable import Training

@Suite struct RecordTests {
  private func report() -> EvaluationReport {
    var tally = Tally(categoryCount: 4)
    (tally.lossSum, tally.correct, tally.counted) = (10, [1, 3, 2, 0], [4, 4, 2, 0])
    return EvaluationReport(
      step: 5, split: .test, tally: tally,
      categories: [
        Category("a", in: "x"), Category("b", in: "x"), Category("c", in: "y"),
        Category("d", in: "z"),
      ], guesses: [0.5, 0.25, 1, 0.75])
  }

  @Test func aReportDoesItsSums() {
    let report = report()
    #expect(report.loss == 1 && report.overall == 0.6)
    #expect(report.groups == ["x": 0.5, "y": 1, "z": 0])
    #expect(report.categories == ["a": 0.25, "b": 0.75, "c": 1, "d": 0])
    #expect(report.counts == ["a": 4, "b": 4, "c": 2, "d": 0])
    #expect(
      report.commonestAnswer == [
        "a": 0.5, "b": 0.25, "c": 1, "d": 0.75, "x": 0.375, "y": 1, "z": 0, "overall": 0.5,
      ])
  }

  @Test func recordsAreReadAsTheyWereWritten() throws {
    let report = report()
    let data = try JSONEncoder().encode(report)
    #expect(try JSONDecoder().decode(EvaluationReport.self, from: data) == report)
    guard case .object(let fields) = try JSONDecoder().decode(JSONValue.self, from: data) else {
      Issue.record("no JSON object")
      return
    }
    #expect(
      Set(fields.keys) == [
        "step", "split", "loss", "overall", "groups", "categories", "commonest_answer", "counts",
      ])
    let step = StepRecord(
      step: 1, loss: 0.1, accuracy: 0.5, learningRate: 1e-4, seconds: 2, digest: .init(rawValue: 9),
      dataWait: 0.25, waitedFor: nil)
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    #expect(
      String(decoding: try encoder.encode(step), as: UTF8.self)
        == #"{"accuracy":0.5,"data_wait":0.25,"digest":"0000000000000009","learning_rate":0.0001,"loss":0.1,"#
        + #""seconds":2,"step":1}"#)
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(Digest.self, from: Data(#""ff""#.utf8))
    }
  }

  @Test func stepsAreReadWithAndWithoutTheWaitForData() throws {
    let old =
      #"{"accuracy":0.5,"digest":"0000000000000009","learning_rate":0.0001,"loss":0.1,"#
      + #""seconds":2,"step":1,"waited_for":"worker 1","workers":3}"#
    var step = try JSONDecoder().decode(StepRecord.self, from: Data(old.utf8))
    #expect(step.dataWait == nil && step.workers == 3)
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    #expect(String(decoding: try encoder.encode(step), as: UTF8.self) == old)
    step.dataWait = 1.5
    #expect(try JSONDecoder().decode(StepRecord.self, from: encoder.encode(step)) == step)
  }

  @Test func badNumbersAreNamed() {
    func problem(_ change: (inout Experiment) -> Void) -> String {
      var experiment = syntheticExperiment()
      change(&experiment)
      return experiment.problem() ?? ""
    }
    #expect(problem { _ in } == "")
    #expect(problem { $0.replicas = 0 } == "replicas must be at least 1, not 0")
    #expect(problem { $0.replicas = 5000 } == "replicas must be at most 4096, not 5000")
    #expect(problem { $0.batchSize = -1 } == "batch size must be at least 1, not -1")
    #expect(problem { $0.batchSize = 70_000 }.contains("at most 65536"))
    #expect(problem { $0.steps = 0 } == "steps must be at least 1, not 0")
    #expect(problem { $0.steps = .max }.contains("at most 1000000000"))
    #expect(problem { $0.evaluationInterval = 0 }.contains("at least 1, not 0"))
    #expect(problem { $0.learningRate = .constant(rate: .nan) } != "")
    #expect(problem { $0.learningRate = .constant(rate: .infinity) } != "")
    #expect(problem { $0.adam.beta1 = 1 } != "")
    for norm in [0, -1, Double.nan, .infinity] {
      #expect(problem { $0.clipping = GradientClipping(maximumNorm: norm) } != "", "\(norm)")
    }
  }

  @Test(arguments: [
    LearningRateSchedule.constant(rate: 0.1), .warmUp(rate: 1e-4, warmUpSteps: 5),
    .doubling(start: 1e-6, interval: 3, maximum: 1e-3),
    .cosine(rate: 0.25, warmUpSteps: 1, totalSteps: 9, finalFraction: 0.01),
  ])
  func anExperimentIsItsJSON(schedule: LearningRateSchedule) throws {
    var experiment = syntheticExperiment(
      seed: .max, clipping: GradientClipping(maximumNorm: 0.1))
    experiment.learningRate = schedule
    experiment.task = .object([
      "z": .array([.null, .boolean(true), .integer(1), .number(0.5), .string("a/b")]),
      "a": .object([:]),
    ])
    let text = experiment.canonicalJSON()
    let read = try JSONDecoder().decode(Experiment.self, from: text)
    #expect(read == experiment && read.canonicalJSON() == text)
    #expect(read.fingerprint() == experiment.fingerprint())
    experiment.seed -= 1
    #expect(read.fingerprint() != experiment.fingerprint())
  }

  @Test func evaluatesAtIntervalsAndAtTheEnd() {
    let experiment = syntheticExperiment(steps: 7, evaluationInterval: 3)
    #expect((0...7).filter { experiment.evaluates(step: $0) } == [3, 6, 7])
  }
}
