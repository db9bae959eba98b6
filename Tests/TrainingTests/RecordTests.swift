// The records of a run and the experiment that begins it, as JSON.

import Foundation
import Learning
import NeuralNetworks
import Tensors
import Testing

import struct Learning.Measurement

@testable import Training

@Suite struct RecordTests {
  private static let metrics: [Metric] = [
    .accuracy("x", "a"), .accuracy("x", "b"), .accuracy("y", "c"), .accuracy("z", "d"),
    Metric("error", better: .lower, unit: .number),
  ]

  private func facts(
    _ metrics: [Metric] = metrics, derived: [DerivedFigure] = [], baselines: [Baseline] = []
  ) -> TaskFacts {
    var layout = ParameterLayout()
    _ = layout.addParameter("weight", [1], .constant(0))
    return TaskFacts(
      layout: layout, metrics: metrics, derived: derived, selector: "loss", baselines: baselines,
      sampleCounts: [.training: 1])
  }

  private func report(
    _ metrics: [Metric] = metrics,
    _ values: [(sum: Double, weight: Double)] = [(1, 4), (3, 4), (2, 2), (0, 0), (4.5, 3)],
    derived: [DerivedFigure] = []
  ) -> EvaluationReport {
    let guessed: [MetricPath: Measurement] = [
      "accuracy/x/a": Measurement(sum: 2, weight: 4),
      "accuracy/x/b": Measurement(sum: 1, weight: 4),
    ]
    let facts = facts(
      metrics, derived: derived, baselines: [Baseline("guessing", [.test: guessed])])
    let measured =
      [Measurement(sum: 20, weight: 10)]
      + values.map { Measurement(sum: $0.sum, weight: $0.weight) }
    return EvaluationReport(
      step: 5, split: .test, measurements: Measurements(facts.metrics, measured), facts: facts)
  }

  @Test func aReportDoesItsSums() {
    let report = report()
    #expect(report.samples == 10 && report.loss == 2)
    #expect(
      report.metrics == [
        "loss": 2, "accuracy": 0.6, "accuracy/x": 0.5, "accuracy/x/a": 0.25, "accuracy/x/b": 0.75,
        "accuracy/y": 1, "accuracy/y/c": 1, "error": 1.5,
      ])
    #expect(report.counts["accuracy"] == 10 && report.counts["accuracy/z"] == 0)
    #expect(
      report.baselines == [
        "guessing": [
          "accuracy": 0.375, "accuracy/x": 0.375, "accuracy/x/a": 0.5, "accuracy/x/b": 0.25,
        ]
      ])
    #expect(report.value(of: "accuracy/z/d") == nil && report.value(of: "accuracy/x") == 0.5)
  }

  /// Of what was measured: nothing is known of `accuracy/z`, nor of others by guessing.
  @Test func whatFollowsFromMetricsIsReportedBesideThem() throws {
    let report = report(derived: [
      DerivedFigure("groups_passed", of: "accuracy", .count(atLeast: 0.5)),
      DerivedFigure("mean_error", of: "accuracy/x", .meanShortfall),
      DerivedFigure("none", of: "accuracy/z", .meanShortfall),
    ])
    #expect(report.value(of: "groups_passed") == 2 && report.counts["groups_passed"] == 2)
    #expect(report.value(of: "mean_error") == 0.5 && report.counts["mean_error"] == 2)
    #expect(report.value(of: "none") == nil && report.counts["none"] == nil)
    #expect(report.baselines["guessing"]?["groups_passed"] == 0)
    #expect(report.baselines["guessing"]?["mean_error"] == 0.625)
    let summary = SplitSummary(report)
    #expect(summary.metrics["groups_passed"] == 2)
    #expect(summary.categories.keys.sorted() == ["a", "b", "c"] && summary.groups.count == 2)
    let read = try JSONDecoder().decode(
      EvaluationReport.self, from: try JSONEncoder().encode(report))
    #expect(read == report)
  }

  private func object(_ value: some Encodable) throws -> [String: JSONValue] {
    try JSONDecoder().decode([String: JSONValue].self, from: JSONEncoder().encode(value))
  }

  @Test func aSummaryHasTheFlatForm() throws {
    let summary = SplitSummary(report())
    let fields = try object(summary)
    #expect(Set(fields.keys) == ["overall", "x", "y", "categories", "metrics"])
    #expect(fields["overall"] == .number(0.6) && fields["x"] == .number(0.5))
    #expect(summary.categories == ["a": 0.25, "b": 0.75, "c": 1])
    let again = try JSONDecoder().decode(SplitSummary.self, from: JSONEncoder().encode(summary))
    #expect(again == summary && again.groups == ["x": 0.5, "y": 1])
  }

  @Test func namesThatAreTakenAreWrittenAsPaths() throws {
    let summary = SplitSummary(
      report(
        [
          .accuracy("overall", "a"), .accuracy("categories", "a"), .accuracy("metrics", "b"),
          .accuracy("c"),
        ], [(1, 4), (1, 2), (3, 4), (1, 1)]))
    let fields = try object(summary)
    #expect(
      Set(fields.keys) == [
        "overall", "categories", "metrics", "accuracy/overall", "accuracy/categories",
        "accuracy/metrics",
      ])
    #expect(fields["overall"] == .number(6.0 / 11) && fields["accuracy/overall"] == .number(0.25))
    #expect(
      summary.categories == [
        "accuracy/overall/a": 0.25, "accuracy/categories/a": 0.5, "b": 0.75, "c": 1,
      ])
    let again = try JSONDecoder().decode(SplitSummary.self, from: JSONEncoder().encode(summary))
    #expect(again == summary)
  }

  @Test func aTaskWithoutRightAnswersHasMetricsOnly() throws {
    let summary = SplitSummary(report([Metric("error", better: .lower, unit: .number)], [(1, 4)]))
    #expect(summary.overall == nil && summary.groups.isEmpty && summary.categories.isEmpty)
    #expect(Set(try object(summary).keys) == ["metrics"])
  }

  @Test func theBestVersionIsTheEarliestOfEqualsByTheDirection() {
    func best(_ values: [(step: Int, value: Double?)], _ better: Metric.Direction) -> Int? {
      var layout = ParameterLayout()
      _ = layout.addParameter("weight", [1], .constant(0))
      let facts = TaskFacts(
        layout: layout, metrics: [Metric("m", better: better, unit: .number)], selector: "m",
        sampleCounts: [:])
      let reports = values.map { step, value in
        var report = EvaluationReport(
          step: step, split: .validation, measurements: Measurements(of: facts.metrics),
          facts: facts)
        report.metrics["m"] = value
        return report
      }
      return VersionChoice(by: facts).best(of: reports)?.step
    }
    #expect(best([(6, 2), (2, 2), (4, 1)], .higher) == 2)
    #expect(best([(6, 1), (2, 2), (4, 1)], .lower) == 4)
    #expect(best([(1, .nan), (2, 3), (3, .nan), (4, nil)], .lower) == 2)
    #expect(best([(1, .nan), (2, 3), (3, .nan), (4, nil)], .higher) == 2)
    #expect(best([(3, nil), (7, .nan), (5, nil)], .higher) == 7, "the latest if none has a value")
    #expect(best([], .higher) == nil)
  }

  @Test func recordsAreReadAsTheyWereWritten() throws {
    let report = report()
    let data = try JSONEncoder().encode(report)
    #expect(try JSONDecoder().decode(EvaluationReport.self, from: data) == report)
    #expect(
      Set(try object(report).keys) == [
        "step", "split", "samples", "metrics", "counts", "baselines",
      ])
    let measured = Measurements(
      facts().metrics, [(0.2, 2), (1, 1), (0, 1), (0, 0), (0, 0), (3, 4)].map(Measurement.init))
    let step = StepRecord(
      step: 1,
      StepOutcome(measurements: measured, learningRate: 0.5, digest: .init(rawValue: 9)),
      seconds: 2, dataWait: 0.25)
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    #expect(
      String(decoding: try encoder.encode(step), as: UTF8.self)
        == #"{"accuracy":0.5,"data_wait":0.25,"digest":"0000000000000009","learning_rate":0.5,"#
        + #""loss":0.1,"metrics":{"error":0.75},"seconds":2,"step":1}"#)
    #expect(step.value(of: .accuracy) == 0.5 && step.value(of: "error") == 0.75)
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
    #expect(problem { $0.frozen = ["conv", ""] }.contains("a prefix of parameters is empty"))
    #expect(problem { $0.frozen = ["conv", "conv"] } == "conv is named twice among what is frozen")
    #expect(problem { $0.origin = Origin(digest: Digest(rawValue: 1), step: -1) } != "")
    #expect(problem { $0.origin = Origin(digest: Digest(rawValue: 1), step: 0, prefix: "") } != "")
    for counts in [["training": 1, "more": 2], ["training": 0], ["training": 4, "test": -1]] {
      #expect(
        problem {
          $0.data = DataSetIdentity(
            name: "d", version: "1", counts: counts, fingerprint: Digest(rawValue: 1))
        } != "", "\(counts)")
    }
    for norm in [0, -1, Double.nan, .infinity] {
      #expect(problem { $0.clipping = GradientClipping(maximumNorm: norm) } != "", "\(norm)")
    }
  }

  @Test func aScheduleIsForAsManySteps() {
    func problem(_ schedule: LearningRateSchedule, steps: Int) -> String? {
      var experiment = syntheticExperiment(steps: steps)
      experiment.learningRate = schedule
      return experiment.problem()
    }
    let fall = LearningRateSchedule.cosine(
      rate: 0.1, warmUpSteps: 5, totalSteps: 6000, finalFraction: 0.1)
    #expect(problem(fall, steps: 6000) == nil)
    #expect(
      problem(fall, steps: 400)?.hasPrefix(
        "steps is 400, but the learning rate's schedule is made for 6000 steps") == true)
    func falls(_ cycles: [Int]) -> LearningRateSchedule {
      .cosineRestarts(rate: 0.1, warmUpSteps: 5, cycles: cycles, finalFraction: 0.1)
    }
    #expect(problem(falls([100, 300]), steps: 400) == nil)
    #expect(problem(falls([100, 299]), steps: 400) != nil)
    #expect(problem(falls([.max, .max]), steps: 400) != nil)
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
    experiment.task.settings = .object([
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
