// A run is kept on a thread of its own: a disk that stalls holds up nobody, one that fails ends it.

import Files
import Foundation
import Glibc
import Learning
import Synchronization
import Tensors
import Testing

@testable import Training

/// A checkpoint that is not written before somebody reads from it, and then not safe: a pipe in the
/// place of the file in the making.
private final class StalledCheckpoint {
  private let path: String
  private var reader: Int32 = -1

  init(_ run: RunDirectory, step: Int) throws {
    try FileManager.default.createDirectory(
      atPath: run.checkpointsPath, withIntermediateDirectories: true)
    path = run.checkpointPath(step: step) + ".partial"
    guard mkfifo(path, 0o600) == 0 else { throw FileError("create", path) }
  }

  deinit { if reader >= 0 { close(reader) } }

  /// Lets the writer go on, to find that a pipe cannot be flushed.
  func fail() { reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) }
}

@Suite(.serialized) struct RecorderThreadTests {
  private func wait(for what: String, _ holds: () throws -> Bool) throws {
    let deadline = ContinuousClock.now.advanced(by: .seconds(30))
    while try !holds() {
      guard ContinuousClock.now < deadline else { throw TrainingError("No \(what).") }
      usleep(2000)
    }
  }

  @Test func whatIsGivenIsWrittenInItsOrder() throws {
    let run = TemporaryRun()
    let (recorder, state) = try RunRecorder.starting(
      run.record(), in: run.directory, facts: run.task.facts)
    let thread = RecorderThread(recorder, observers: RunObservers([]))
    var newest = state
    for _ in 1...5 {
      let outcome = try run.advance(&newest, context: try ComputeContext(engine: .openblas))
      _ = thread.record(
        outcome, state: newest, seconds: 1, dataWait: 0, waitedFor: nil, workers: 1)
    }
    #expect(!thread.writeCheckpoint(newest))
    thread.end()
    #expect(thread.isSettled)
    #expect(try run.digests().last == newest.digest)
    #expect(try run.directory.readSteps().map(\.step) == [1, 2, 3, 4, 5])
    #expect(run.directory.checkpointSteps() == [5])
  }

  @Test func aThreadThatIsBehindHasNoRoomAndWritesNothingAfterAFailure() throws {
    let run = TemporaryRun()
    let stalled = try StalledCheckpoint(run.directory, step: 1)
    let (recorder, state) = try RunRecorder.starting(
      run.record(), in: run.directory, facts: run.task.facts, checkpointEvery: .steps(1))
    let thread = RecorderThread(recorder, observers: RunObservers([]))
    let context = try ComputeContext(engine: .openblas)
    var newest = state
    for _ in 1...2 {
      #expect(thread.hasRoom)
      _ = try run.advance(&newest, context: context)
      #expect(!thread.writeCheckpoint(newest))
    }
    // Twice the memory of a version, and no more.
    #expect(!thread.hasRoom && !thread.isSettled)
    #expect(!thread.isCheckpointDue(atStep: 9))
    #expect(throws: Never.self) { try thread.check() }
    stalled.fail()
    try wait(for: "failure") { (try? thread.check()) == nil }
    do { try thread.check() } catch {
      #expect("\(error)".contains(run.directory.checkpointPath(step: 1)), "\(error)")
    }
    let outcome = try run.advance(&newest, context: context)
    _ = thread.record(outcome, state: newest, seconds: 1, dataWait: 0, waitedFor: nil, workers: 1)
    thread.end()
    #expect(try run.directory.readSteps().isEmpty && run.directory.checkpointSteps().isEmpty)
  }

  /// While a checkpoint stalls a worker joins and none is lost; when it fails the run ends with
  /// the reason, and what is there is good to go on from.
  @Test func aDiskThatStallsHoldsUpNobody() throws {
    let experiment = syntheticExperiment(steps: 80, evaluationInterval: 20)
    let expected = TemporaryRun(experiment)
    #expect(try expected.train() == .completed)
    let run = TemporaryRun(experiment)
    let stalled = try StalledCheckpoint(run.directory, step: 20)
    let server = try ServerOnThread(run, expecting: 1)
    let first = WorkerOnThread(server.endpoint)
    // The line of the step before the checkpoint that is never done.
    try run.wait(forSteps: 20)
    let second = WorkerOnThread(server.endpoint)
    try wait(for: "welcome") {
      second.log.withLock { $0.contains { $0.hasPrefix("Joined") } }
    }
    #expect(try run.directory.readSteps().count == 20)
    stalled.fail()
    #expect(throws: FileError.self) { try server.ending.wait() }
    for worker in [first, second] {
      guard case .runFailed(let reason) = try worker.ending.wait() else {
        Issue.record("a worker was not told")
        continue
      }
      #expect(reason.contains("the run failed") && reason.contains("checkpoints/step-"))
      #expect(worker.log.withLock { log in !log.contains { $0.contains("joining again") } })
    }
    let again = try ServerOnThread(run, listeningAt: "\(server.endpoint)", expecting: 1)
    let worker = WorkerOnThread(again.endpoint)
    #expect(try again.ending.wait() == .completed)
    #expect(try worker.ending.wait() == .closed("the run is complete"))
    #expect(try run.digests() == expected.digests())
  }
}
