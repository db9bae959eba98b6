// Metrics as a tree, and measurements that add.

import NeuralNetworks
import Tensors
import Testing

@testable import Learning

@Suite struct MeasurementTests {
  static let metrics = [
    Metric.loss, .accuracy("relational", "count"), .accuracy("other", "shape"),
    .accuracy("relational", "closest"),
  ]

  @Test func parentsAreSumsOfTheirChildren() {
    let measurements = Measurements(
      Self.metrics,
      [
        Measurement(sum: 30, weight: 60), Measurement(sum: 5, weight: 10),
        Measurement(sum: 20, weight: 40), Measurement(sum: 10, weight: 10),
      ])
    #expect(measurements.loss == 0.5)
    #expect(measurements["accuracy/relational"] == Measurement(sum: 15, weight: 20))
    #expect(measurements["accuracy"]?.value == 35.0 / 60)
    #expect(measurements["accuracy/relational/count"]?.value == 0.5)
    #expect(measurements["accuracy/rel"] == nil && measurements["other"] == nil)
  }

  @Test func rowsAreATreeInTheOrderOfMetrics() {
    let rows = Measurements(of: Self.metrics).rows
    #expect(
      rows.map(\.path.description) == [
        "loss", "accuracy", "accuracy/relational", "accuracy/relational/count",
        "accuracy/relational/closest", "accuracy/other", "accuracy/other/shape",
      ])
    #expect(rows.map(\.isLeaf) == [true, false, false, true, true, false, true])
    #expect(rows[0].better == .lower && rows[0].unit == .number)
    #expect(rows[2].better == .higher && rows[2].unit == .share)
    #expect(rows.allSatisfy { $0.measurement.value == nil })
  }

  /// In whatever parts samples are taken, they measure the same, up to the order of additions.
  @Test func partsAddUp() {
    var random = CounterRandom(seed: 1, purpose: .trial, index: 0)
    let samples = (0..<40).map { _ in
      Self.metrics.map { _ in
        // Whole numbers add exactly.
        Measurement(
          sum: Double(random.integer(below: 5)), weight: Double(random.integer(below: 3)))
      }
    }
    var whole = Measurements(of: Self.metrics)
    for sample in samples { whole.add(sample) }
    for size in [1, 7, 39] {
      var total = Measurements(of: Self.metrics)
      for start in stride(from: 0, to: 40, by: size) {
        var part = Measurements(of: Self.metrics)
        for sample in samples[start..<min(start + size, 40)] { part.add(sample) }
        total.add(part.values)
      }
      #expect(total == whole)
    }
  }

  @Test func soundness() {
    #expect(Measurement.nothing.isSound && Measurement.nothing.value == nil)
    #expect(Measurement(sum: -1, weight: 2).isSound)
    #expect(!Measurement(sum: 1, weight: -1).isSound)
    #expect(!Measurement(sum: .nan, weight: 1).isSound)
    #expect(!Measurement(sum: 1, weight: .infinity).isSound)
  }

  @Test func pathsArePartsByWholeNames() {
    let path: MetricPath = "accuracy/relational/count"
    #expect(path.isPart(of: "accuracy") && path.isPart(of: path))
    #expect(!path.isPart(of: "accuracy/rel") && !MetricPath("accuracy").isPart(of: path))
    #expect(
      path.fromRoot.map(\.description)
        == ["accuracy", "accuracy/relational", "accuracy/relational/count"])
  }

  @Test func factsKnowWhichValueIsBetterAndWhatIsEvaluatedTogether() {
    func facts(_ selector: MetricPath) -> TaskFacts {
      TaskFacts(
        layout: ParameterLayout(), metrics: [.accuracy("count")], selector: selector,
        sampleCounts: [.test: 250], evaluationPartSize: 100)
    }
    #expect(facts("accuracy").isBetter(0.9, than: 0.8))
    #expect(facts("loss").isBetter(0.1, than: 0.2))
    let facts = facts("accuracy")
    #expect(facts.metrics.map(\.path.description) == ["loss", "accuracy/count"])
    #expect(facts.evaluationPartCount(of: .test) == 3)
    #expect(facts.evaluationSamples(part: 2, of: .test) == 200..<250)
    #expect(facts.evaluationPartCount(of: .training) == 0)
  }

  @Test func aBaselineHasParentsToo() {
    let baseline = Baseline(
      "always yes",
      [
        .test: [
          "accuracy/a/x": Measurement(sum: 1, weight: 4),
          "accuracy/a/y": Measurement(sum: 4, weight: 4),
        ]
      ])
    #expect(baseline.value(of: "accuracy/a", on: .test) == 5.0 / 8)
    #expect(baseline.value(of: "accuracy/b", on: .test) == nil)
    #expect(baseline.value(of: "accuracy/a", on: .training) == nil)
  }
}
