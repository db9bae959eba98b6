// What a run leaves in its directory, and how it goes on from there.

import Foundation
import Learning
import NeuralNetworks
import Tensors
import Testing

import struct Learning.Measurement

@testable import Training

@Suite struct RunRecorderTests {
  /// A run of 12 steps that is evaluated every second one, complete.
  private func completeRun() throws -> TemporaryRun {
    let run = TemporaryRun(syntheticExperiment(steps: 12, evaluationInterval: 2))
    #expect(try run.train() == .completed)
    return run
  }

  /// The same, stopped after 8 steps.
  private func stoppedRun() throws -> TemporaryRun {
    let run = TemporaryRun(syntheticExperiment(steps: 12, evaluationInterval: 2))
    #expect(try run.train(stopAfter: 8) == .stopped)
    return run
  }

  private func sentence(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return ""
  }

  @Test func aCompleteRunHasItsFiles() throws {
    let run = try completeRun()
    let record = try run.directory.readExperiment()
    var expected = run.record()
    expected.started = record.started
    #expect(record == expected)
    let steps = try run.directory.readSteps()
    #expect(steps.map(\.step) == Array(1...12))
    let evaluations = try run.directory.readEvaluations()
    #expect(evaluations.map(\.step).dropLast() == [2, 4, 6, 8, 10, 12])
    #expect(evaluations.map(\.split).dropLast().allSatisfy { $0 == .validation })
    #expect(evaluations.last?.split == .test)
    let best = evaluations.dropLast().compactMap { $0.value(of: .accuracy) }.max()
    let summary = try #require(try run.directory.readSummary())
    #expect(summary.validation.overall == best && summary.digest == steps.last?.digest)
    #expect(summary.bestStep == evaluations.first { $0.value(of: .accuracy) == best }?.step)
    #expect(summary.bestStep == evaluations.last?.step)
  }

  @Test func checkpointsAreTheLastThreeAndTheBest() throws {
    let run = try completeRun()
    let best = try #require(try run.directory.readSummary()?.bestStep)
    #expect(run.directory.checkpointSteps() == Set([8, 10, 12, best]).sorted())
  }

  @Test func checkpointsWithoutEvaluationAreKept() throws {
    let run = TemporaryRun(syntheticExperiment(steps: 12, evaluationInterval: 2))
    let recorder = try run.start()
    var state = try TrainingState(run.experiment, layout: run.task.layout)
    let context = try ComputeContext(engine: run.experiment.engine)
    for _ in 1...12 {
      let outcome = try run.advance(&state, context: context)
      _ = try recorder.record(
        outcome, state: state, seconds: 1, dataWait: 0, waitedFor: "worker 1")
      if run.experiment.evaluates(step: state.step) { _ = try recorder.writeCheckpoint(state) }
    }
    #expect(run.directory.checkpointSteps() == [2, 4, 6, 8, 10, 12])
    #expect(recorder.unevaluatedSteps == [2, 4, 6, 8, 10, 12])
    for (step, correct) in [(6, 2.0), (2, 2), (4, 1)] {
      var measured = Measurements(of: run.task.facts.metrics)
      measured.add([.nothing, Measurement(sum: correct, weight: 4), .nothing, .nothing])
      _ = try recorder.recordEvaluation(step: step, split: .validation, measurements: measured)
    }
    #expect(recorder.best?.step == 2, "the earliest of equals")
    #expect(run.directory.checkpointSteps() == [2, 8, 10, 12])
  }

  @Test func resumingCutsWhatCameAfterTheCheckpoint() throws {
    let run = try stoppedRun()
    let steps = try run.directory.readSteps()
    var later = try #require(steps.last)
    later.step = 9
    let handle = try #require(FileHandle(forWritingAtPath: run.directory.stepsPath))
    handle.seekToEndOfFile()
    handle.write(try JSONEncoder().encode(later) + Data("\n{\"step\":10,\"lo".utf8))
    try handle.close()
    #expect(try run.directory.readSteps().count == 9, "the torn line is ignored")
    let resumed = try run.resume()
    #expect(resumed.state.step == 8 && resumed.state.digest == steps.last?.digest)
    #expect(try run.directory.readSteps() == steps)
  }

  @Test func rubbishAfterTheCheckpointDoesNotStopAResumption() throws {
    let run = try stoppedRun()
    let handle = try #require(FileHandle(forWritingAtPath: run.directory.stepsPath))
    handle.seekToEndOfFile()
    handle.write(Data(repeating: 0, count: 100) + Data("\n{}\n".utf8))
    try handle.close()
    #expect(try run.resume().state.step == 8)
    #expect(try run.directory.readSteps().count == 8)
  }

  @Test func aRunWithoutCheckpointResumesFromItsStart() throws {
    let run = TemporaryRun(syntheticExperiment(steps: 12, evaluationInterval: 12))
    _ = try run.start()
    let resumed = try run.resume()
    #expect(resumed.state.step == 0)
    #expect(resumed.recorder.record == run.record())
  }

  @Test func aRunIsNotStartedOverAnother() throws {
    let run = try stoppedRun()
    let before = try run.contents()
    #expect(sentence { _ = try run.start() }.hasPrefix("There is a run in \(run.path) already."))
    #expect(try run.contents() == before)
    #expect(
      sentence { _ = try RunDirectory(path: "/nowhere").readExperiment() }
        == "There is no run in /nowhere (no experiment.json). Name the directory of a run.")
  }

  @Test func aTaskWithoutSamplesIsNotBegun() {
    let run = TemporaryRun()
    let empty = TaskFacts(
      layout: run.task.layout, metrics: [], selector: "loss", sampleCounts: [.test: 3])
    #expect(
      sentence { _ = try RunRecorder.starting(run.record(), in: run.directory, facts: empty) }
        .hasPrefix("The task has no samples to train on"))
    #expect(!FileManager.default.fileExists(atPath: run.path))
  }

  @Test func onlyOneProcessWrites() throws {
    let run = TemporaryRun()
    let recorder = try run.start()
    #expect(
      sentence { _ = try run.resume() }.hasPrefix("Another process is training in \(run.path)."))
    #expect(recorder.best == nil)
  }

  /// Damages the last checkpoint; what resuming from the one before says of it.
  private func note(_ damage: (inout Data) -> Void) throws -> String {
    let run = try stoppedRun()
    let path = run.directory.checkpointPath(step: 8)
    var content = try #require(FileManager.default.contents(atPath: path))
    damage(&content)
    try content.write(to: URL(fileURLWithPath: path))
    let resumed = try run.resume()
    #expect(resumed.state.step == 6)
    #expect(FileManager.default.contents(atPath: path + ".damaged") == content)
    #expect(!FileManager.default.fileExists(atPath: path))
    #expect(try run.directory.readSteps().count == 6)
    #expect(resumed.recorder.notes.count == 1)
    return resumed.recorder.notes.first ?? ""
  }

  @Test func aDamagedCheckpointIsSetAsideForTheOneBefore() throws {
    let end = "safetensors.damaged, and the run goes on from step 6."
    #expect(try note { $0.removeLast(10) }.hasSuffix(end))
    #expect(try note { $0 = Data() }.hasSuffix(end))
    #expect(try note { $0 = $0.prefix(5) }.hasSuffix(end))
    let flipped = try note { $0[$0.count - 9] ^= 4 }
    #expect(flipped.contains("its numbers do not match their checksum"))
    let garbled = try note { $0.replaceSubrange(8..<12, with: [0, 0, 0, 0]) }
    #expect(garbled.hasSuffix(end))
  }

  @Test func withoutAnyCheckpointThatCanBeReadNothingIsTouched() throws {
    let run = try stoppedRun()
    for step in run.directory.checkpointSteps() {
      try Data("nothing".utf8).write(
        to: URL(fileURLWithPath: run.directory.checkpointPath(step: step)))
    }
    let before = try run.contents()
    let newest = run.directory.checkpointPath(step: 8)
    #expect(sentence { _ = try run.resume() }.hasPrefix("The checkpoint \(newest) cannot be used"))
    #expect(try run.contents() == before)
  }

  /// As after a power cut: blocks of zeros, with sound lines after them.
  @Test func aHoleAfterTheCheckpointDoesNotMatter() throws {
    let run = try stoppedRun()
    let path = run.directory.stepsPath
    var lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    #expect(lines.count == 8)
    let next = lines[7].replacing("\"step\":8", with: "\"step\":10")
    lines += [Substring(String(repeating: "\0", count: 90)), Substring(next)]
    let content = lines.joined(separator: "\n") + "\n"
    try content.write(toFile: path, atomically: true, encoding: .utf8)
    #expect(try run.resume().state.step == 8)
    #expect(try run.directory.readSteps().count == 8)
  }

  @Test func aCheckpointOfAnotherExperimentIsRefused() throws {
    let run = try stoppedRun()
    let other = TemporaryRun(syntheticExperiment(steps: 12, evaluationInterval: 2, seed: 4))
    #expect(try other.train(stopAfter: 8) == .stopped)
    let path = run.directory.checkpointPath(step: 8)
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.copyItem(
      atPath: other.directory.checkpointPath(step: 8), toPath: path)
    let before = try run.contents()
    #expect(
      sentence { _ = try run.resume() }
        .hasPrefix("\(path) is the checkpoint of another experiment"))
    #expect(try run.contents() == before)
  }

  @Test func aRenamedCheckpointAndMissingStepsAreRefused() throws {
    let run = try stoppedRun()
    let directory = run.directory
    try FileManager.default.copyItem(
      atPath: directory.checkpointPath(step: 8), toPath: directory.checkpointPath(step: 9))
    #expect(
      sentence { _ = try run.resume() }
        == "\(directory.checkpointPath(step: 9)) holds step 8: it was renamed.")
    try FileManager.default.removeItem(atPath: directory.checkpointPath(step: 9))
    try Data().write(to: URL(fileURLWithPath: directory.stepsPath))
    #expect(
      sentence { _ = try run.resume() }
        .contains("does not fit the checkpoint of step 8: it has 0 steps up to there"))
  }

  @Test func runsAreComparedByTheirDigests() throws {
    let run = try completeRun()
    let stopped = try stoppedRun()
    #expect(
      try RunComparison(run.directory, stopped.directory)
        == .identical(steps: 12, otherSteps: 8))
    let other = TemporaryRun(syntheticExperiment(steps: 3, seed: 5))
    #expect(try other.train() == .completed)
    #expect(
      try RunComparison(run.directory, other.directory)
        == .different(step: 1, digest: run.digests()[0], otherDigest: other.digests()[0]))
    let empty = TemporaryRun()
    _ = try empty.start()
    #expect(try RunComparison(run.directory, empty.directory) == .nothingToCompare)
  }
}
