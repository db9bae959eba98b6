// Audits and keys over real sockets: whoever lies is found, and nobody speaks for another.

import Foundation
import Learning
import Messaging
import Testing

@testable import Training

/// One at a time: each test has deadlines of its own and several threads.
@Suite(.serialized) struct AuditTests {
  /// The synthetic task to all appearances, which learns from wrong labels.
  private struct LyingTask: LearningTask {
    let base = SyntheticTask()
    var model: SyntheticModel { base.model }
    var facts: TaskFacts { base.facts }

    func batch(_ draw: Draw) -> SyntheticModel.Batch {
      let honest = base.batch(draw)
      return SyntheticModel.Batch(
        points: honest.points, labels: honest.labels.map { ($0 + 1) % 3 },
        categories: honest.categories)
    }
  }

  private func log(of run: TemporaryRun) -> String {
    (try? String(contentsOfFile: run.directory.logPath, encoding: .utf8)) ?? ""
  }

  private func undisturbed(_ experiment: Experiment) throws -> [Digest] {
    let run = TemporaryRun(experiment)
    #expect(try run.train() == .completed)
    return try run.digests()
  }

  @Test func aWorkerThatLiesIsSentAwayAndTheBitsStay() throws {
    let experiment = syntheticExperiment(steps: 30, evaluationInterval: 10)
    let run = TemporaryRun(experiment)
    let server = try ServerOnThread(run, expecting: 3, auditing: 1)
    let honest = (0..<2).map { _ in WorkerOnThread(server.endpoint) }
    let liar = WorkerOnThread(server.endpoint) { _ in LyingTask() }
    #expect(try server.ending.wait() == .completed)
    #expect(try run.digests() == undisturbed(experiment))
    for worker in honest { #expect(try worker.ending.wait() == .closed("the run is complete")) }
    guard case .failed(let reason) = try liar.ending.wait() else {
      Issue.record("the liar was not sent away")
      return
    }
    #expect(reason.contains("found other numbers for replica"))
    #expect(log(of: run).contains("its machine cannot be relied on"))
  }

  @Test func twoThatDisagreeEndTheRunWithBothNames() throws {
    let run = TemporaryRun(syntheticExperiment(steps: 30, evaluationInterval: 10))
    let server = try ServerOnThread(run, expecting: 2, auditing: 1)
    let workers = [
      WorkerOnThread(server.endpoint), WorkerOnThread(server.endpoint) { _ in LyingTask() },
    ]
    guard case .failed(let reason) = try server.ending.wait() else {
      Issue.record("the run did not fail")
      return
    }
    #expect(reason.contains("worker 1 (") && reason.contains("worker 2 ("))
    #expect(reason.contains("found different numbers for replica"))
    for worker in workers { _ = try worker.ending.wait() }
  }

  @Test func oneWorkerAloneGoesOnAndIsToldOf() throws {
    let experiment = syntheticExperiment(steps: 10, evaluationInterval: 5)
    let run = TemporaryRun(experiment)
    let server = try ServerOnThread(run, expecting: 1, auditing: 0.5)
    let worker = WorkerOnThread(server.endpoint)
    #expect(try server.ending.wait() == .completed)
    #expect(try worker.ending.wait() == .closed("the run is complete"))
    #expect(try run.digests() == undisturbed(experiment))
    #expect(log(of: run).contains("One worker alone cannot be audited"))
  }

  // MARK: Keys

  /// A connection with a key of its own that says what it likes.
  private final class Speaker {
    let socket: Socket

    init(_ keys: KeyPair, to server: Endpoint, of owner: PublicKey) throws {
      var options = SocketOptions(maximumFrameByteCount: 1 << 20)
      options.sendsOnlyWhenConnected = false
      options.security = .client(keys, of: owner)
      socket = try Socket(.dealer, in: Context(), options: options)
      try socket.connect(to: server)
    }

    func say(_ message: ControlMessage) throws { _ = try socket.send(message.encoded()) }

    /// The next answer other than leases.
    func answer() throws -> ControlMessage {
      for _ in 0..<5000 {
        if case .message(let message) = try socket.receive() {
          let answer = try ControlMessage(decoding: message.frames[0].bytes)
          if case .lease = answer { continue }
          return answer
        }
        usleep(2000)
      }
      throw TrainingError("There is no answer.")
    }

    func join() throws -> ControlMessage.Welcome {
      try say(
        .hello(
          .init(
            version: protocolVersion, numerics: Numerics.fingerprints(), engine: "", host: "a host",
            process: 1)))
      guard case .welcome(let welcome) = try answer() else { throw TrainingError("not welcome") }
      return welcome
    }
  }

  @Test func anotherKeyCannotSayGoodbyeForAWorker() throws {
    let keys = try (0..<3).map { _ in try KeyPair() }
    let run = TemporaryRun(syntheticExperiment(steps: 3))
    let admission = Admission(keys: keys[0], admits: { _ in true }, refused: { _, _ in })
    let server = try ServerOnThread(run, expecting: 1, admission: admission)
    let victim = try Speaker(keys[1], to: server.endpoint, of: keys[0].publicKey)
    let insider = try Speaker(keys[2], to: server.endpoint, of: keys[0].publicKey)
    let welcome = try victim.join()
    let own = try insider.join()
    let goodbye = ControlMessage.goodbye(
      .init(run: welcome.run, session: welcome.session, reason: "forged"))
    func heartbeat(_ welcome: ControlMessage.Welcome) -> ControlMessage {
      .heartbeat(.init(run: welcome.run, session: welcome.session, lease: 0, isBusy: false))
    }
    try insider.say(goodbye)
    // Its own session is answered, and what it said before has been read by then.
    try insider.say(heartbeat(own))
    #expect(try insider.answer() == .beat(.init(run: own.run, step: 1)))
    try victim.say(heartbeat(welcome))
    #expect(try victim.answer() == .beat(.init(run: welcome.run, step: 1)))
    try victim.say(goodbye)
    try victim.say(heartbeat(welcome))
    #expect(try victim.answer() == .rejoin(.init()))
    server.requestStop()
    #expect(try server.ending.wait() == .stopped)
    #expect(log(of: run).contains("the number of a session that belongs to another key"))
  }
}
