// A family that measures no accuracy, learns from a file and thinks in an inner loop goes the same
// ways as any other.

import Foundation
import Learning
import NeuralNetworks
import Synchronization
import Tensors
import Testing

@testable import Training

/// One at a time: servers and workers have deadlines.
@Suite(.serialized) struct ToyFamilyTests {
  private let catalogue = Catalogue([ToyFamily.self])

  private func experiment(_ data: DataSetIdentity) throws -> Experiment {
    let choice = try catalogue.choice(task: "toy")
    let plan = try catalogue.plan(for: choice)
    return Experiment(
      task: choice, data: data, seed: 5, replicas: plan.replicas, batchSize: plan.batchSize,
      steps: plan.steps, learningRate: plan.learningRate,
      evaluationInterval: plan.evaluationInterval)
  }

  /// What a worker is started with: it knows where its data is, and nothing else.
  private func builder(_ place: DataPlace) -> TaskBuilder {
    let catalogue = catalogue
    return { experiment in
      try catalogue.open(experiment.task, data: experiment.data, at: place)
    }
  }

  private func runAlone(_ experiment: Experiment, _ place: DataPlace) throws -> TemporaryRun {
    let run = TemporaryRun(experiment)
    let task = try ToyFamily.open(
      experiment.task.settings(of: ToyFamily.self), data: experiment.data, at: place)
    let context = try ComputeContext()
    var record = run.record()
    record.samples = try sampleFingerprint(of: task, experiment: experiment, context: context)
    var (recorder, state) = try RunRecorder.starting(
      record, in: run.directory, facts: task.facts)
    let ending = try trainInSingleProcess(
      task, from: &state, setting: run.setting(recorder), context: context)
    #expect(ending == .completed)
    return run
  }

  private func error(ofVersionZeroOf experiment: Experiment, _ data: ToyPlace) throws -> Double {
    let task = try ToyFamily.open(ToySettings(), data: data.identity, at: data.place)
    let values = try TrainingState(experiment, layout: task.facts.layout).values
    let measured = try evaluate(
      task, split: .validation, values: values, seed: experiment.seed, context: .init())
    return try #require(measured["error"]?.value)
  }

  @Test func itLearnsAndItsBestVersionHasTheLeastError() throws {
    let data = try ToyPlace()
    let experiment = try experiment(data.identity)
    let run = try runAlone(experiment, data.place)
    let validations = try run.directory.readEvaluations().filter { $0.split == .validation }
    #expect(validations.map(\.step) == [20, 40, 60])
    let errors = try validations.map { try #require($0.value(of: "error")) }
    let start = try error(ofVersionZeroOf: experiment, data)
    #expect(errors.allSatisfy { $0 < 0.5 * start }, "\(errors) after \(start)")
    let summary = try #require(try run.directory.readSummary())
    #expect(summary.validation.metrics["error"] == errors.min())
    #expect(summary.validation.overall == nil && summary.test.metrics["error"] != nil)
    let report = try #require(validations.first)
    #expect(report.samples == 23 && report.counts["error"] == 46)
    let sizes =
      try JSONDecoder().decode(
        ToyData.self, from: Data(contentsOf: ToyData.file(in: data.place))
      ).sets["validation"]?.map(\.count) ?? []
    #expect(report.value(of: "points") == Double(sizes.reduce(0, +)) / 23)
    #expect(Set(sizes).count > 2, "the sets are ragged")
    let step = try #require(try run.directory.readSteps().first)
    #expect(step.accuracy == nil && step.metrics?.keys.sorted() == ["error", "points"])
  }

  @Test func workersReachTheBitsOfASingleProcess() throws {
    let data = try ToyPlace()
    let experiment = try experiment(data.identity)
    let expected = try runAlone(experiment, data.place)
    let run = TemporaryRun(experiment)
    // The server has the facts and no data.
    let facts = try catalogue.facts(of: experiment.task, data: experiment.data)
    let server = try ServerOnThread(
      run, facts: facts, samples: expected.directory.readExperiment().samples, expecting: 2)
    let workers = (0..<2).map { _ in
      WorkerOnThread(server.endpoint, builder: builder(data.place))
    }
    #expect(try server.ending.wait() == .completed)
    for worker in workers { #expect(try worker.ending.wait() == .closed("the run is complete")) }
    #expect(try run.digests() == expected.digests())
    let reports = try run.directory.readEvaluations()
    for report in try expected.directory.readEvaluations() { #expect(reports.contains(report)) }
  }

  @Test func aWorkerWithOtherDataRefusesItself() throws {
    let (data, other) = (try ToyPlace(), try ToyPlace(seed: 2))
    let experiment = try experiment(data.identity)
    let run = TemporaryRun(experiment)
    let task = try ToyFamily.open(ToySettings(), data: data.identity, at: data.place)
    let samples = try sampleFingerprint(of: task, experiment: experiment, context: .init())
    let server = try ServerOnThread(run, facts: task.facts, samples: samples, expecting: 1)
    let stranger = WorkerOnThread(server.endpoint, builder: builder(other.place))
    #expect(
      try stranger.ending.wait() == .failed("\(other.place.path) holds another toy than version 1"))
    // Somebody who does not look at what was opened is found out by what is drawn.
    let careless = WorkerOnThread(server.endpoint) { _ in
      try ToyFamily.open(ToySettings(), data: other.identity, at: other.place)
    }
    guard case .failed(let reason) = try careless.ending.wait() else {
      Issue.record("a worker with other data went on")
      return
    }
    #expect(reason.hasPrefix("This worker draws other data than the run learns from"))
    let fitting = WorkerOnThread(server.endpoint, builder: builder(data.place))
    #expect(try server.ending.wait() == .completed)
    #expect(try fitting.ending.wait() == .closed("the run is complete"))
  }

  @Test func augmentationIsAFunctionOfTheDraw() throws {
    let data = try ToyPlace()
    let task = try ToyFamily.open(ToySettings(), data: data.identity, at: data.place)
    func points(step: Int, replica: Int, _ samples: [Int] = [3, 4]) throws -> Tensor {
      try task.batch(Draw(training: samples, seed: 5, step: step, replica: replica)).points
    }
    #expect(try points(step: 1, replica: 0) == points(step: 1, replica: 0))
    #expect(try points(step: 1, replica: 0) != points(step: 2, replica: 0))
    #expect(try points(step: 1, replica: 0) != points(step: 1, replica: 1))
  }

  /// With more steps of the inner loop, as an evaluation may have, other points come out.
  @Test func theInnerLoopGoesOnInEvaluations() throws {
    let data = try ToyPlace()
    let experiment = try experiment(data.identity)
    let context = try ComputeContext()
    let values = try TrainingState(
      experiment, layout: try catalogue.facts(of: experiment.task, data: data.identity).layout
    ).values
    let errors = try [0, 1, 5].map { steps in
      let task = try ToyFamily.open(
        ToySettings(innerSteps: steps), data: data.identity, at: data.place)
      return try evaluate(
        task, split: .test, values: values, seed: 5, context: context)["error"]?.value
    }
    #expect(Set(errors).count == 3)
  }
}
