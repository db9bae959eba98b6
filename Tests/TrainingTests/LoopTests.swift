// A server and workers over real sockets reach the bits of a single process, whatever comes in.

import Files
import Foundation
import Glibc
import Learning
import Messaging
import Synchronization
import Tensors
import Testing

@testable import Training

/// One at a time: each test has deadlines of its own and several threads.
@Suite(.serialized) struct LoopTests {
  /// More scalars than fit into two chunks.
  private static let wide = 20_000

  private func undisturbed(_ experiment: Experiment, width: Int = 4) throws -> TemporaryRun {
    let run = TemporaryRun(experiment, width: width)
    #expect(try run.train() == .completed)
    return run
  }

  private func expectSameResults(_ run: TemporaryRun, _ expected: TemporaryRun) throws {
    #expect(try run.digests() == expected.digests())
    let evaluations = try run.directory.readEvaluations().sorted { $0.step < $1.step }
    let others = try expected.directory.readEvaluations().sorted { $0.step < $1.step }
    #expect(evaluations.count == others.count)
    for report in others { #expect(evaluations.contains(report)) }
    let summary = try #require(try run.directory.readSummary())
    let other = try #require(try expected.directory.readSummary())
    #expect(summary.bestStep == other.bestStep && summary.digest == other.digest)
    #expect(summary.test == other.test && summary.validation == other.validation)
  }

  @Test(arguments: [1, 2, 3]) func workersReachTheBitsOfASingleProcess(count: Int) throws {
    let experiment = syntheticExperiment(width: Self.wide)
    let expected = try undisturbed(experiment, width: Self.wide)
    let run = TemporaryRun(experiment, width: Self.wide)
    let server = try ServerOnThread(run, expecting: count)
    let workers = (0..<count).map { _ in WorkerOnThread(server.endpoint) }
    #expect(try server.ending.wait() == .completed)
    for worker in workers { #expect(try worker.ending.wait() == .closed("the run is complete")) }
    try expectSameResults(run, expected)
  }

  /// Payloads go through memory that both sides map, and the bits are the same.
  @Test(arguments: [1, 3]) func workersOnTheServersMachineShareMemory(count: Int) throws {
    let experiment = syntheticExperiment(steps: 30, evaluationInterval: 10, width: Self.wide)
    let expected = try undisturbed(experiment, width: Self.wide)
    let run = TemporaryRun(experiment, width: Self.wide)
    let socket = NSTemporaryDirectory() + "loop-\(UUID().uuidString.prefix(8))"
    defer { for path in [socket, socket + ".data"] { unlink(path) } }
    let server = try ServerOnThread(run, listeningAt: "ipc://\(socket)", expecting: count)
    let workers = (0..<count).map { _ in WorkerOnThread(server.endpoint) }
    #expect(try server.ending.wait() == .completed)
    for worker in workers {
      #expect(try worker.ending.wait() == .closed("the run is complete"))
      #expect(worker.log.withLock { $0.contains("Shares memory with the server.") })
    }
    try expectSameResults(run, expected)
  }

  @Test func aRunOutlivesItsServer() throws {
    let experiment = syntheticExperiment(steps: 400, evaluationInterval: 100)
    let expected = try undisturbed(experiment)
    let run = TemporaryRun(experiment)
    let first = try ServerOnThread(run, expecting: 1)
    let worker = WorkerOnThread(first.endpoint)
    try run.wait(forSteps: 20)
    first.requestStop()
    #expect(try first.ending.wait() == .stopped)
    #expect(try worker.ending.wait() == .closed("the run was stopped"))
    let second = try ServerOnThread(run, expecting: 1)
    let another = WorkerOnThread(second.endpoint)
    #expect(try second.ending.wait() == .completed)
    #expect(try another.ending.wait() == .closed("the run is complete"))
    try expectSameResults(run, expected)
  }

  /// The server's first checkpoint cannot be written.
  @Test func workersAreToldWhenTheServerFails() throws {
    let experiment = syntheticExperiment(steps: 40, evaluationInterval: 20)
    let expected = try undisturbed(experiment)
    let run = TemporaryRun(experiment)
    let first = try ServerOnThread(run, expecting: 2)
    let (checkpoints, hidden) = (run.directory.checkpointsPath, run.path + "/hidden")
    try FileManager.default.moveItem(atPath: checkpoints, toPath: hidden)
    let workers = (0..<2).map { _ in WorkerOnThread(first.endpoint) }
    #expect(throws: FileError.self) { try first.ending.wait() }
    for worker in workers {
      guard case .runFailed(let reason) = try worker.ending.wait() else {
        Issue.record("a worker was not told")
        continue
      }
      #expect(reason.contains("the run failed") && reason.contains("checkpoints/step-"))
    }
    try FileManager.default.moveItem(atPath: hidden, toPath: checkpoints)
    let second = try ServerOnThread(run, listeningAt: "\(first.endpoint)", expecting: 1)
    let another = WorkerOnThread(second.endpoint)
    #expect(try second.ending.wait() == .completed)
    #expect(try another.ending.wait() == .closed("the run is complete"))
    try expectSameResults(run, expected)
  }

  @Test func aWorkerThatLeavesIsReplaced() throws {
    let experiment = syntheticExperiment(steps: 300, evaluationInterval: 100)
    let expected = try undisturbed(experiment)
    let run = TemporaryRun(experiment)
    let server = try ServerOnThread(run, expecting: 2)
    let workers = (0..<2).map { _ in WorkerOnThread(server.endpoint) }
    try run.wait(forSteps: 20)
    workers[0].requestLeave()
    #expect(try workers[0].ending.wait() == .left)
    #expect(try server.ending.wait() == .completed)
    #expect(try workers[1].ending.wait() == .closed("the run is complete"))
    try expectSameResults(run, expected)
  }

  @Test func aTaskThatCannotBeBuiltEndsTheWorkerWithTheReason() throws {
    let run = TemporaryRun()
    let server = try ServerOnThread(run, expecting: 1)
    let worker = WorkerOnThread(server.endpoint) { _ in throw TrainingError("No data here.") }
    #expect(try worker.ending.wait() == .failed("No data here."))
    let other = WorkerOnThread(server.endpoint) { _ in SyntheticTask(width: 5) }
    guard case .failed(let reason) = try other.ending.wait() else {
      Issue.record("a worker with another model went on")
      return
    }
    #expect(reason.hasPrefix("This worker builds another model than the server"))
    let fitting = WorkerOnThread(server.endpoint)
    #expect(try server.ending.wait() == .completed)
    #expect(try fitting.ending.wait() == .closed("the run is complete"))
  }

  @Test func garbageOnBothPortsChangesNothing() throws {
    let experiment = syntheticExperiment(steps: 200, evaluationInterval: 50)
    let expected = try undisturbed(experiment)
    let run = TemporaryRun(experiment)
    let server = try ServerOnThread(run, expecting: 2)
    let strangers = try Stranger(server.endpoint)
    strangers.shout()
    let workers = (0..<2).map { _ in WorkerOnThread(server.endpoint) }
    try run.wait(forSteps: 100) { strangers.shout() }
    #expect(try server.ending.wait() == .completed)
    #expect(strangers.shouts > 1)
    for worker in workers { #expect(try worker.ending.wait() == .closed("the run is complete")) }
    try expectSameResults(run, expected)
  }
}
