// A run that is given more steps has the bits of one that was begun with as many.

import Files
import Foundation
import Learning
import NeuralNetworks
import Tensors
import Testing

@testable import Training

@Suite struct ExtensionTests {
  private func run(_ steps: Int) -> TemporaryRun {
    TemporaryRun(syntheticExperiment(steps: steps, evaluationInterval: 3))
  }

  private func sentence(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return ""
  }

  /// 7 is evaluated as the last step of the shorter run alone.
  @Test(arguments: [6, 7], [Int.max, 4]) func aRunIsGivenMoreSteps(steps: Int, stop: Int) throws {
    let expected = run(11)
    #expect(try expected.train() == .completed)
    let run = run(steps)
    #expect(try run.train(stopAfter: stop) == (stop == .max ? .completed : .stopped))
    let record = try run.directory.extend(toSteps: 11)
    #expect(record.experiment == expected.experiment && record.earlierSteps == [steps])
    #expect(try run.directory.readExperiment() == record)
    #expect(try run.directory.readSummary() == nil)
    let aside = run.path + "/summary-\(steps).json"
    #expect(FileManager.default.fileExists(atPath: aside) == (stop == .max))
    let longer = TemporaryRun(record.experiment, at: run)
    #expect(try longer.train() == .completed)
    #expect(try run.digests() == expected.digests())
    #expect(try run.directory.readEvaluations() == expected.directory.readEvaluations())
    let summary = try #require(try run.directory.readSummary())
    let other = try #require(try expected.directory.readSummary())
    #expect(summary.bestStep == other.bestStep && summary.test == other.test)
  }

  @Test func stepsThatWereDoneMayNotHaveBeenOthers() throws {
    let run = run(6)
    #expect(try run.train() == .completed)
    let before = try run.contents()
    #expect(
      sentence { _ = try run.directory.extend(toSteps: 6) }
        == "The run has 6 steps; name a greater number instead of 6.")
    var falling = run.record()
    falling.experiment.learningRate = .cosine(
      rate: 0.1, warmUpSteps: 0, totalSteps: 6, finalFraction: 0)
    #expect(
      sentence { _ = try falling.extended(toSteps: 9) }.contains(
        "steps is 9, but the learning rate's schedule is made for 6 steps"))
    #expect(try run.contents() == before)
  }

  @Test func keysThatMeanNothingAreRefused() throws {
    let run = run(6)
    _ = try run.start()
    let path = run.directory.experimentPath
    let text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(try Experiment(contentsOf: path) == run.experiment)
    try text.replacing("\"batchSize\"", with: "\"batchSizes\": 3, \"batchSize\"")
      .write(toFile: path, atomically: true, encoding: .utf8)
    for said in [
      sentence { _ = try run.directory.readExperiment() },
      sentence { _ = try Experiment(contentsOf: path) },
    ] {
      #expect(said.contains("there is no setting called \"experiment.batchSizes\""), "\(said)")
    }
    let alone = String(decoding: run.experiment.canonicalJSON(), as: UTF8.self)
    try alone.write(toFile: path, atomically: true, encoding: .utf8)
    #expect(try Experiment(contentsOf: path) == run.experiment)
    try alone.replacing("\"seed\"", with: "\"sead\"")
      .write(toFile: path, atomically: true, encoding: .utf8)
    #expect(sentence { _ = try Experiment(contentsOf: path) }.contains("\"seed\" is missing"))
  }

  @Test func checkpointsAreWrittenAtAnInterval() throws {
    let run = TemporaryRun(syntheticExperiment(steps: 11, evaluationInterval: 11))
    var (recorder, state) = try RunRecorder.starting(
      run.record(), in: run.directory, facts: run.task.facts, checkpointEvery: .steps(4))
    _ = try trainInSingleProcess(
      run.task, from: &state, setting: run.setting(recorder),
      context: try ComputeContext(engine: run.experiment.engine))
    #expect(run.directory.checkpointSteps() == [4, 8, 11])
  }
}
