// What the coordinator does about workers that are stuck, fail or claim what is not theirs.

import Learning
import Testing

@testable import Training

extension CoordinatorTests {
  @Test func aStuckWorkersReplicaIsRacedUntilSomebodyAnswers() {
    var server = training(workers: 3)
    #expect(server.sessions[3]?.lease.replicas == [3])
    _ = deliver(0..<3, step: 1, to: &server, now: 1)
    #expect(leases(in: live(1...3, to: 30, from: 1, &server)).isEmpty)
    #expect(leases(in: live(1...3, to: 32, from: 31, &server)).mapValues(\.replicas) == [1: [3]])
    // The second one does not answer either, so both are stuck.
    #expect(leases(in: live(1...3, to: 64, from: 33, &server)).mapValues(\.replicas) == [2: [3]])
    #expect(server.sessions.mapValues(\.isStuck) == [1: true, 2: false, 3: true])
    let actions = deliver([3], step: 1, session: 2, to: &server, now: 65)
    #expect(actions.contains { if case .applyStep = $0 { true } else { false } })
    let next = server.stepApplied(now: 65)
    #expect(server.sessions[2]?.lease.replicas == [0, 1, 2, 3])
    // Who gets nothing to compute is sent no values.
    #expect(valuesReceivers(in: next) == [21])
  }

  /// Whom values are sent to.
  func valuesReceivers(in actions: [Action]) -> [Int] {
    actions.compactMap { if case .sendValues(_, _, _, let peer) = $0 { peer } else { nil } }
  }

  @Test func theOnlyWorkerIsWaitedForAndNamed() {
    var server = training(workers: 1)
    var lines: [String] = []
    for case .tell(.note(let line)) in live(1...1, to: 130, from: 1, &server) {
      lines.append(line)
    }
    #expect(lines.count == 3, "after 30, 60 and 120 s: \(lines)")
    #expect(lines[0].hasPrefix("Still waiting for replica 0 of step 1, which worker 1 (host a"))
  }

  @Test func aStuckWorkerIsWaitedForOnceAndTakesPartAgainWhenItKnocks() {
    var server = training(workers: 2)
    var now = 0.0
    /// Worker 2 computes whatever it is leased, worker 1 nothing; the seconds that a step takes.
    func seconds(ofStep step: Int) -> Double {
      let start = now
      while server.step == step && now - start < 100 {
        now += 1
        for session: SessionID in 1...2 {
          _ = server.receive(heartbeat(session, lease: 1000), from: Int(session) * 10, now: now)
        }
        _ = server.tick(now: now)
        let replicas = server.sessions[2]?.lease.replicas ?? []
        let actions = deliver(replicas, step: step, session: 2, to: &server, now: now)
        if actions.contains(where: { if case .applyStep = $0 { true } else { false } }) {
          _ = server.stepApplied(now: now)
        }
      }
      return now - start
    }
    #expect((30...33).contains(seconds(ofStep: 1)))
    #expect(seconds(ofStep: 2) <= 1)
    #expect(server.sessions[1]?.lease.replicas == [])
    // It knocks while it computes, is idle, and only then both.
    let knock = DataHeader(kind: .knock, run: 9, session: 1, step: 0)
    _ = server.receive(knock, from: 11, now: now)
    #expect(server.sessions[1]?.isStuck == true)
    _ = server.receive(heartbeat(1, lease: 1000, isBusy: false), from: 10, now: now)
    #expect(server.sessions[1]?.isStuck == true, "its data socket may be dead")
    #expect(server.receive(knock, from: 11, now: now) == [.answerKnock(knock, to: 11)])
    #expect(seconds(ofStep: 3) <= 1)
    #expect(server.sessions[1]?.lease.replicas == [0, 1])
  }

  @Test func anInquiryIsAnsweredWithWhatIsMissing() {
    var server = training(workers: 2)
    func inquire(_ replica: Int, step: Int = 1, session: SessionID = 1) -> [Action] {
      var header = measured(replica, step: step, session: session)
      (header.kind, header.count, header.number) = (.inquiry, 0, 7)
      let actions = server.receive(header, from: Int(session) * 10 + 1, now: 0)
      return actions == [.acknowledge(header, to: Int(session) * 10 + 1)] ? [] : actions
    }
    func missing(_ actions: [Action]) -> [Int]? {
      guard case .sendMissing(let header, let chunks, to: 11)? = actions.first else { return nil }
      return header.number == 7 ? chunks : nil
    }
    #expect(missing(inquire(0)) == [0, 1, 2, 3])
    _ = server.receive(chunk(1, of: 0), from: 11, now: 0)
    #expect(missing(inquire(0)) == [0, 2, 3])
    _ = server.receive(measured(0), measurements: numbers, from: 11, now: 0)
    #expect(missing(inquire(0)) == [0, 2])
    for number in [0, 2] { _ = server.receive(chunk(number, of: 0), from: 11, now: 0) }
    // Complete, another's, or of the past: nothing more of it is needed.
    #expect(inquire(0) == [] && inquire(2) == [] && inquire(0, step: 0) == [])
    #expect(inquire(9) == [], "a replica that there is not")
  }

  @Test func onlyWhoHoldsALeaseContributes() {
    var server = training(workers: 2)
    #expect(server.receive(chunk(0, of: 2), from: 11, now: 0) == [], "the other's replica")
    _ = server.receive(measured(2), measurements: numbers, from: 11, now: 0)
    #expect(server.replicas.missing(of: 2, from: 1, measurements: 3) == [0, 1, 2, 3])
    let right = chunk(0, of: 2, session: 2)
    #expect(server.receive(right, from: 21, now: 0) == [.store(replica: 2, chunk: 0)])
  }

  @Test func aFailureEndsTheRunIfNobodyElseCanComputeIt() {
    func failed(_ session: SessionID, _ replica: Int) -> ControlMessage {
      .failed(.init(run: 9, session: session, step: 1, replica: replica, reason: "no such sample"))
    }
    var server = training(workers: 3)
    let first = server.receive(failed(2, 2), from: 20, now: 1)
    #expect(server.sessions[2] == nil && server.phase == .training)
    #expect(leases(in: first)[3]?.replicas == [2, 3])
    let second = server.receive(failed(3, 2), from: 30, now: 2)
    guard case .end(.failed(let reason))? = second.last else {
      Issue.record("the run goes on: \(second)")
      return
    }
    #expect(reason.contains("worker 2 (host a host, process 1): no such sample; worker"))
    var lone = training(workers: 1)
    #expect(
      lone.receive(failed(1, 0), from: 10, now: 1).last
        == .end(.failed("worker 1 (host a host, process 1): no such sample")))
  }

  @Test func numbersThatAreNotFiniteAreComputedOnceMore() {
    let divergence = Divergence("The loss", of: .replica(3), step: 1)
    var lone = training(workers: 1)
    _ = deliver(0..<4, step: 1, to: &lone, now: 1)
    #expect(lone.notFinite(divergence, now: 1).last == .end(.diverged(divergence.description)))
    // The other finds the same.
    var server = training(workers: 2)
    _ = deliver(0..<4, step: 1, to: &server, now: 1)
    #expect(leases(in: server.notFinite(divergence, now: 1))[1]?.replicas == [3])
    var diverged = server
    _ = deliver([3], step: 1, to: &diverged, now: 2)
    #expect(diverged.notFinite(divergence, now: 2).last == .end(.diverged(divergence.description)))
    // The other finds finite numbers: the first is sent away.
    let applied = deliver([3], step: 1, to: &server, now: 2)
    #expect(applied.contains { if case .applyStep = $0 { true } else { false } })
    let actions = server.stepApplied(now: 2)
    #expect(server.sessions.keys.sorted() == [1])
    #expect(server.sessions[1]?.lease.replicas == [0, 1, 2, 3])
    #expect(
      actions.contains {
        if case .send(.refused(let refused), to: 20) = $0 {
          refused.reason.contains("not finite")
        } else {
          false
        }
      })
  }

  @Test func aStepWaitsForEvaluationsThatPileUp() {
    var server = training(workers: 1)
    for step in [0, 1, 2] { _ = server.addEvaluation(of: step, on: .validation) }
    _ = deliver(0..<4, step: 1, to: &server, now: 1)
    _ = server.stepApplied(now: 1)
    #expect(server.isHeldBack && server.sessions[1]?.lease.replicas == [])
    var rounds = 0
    while server.isHeldBack, rounds < 20 {
      rounds += 1
      for part in server.sessions[1]?.lease.evaluations ?? [] {
        let result = DataHeader(
          kind: .measurements, purpose: part.split, run: 9, session: 1, step: part.step,
          index: part.part)
        _ = server.receive(result, measurements: numbers, from: 11, now: 2)
      }
    }
    #expect(server.evaluations.count <= 2 && server.sessions[1]?.lease.replicas == [0, 1, 2, 3])
  }

  @Test func refusalsAreToldOnceASecond() {
    var server = server()
    var stranger = fittingHello()
    stranger.version = 1
    var lines: [String] = []
    for number in 0..<3000 {
      let now = Double(number) / 1000
      for case .tell(.note(let line)) in server.receive(.hello(stranger), from: number, now: now) {
        lines.append(line)
      }
    }
    #expect(lines.count == 3)
    #expect(lines.last?.contains("(999 more since the last such line)") == true)
  }

  /// Twenty seconds in which a disk, or Ctrl-Z, stopped the server.
  @Test func aServerThatWasStoppedDoesNotBlameItsWorkers() {
    var server = training(workers: 2)
    _ = live(1...2, to: 3, from: 1, &server)
    #expect(server.tick(now: 23) == [])
    #expect(server.sessions.count == 2)
    _ = server.receive(heartbeat(1), from: 10, now: 23.1)
    for tenth in 231...261 { _ = server.tick(now: Double(tenth) / 10) }
    #expect(server.sessions.keys.sorted() == [1], "from then on silence counts")
  }
}
