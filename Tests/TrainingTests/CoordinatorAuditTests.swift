// What the coordinator does when two workers compute the same replica, one event at a time.

import Learning
import Testing

@testable import Training

extension CoordinatorTests {
  /// A server that has every replica computed twice, on workers as in `training(workers:)`.
  private func auditing(workers: Int, share: Double = 1) -> Coordinator<Int> {
    var configuration = coordinatorConfiguration(run, number: 9, expectedWorkers: workers)
    configuration.audit = AuditChoice(share: share, seed: 4)
    var server = Coordinator(configuration, step: 1, now: 0)
    for worker in 1...workers { join(worker, &server, now: 0) }
    return server
  }

  /// Delivers what a session finds of all that it holds; `hash` stands for the bits.
  private func answer(
    _ session: SessionID, hash: UInt64 = 1, _ server: inout Coordinator<Int>, now: Double
  ) -> [Action] {
    let peer = Int(session) * 10 + 1
    return server.replicas.held(by: session).flatMap { replica in
      (0..<run.chunking.chunkCount).flatMap {
        server.receive(
          chunk($0, of: replica, session: session), hash: hash, from: peer, now: now)
      }
        + server.receive(
          measured(replica, session: session), measurements: numbers, from: peer, now: now)
    }
  }

  private func applies(_ actions: [Action]) -> Bool {
    actions.contains { if case .applyStep = $0 { true } else { false } }
  }

  @Test func theChoiceOfAuditsIsAFunctionOfSeedStepAndReplica() {
    let choice = AuditChoice(share: 0.3, seed: 5)
    let chosen = (1...1000).flatMap { step in
      (0..<10).filter { choice.includes(step: step, replica: $0) }
    }
    #expect((2800...3200).contains(chosen.count))
    #expect(
      chosen
        == (1...1000).flatMap { step in
          (0..<10).filter { AuditChoice(share: 0.3, seed: 5).includes(step: step, replica: $0) }
        })
    #expect(!AuditChoice.none.includes(step: 1, replica: 0))
    #expect(AuditChoice(share: 1, seed: 5).includes(step: 7, replica: 3))
  }

  @Test func everyReplicaThatIsAuditedIsComputedByTwo() {
    var server = auditing(workers: 2)
    #expect(server.replicas.held(by: 1) == [0, 1, 2, 3])
    #expect(server.replicas.held(by: 2) == [0, 1, 2, 3])
    #expect(!applies(answer(1, &server, now: 1)), "one answer is not enough")
    let actions = answer(2, &server, now: 2)
    #expect(applies(actions))
    let adopted = actions.compactMap { action in
      if case .adopt(let replica, _) = action { replica } else { nil }
    }
    #expect(adopted == [0, 1, 2, 3])
    #expect(server.sessions.count == 2)
  }

  @Test func nothingIsComputedTwiceWithoutAnAudit() {
    let server = training(workers: 2)
    #expect(server.replicas.held(by: 1) == [0, 1] && server.replicas.held(by: 2) == [2, 3])
    #expect(server.replicas.openAudits == [])
  }

  @Test func aThirdDecidesWhoIsSentAway() throws {
    var server = auditing(workers: 3)
    _ = answer(1, &server, now: 1)
    // Whatever it holds together with others, it finds something else.
    let told = answer(2, hash: 2, &server, now: 2) + answer(3, &server, now: 3)
    #expect(server.sessions[2] == nil && server.sessions.count == 2)
    let refusals = told.compactMap { action in
      if case .send(.refused(let refused), to: 20) = action { refused.reason } else { nil }
    }
    let reason = try #require(refusals.first)
    #expect(reason.contains("than two others did"))
    var actions: [Action] = told
    // What the liar did beside is done again.
    for now in 4...9 where !applies(actions) {
      actions += answer(1, &server, now: Double(now)) + answer(3, &server, now: Double(now))
    }
    #expect(applies(actions))
    // Its number is worth nothing any more.
    #expect(answer(2, &server, now: 10) == [])
  }

  @Test func twoThatDisagreeEndTheRunUnlessAThirdComes() {
    var server = auditing(workers: 2)
    _ = answer(1, &server, now: 1)
    _ = answer(2, hash: 2, &server, now: 1)
    let actions = live(1...2, to: 20, from: 2, &server)
    guard case .end(.failed(let reason))? = actions.last else {
      Issue.record("the run goes on: \(actions)")
      return
    }
    #expect(reason.contains("worker 1 (host a host, process 1) and worker 2 (host a host"))
    #expect(reason.contains("found different numbers for replica 0 of step 1"))
    var saved = auditing(workers: 2)
    _ = answer(1, &saved, now: 1)
    _ = answer(2, hash: 2, &saved, now: 1)
    _ = live(1...2, to: 5, from: 2, &saved)
    join(3, &saved, now: 6)
    #expect(applies(answer(3, &saved, now: 7) + answer(1, &saved, now: 8)))
    #expect(saved.sessions.keys.sorted() == [1, 3])
  }

  @Test func whoIsAloneIsNotWaitedForInVain() {
    var server = auditing(workers: 2)
    _ = answer(1, &server, now: 1)
    let goodbye = ControlMessage.goodbye(.init(run: 9, session: 2, reason: "it was told to"))
    #expect(applies(server.receive(goodbye, from: 20, now: 2)), "one answer counts")
    // A second that never answers costs as long as one whose work is given to another.
    var slow = auditing(workers: 2)
    _ = answer(1, &slow, now: 1)
    #expect(!applies(live(1...2, to: 29, from: 2, &slow)))
    #expect(applies(live(1...2, to: 34, from: 30, &slow)))
    #expect(slow.sessions[2]?.isStuck == true)
  }

  // MARK: Keys

  @Test func aSessionBelongsToTheKeyThatSaidHello() {
    var server = server(expectedWorkers: 2)
    for worker in 1...2 {
      _ = server.receive(
        .hello(fittingHello()), from: 10 * worker, key: "key \(worker)", now: 0)
      let knock = DataHeader(kind: .knock, run: 9, session: SessionID(worker), step: 0)
      _ = server.receive(knock, from: 10 * worker + 1, key: "key \(worker)", now: 0)
    }
    let before = server.sessions.mapValues(\.lease)
    let goodbye = ControlMessage.goodbye(.init(run: 9, session: 1, reason: "forged"))
    let failure = ControlMessage.failed(
      .init(run: 9, session: 1, step: 1, replica: 0, reason: "forged"))
    for key in ["key 2", nil] {
      for message in [goodbye, failure, heartbeat(1)] {
        #expect(server.receive(message, from: 20, key: key, now: 1) == [])
      }
      #expect(server.receive(chunk(0, of: 0), from: 21, key: key, now: 1) == [])
    }
    #expect(server.sessions.mapValues(\.lease) == before && server.sessions[1]?.control == 10)
    let counted = server.tick(now: 1.5).compactMap { action in
      if case .tell(.dropped(let line)) = action { line } else { nil }
    }
    #expect(
      counted == [
        "Dropped 8 message(s) that are not ours: the number of a session that belongs to another key."
      ])
    #expect(
      server.receive(chunk(0, of: 0), from: 11, key: "key 1", now: 2)
        == [.store(replica: 0, chunk: 0)])
  }

  @Test func oneKeyAloneIsNoSecondOpinion() {
    var server = server(expectedWorkers: 2)
    func join(_ number: Int, key: String) {
      _ = server.receive(.hello(fittingHello()), from: 10 * number, key: key, now: 0)
      let knock = DataHeader(kind: .knock, run: 9, session: SessionID(number), step: 0)
      _ = server.receive(knock, from: 10 * number + 1, key: key, now: 0)
    }
    join(1, key: "honest")
    join(2, key: "insider")
    var session: SessionID = 2
    for number in 3...6 {
      // It fails whatever it is given, and comes again.
      for replica in server.replicas.held(by: session).prefix(1) {
        _ = server.receive(
          .failed(.init(run: 9, session: session, step: 1, replica: replica, reason: "no")),
          from: 10 * Int(session), key: "insider", now: 1)
      }
      join(number, key: "insider")
      session = SessionID(number)
      server.replicas.reopen(0, for: session, now: 1)
      _ = server.tick(now: 1)
    }
    #expect(server.phase == .training)
    _ = server.receive(
      .failed(.init(run: 9, session: 1, step: 1, replica: 0, reason: "no")), from: 10,
      key: "honest", now: 2)
    #expect(server.phase == .training, "it was not leased to it")
  }
}
