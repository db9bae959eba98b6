// The coordinator, one event at a time.

import Learning
import Testing

@testable import Training

@Suite struct CoordinatorTests {
  typealias Action = CoordinatorAction<Int>
  let run = ToyRun(steps: 4, replicas: 4, evaluationInterval: 2)

  func server(
    expectedWorkers: Int = 1, step: Int = 1, deadlines: Deadlines = Deadlines()
  ) -> Coordinator<Int> {
    Coordinator(
      coordinatorConfiguration(
        run, number: 9, expectedWorkers: expectedWorkers, deadlines: deadlines),
      step: step, now: 0)
  }

  /// A server that trains on workers with control peers 10, 20… and data peers 11, 21….
  func training(workers: Int, deadlines: Deadlines = Deadlines()) -> Coordinator<Int> {
    var server = server(expectedWorkers: workers, deadlines: deadlines)
    for worker in 1...workers { join(worker, &server, now: 0) }
    return server
  }

  /// A worker says hello and, its task built, introduces its data socket.
  func join(_ worker: Int, _ server: inout Coordinator<Int>, now: Double) {
    _ = server.receive(.hello(fittingHello()), from: 10 * worker, now: now)
    let knock = DataHeader(kind: .knock, run: 9, session: SessionID(worker), step: 0)
    _ = server.receive(knock, from: 10 * worker + 1, now: now)
  }

  func heartbeat(_ session: SessionID, lease: Int = 1, isBusy: Bool = true)
    -> ControlMessage
  {
    .heartbeat(.init(run: 9, session: session, lease: lease, isBusy: isBusy))
  }

  func chunk(
    _ chunk: Int, of replica: Int, step: Int = 1, session: SessionID = 1, run number: UInt64 = 9
  ) -> DataHeader {
    DataHeader(
      kind: .contribution, run: number, session: session, step: step, index: replica, chunk: chunk,
      count: run.chunking.range(of: min(chunk, run.chunking.chunkCount - 1)).count)
  }

  /// The header of what was measured of a replica.
  func measured(_ replica: Int, step: Int = 1, session: SessionID = 1) -> DataHeader {
    DataHeader(
      kind: .measurements, run: 9, session: session, step: step, index: replica,
      count: 2 * run.facts.metrics.count)
  }

  let numbers = [Measurement(sum: 1, weight: 2), Measurement(sum: 0.5, weight: 2)]

  /// Delivers all chunks of replicas, and what was measured, from the sessions that hold them.
  func deliver(
    _ replicas: some Sequence<Int>, step: Int, session given: SessionID? = nil,
    to server: inout Coordinator<Int>, now: Double
  ) -> [Action] {
    replicas.flatMap { replica in
      let holder = server.sessionsInOrder.first { server.replicas.held(by: $0).contains(replica) }
      let session = given ?? holder ?? 1
      let peer = Int(session) * 10 + 1
      let actions = (0..<run.chunking.chunkCount).flatMap {
        server.receive(
          chunk($0, of: replica, step: step, session: session), from: peer, now: now)
      }
      return actions
        + server.receive(
          measured(replica, step: step, session: session), measurements: numbers, from: peer,
          now: now)
    }
  }

  func leases(in actions: [Action]) -> [SessionID: Lease] {
    var leases: [SessionID: Lease] = [:]
    for case .send(.lease(let notice), _) in actions { leases[notice.session] = notice.lease }
    return leases
  }

  func refusal(of change: (inout ControlMessage.Hello) -> Void) -> String? {
    var server = server()
    var hello = fittingHello()
    change(&hello)
    for case .send(.refused(let refused), 10) in server.receive(.hello(hello), from: 10, now: 0) {
      return server.sessions.isEmpty ? refused.reason : nil
    }
    return nil
  }

  @Test func refusesWhatWouldChangeTheBits() throws {
    #expect(try #require(refusal { $0.version = 1 }).contains("version 1 of the protocol"))
    let arithmetic = try #require(refusal { $0.numerics = ["openblas/fp32": Digest(rawValue: 1)] })
    #expect(arithmetic.contains("OPENBLAS_CORETYPE") && arithmetic.contains("the engine"))
    let engine = try #require(refusal { $0.numerics = ["other/bf16": Digest(rawValue: 6)] })
    #expect(engine.contains("cannot compute with openblas/fp32") && engine.contains("other/bf16"))
  }

  @Test func helloRepeatedGivesTheSameSession() {
    var server = server(expectedWorkers: 2)
    let first = server.receive(.hello(fittingHello()), from: 10, now: 0)
    let second = server.receive(.hello(fittingHello()), from: 10, now: 1)
    #expect(first.first == second.first && server.sessions.count == 1)
    _ = server.receive(.hello(fittingHello()), from: 20, now: 1)
    #expect(server.sessions.count == 2 && server.phase == .gathering)
  }

  @Test func gathersTheExpectedWorkersForAWhile() {
    var server = server(expectedWorkers: 3)
    join(1, &server, now: 0)
    #expect(server.phase == .gathering)
    for second in 1...10 {
      _ = server.receive(heartbeat(1, lease: 0), from: 10, now: Double(second))
      #expect(leases(in: server.tick(now: Double(second))).isEmpty)
    }
    #expect(leases(in: server.tick(now: 10.1))[1]?.replicas == [0, 1, 2, 3])
    #expect(server.phase == .training)
  }

  /// Forty seconds for each replica, two at each of two workers; the second is a little slower.
  @Test func slowStepsAreNotRaced() {
    var server = training(workers: 2)
    var now = 0.0
    for step in 1...3 {
      let begun = now
      for (after, session, replica) in [(40.0, 1, 0), (45, 2, 2), (80, 1, 1), (90, 2, 3)] {
        while now < begun + after {
          now += 1
          for session in [SessionID(1), 2] {
            _ = server.receive(heartbeat(session, lease: step), from: Int(session) * 10, now: now)
          }
          _ = server.tick(now: now)
        }
        _ = deliver([replica], step: step, session: SessionID(session), to: &server, now: now)
        #expect(!server.replicas.isRaced, "step \(step), \(now) s")
      }
      _ = server.stepApplied(now: now)
    }
    #expect(server.step == 4)
  }

  @Test func aStopIsOverWhenTheLastWorkerHasLeft() {
    var server = training(workers: 1)
    #expect(server.requestStop(now: 1) == [])
    let actions = server.receive(
      .goodbye(.init(run: 9, session: 1, reason: "it was told to")), from: 10, now: 1.5)
    #expect(actions.last == .end(.stopped))
  }

  @Test func leasesContiguousBlocksAndAppliesWhenAllAreIn() {
    var server = training(workers: 2)
    #expect(server.sessions[1]?.lease.replicas == [0, 1])
    #expect(server.sessions[2]?.lease.replicas == [2, 3])
    let early = deliver([0, 1, 2], step: 1, to: &server, now: 1)
    #expect(!early.contains { if case .applyStep = $0 { true } else { false } })
    let last = deliver([3], step: 1, session: 2, to: &server, now: 1)
    #expect(
      last.contains(
        .applyStep(
          1, measurements: Array(repeating: numbers, count: 4),
          waitedFor: "worker 2 (host a host, process 1)", dataWait: 0)))
    let next = server.stepApplied(now: 1)
    #expect(leases(in: next).mapValues(\.step) == [1: 2, 2: 2])
    #expect(next.contains(.sendValues(step: 1, chunks: [0, 1, 2], session: 2, to: 21)))
  }

  @Test func aStepsWaitForDataIsThatOfTheWorkerThatWaitedLongest() {
    var server = training(workers: 2)
    func wait(inStep step: Int, _ waits: [(session: SessionID, milliseconds: Int)]) -> Double? {
      for (replica, wait) in waits.enumerated() {
        var header = measured(replica, step: step, session: wait.session)
        header.number = wait.milliseconds * 1000
        // What is sent again does not count again.
        for _ in 0..<2 {
          _ = server.receive(
            header, measurements: numbers, from: Int(wait.session) * 10 + 1, now: 1)
        }
        let actions = deliver([replica], step: step, session: wait.session, to: &server, now: 1)
        for case .applyStep(_, _, _, let dataWait) in actions { return dataWait }
      }
      return nil
    }
    #expect(wait(inStep: 1, [(1, 1000), (1, 500), (2, 250), (2, 750)]) == 1.5)
    _ = server.stepApplied(now: 1)
    #expect(wait(inStep: 2, [(1, 0), (1, 0), (2, 250), (2, 0)]) == 0.25)
  }

  @Test func framesThatAreNotWaitedForAreDropped() {
    var server = training(workers: 1)
    let foreign = [
      chunk(0, of: 0, run: 8), chunk(0, of: 0, session: 2), chunk(3, of: 0), chunk(0, of: 4),
      chunk(0, of: 0, step: 2), chunk(0, of: 0, step: 0),
    ]
    for header in foreign { #expect(server.receive(header, from: 11, now: 0) == [], "\(header)") }
    var wrong = chunk(0, of: 0)
    wrong.count += 1
    #expect(server.receive(wrong, from: 11, now: 0) == [])
    wrong = chunk(0, of: 0)
    wrong.shard = 1
    #expect(server.receive(wrong, from: 11, now: 0) == [])
    wrong = chunk(0, of: 0)
    wrong.kind = .values
    #expect(server.receive(wrong, from: 11, now: 0) == [])
    #expect(
      server.receive(chunk(0, of: 0), from: 11, now: 0)
        == [.store(replica: 0, chunk: 0)])
  }

  @Test func duplicatesAreDroppedAndCompleteReplicasAcknowledgedAgain() {
    var server = training(workers: 1)
    let last = chunk(2, of: 2)
    for header in [chunk(0, of: 2), chunk(1, of: 2)] {
      _ = server.receive(header, from: 11, now: 0)
      #expect(server.receive(header, from: 11, now: 0) == [])
    }
    #expect(server.receive(measured(2), measurements: numbers, from: 11, now: 0) == [])
    #expect(server.receive(measured(2), measurements: numbers, from: 11, now: 0) == [])
    #expect(
      server.receive(last, from: 11, now: 0)
        == [.store(replica: 2, chunk: 2), .acknowledge(last, to: 11)])
    #expect(server.receive(last, from: 11, now: 0) == [.acknowledge(last, to: 11)])
    _ = deliver([0, 1, 3], step: 1, to: &server, now: 1)
    _ = server.stepApplied(now: 1)
    #expect(server.receive(last, from: 11, now: 1) == [.acknowledge(last, to: 11)])
  }

  @Test func aReplicaIsCompleteWithItsMeasurementsOnly() {
    var server = training(workers: 1)
    for number in 0..<3 { _ = server.receive(chunk(number, of: 0), from: 11, now: 0) }
    #expect(!server.replicas.isComplete(0))
    let header = measured(0)
    for count in [0, 1, 3] {
      let others = [Measurement](repeating: .nothing, count: count)
      #expect(server.receive(header, measurements: others, from: 11, now: 0) == [])
    }
    #expect(
      server.receive(header, measurements: numbers, from: 11, now: 0)
        == [.acknowledge(header, to: 11)])
    #expect(server.replicas.isComplete(0))
  }

  @Test func aLostWorkersReplicasGoToOthersAndItIsToldToRejoin() {
    var server = training(workers: 2)
    _ = deliver([0], step: 1, to: &server, now: 1)
    _ = server.receive(heartbeat(2), from: 20, now: 3)
    let actions = server.tick(now: 4.5)
    #expect(leases(in: actions)[2]?.replicas == [1, 2, 3])
    #expect(server.sessions.keys.sorted() == [2])
    #expect(server.receive(heartbeat(1), from: 10, now: 20) == [.send(.rejoin(.init()), to: 10)])
    let late = chunk(0, of: 1)
    #expect(server.receive(late, from: 11, now: 20) == [])
    _ = server.receive(.hello(fittingHello()), from: 10, now: 20)
    #expect(server.sessions[3] != nil, "a worker that was lost joins as a new one")
  }

  @Test func aWorkerThatSaysGoodbyeIsReplacedAtOnce() {
    var server = training(workers: 2)
    let goodbye = ControlMessage.goodbye(.init(run: 9, session: 1, reason: "lunch"))
    #expect(leases(in: server.receive(goodbye, from: 10, now: 0.1))[2]?.replicas == [0, 1, 2, 3])
    #expect(server.receive(goodbye, from: 10, now: 0.1) == [])
  }

  @Test func aLeaseThatWasNotSeenIsSentAgain() {
    var server = training(workers: 1)
    let number = server.sessions[1]?.lease.number ?? 0
    _ = server.receive(heartbeat(1, lease: number - 1), from: 10, now: 2.5)
    #expect(leases(in: server.tick(now: 2.6))[1] == server.sessions[1]?.lease)
    _ = server.receive(heartbeat(1, lease: number), from: 10, now: 5)
    #expect(leases(in: server.tick(now: 5.1)).isEmpty)
  }

  @Test func answersOnlyForVersionsThatALeaseIsAbout() {
    var server = training(workers: 1)
    func fetch(_ step: Int, chunk: Int, session: SessionID = 1) -> [Action] {
      let header = DataHeader(kind: .fetch, run: 9, session: session, step: step, chunk: chunk)
      return server.receive(header, from: 10 * Int(session) + 1, now: 0)
    }
    #expect(fetch(7, chunk: 1) == [])
    #expect(fetch(7, chunk: DataHeader.allChunks) == [])
    #expect(fetch(0, chunk: 3) == [])
    #expect(
      fetch(0, chunk: DataHeader.allChunks)
        == [.sendValues(step: 0, chunks: [0, 1, 2], session: 1, to: 11)])
    #expect(fetch(0, chunk: 1) == [.sendValues(step: 0, chunks: [1], session: 1, to: 11)])
    join(2, &server, now: 0)
    #expect(fetch(0, chunk: 1, session: 2) == [], "it has nothing to compute")
  }

  /// Keeps workers alive until a time; everything that happens meanwhile.
  func live(
    _ sessions: ClosedRange<SessionID>, to end: Double, from start: Double,
    _ server: inout Coordinator<Int>
  ) -> [Action] {
    stride(from: start, through: end, by: 1).flatMap { now in
      for session in sessions {
        _ = server.receive(heartbeat(session, lease: 1000), from: Int(session) * 10, now: now)
      }
      return server.tick(now: now)
    }
  }

  @Test func givesNothingToAWorkerThatIsStillBuildingItsTask() {
    var server = training(workers: 1)
    _ = server.receive(.hello(fittingHello()), from: 20, now: 0)
    _ = deliver(0..<4, step: 1, to: &server, now: 1)
    _ = server.stepApplied(now: 1)
    #expect(server.sessions[1]?.lease.replicas == [0, 1, 2, 3])
    #expect(server.sessions[2]?.lease.replicas == [])
    join(2, &server, now: 1)
    _ = deliver(0..<4, step: 2, to: &server, now: 2)
    _ = server.stepApplied(now: 2)
    #expect(server.sessions[2]?.lease.replicas == [2, 3])
  }

  @Test func stopsInEachPhase() {
    var gathering = server()
    #expect(gathering.requestStop(now: 0) == [.end(.stopped)])
    var inStep = training(workers: 1)
    #expect(inStep.requestStop(now: 0) == [])
    _ = deliver(0..<4, step: 1, to: &inStep, now: 1)
    let close = ControlMessage.close(.init(run: 9, reason: "the run was stopped"))
    #expect(inStep.stepApplied(now: 1) == [.send(close, to: 10), .end(.stopped)])
    // The last word may wait for a disk: until then the server is alive, and takes nobody in.
    let beat = ControlMessage.beat(.init(run: 9, step: 2))
    #expect(inStep.receive(heartbeat(1), from: 10, now: 2) == [.send(beat, to: 10)])
    #expect(inStep.receive(.hello(fittingHello()), from: 11, now: 2) == [])
    var stuck = training(workers: 1)
    _ = stuck.requestStop(now: 0)
    #expect(live(1...1, to: 10, from: 1, &stuck).allSatisfy { $0 != .end(.stopped) })
    #expect(stuck.tick(now: 10.1).last == .end(.stopped))
    var evaluating = server(step: 5)
    join(1, &evaluating, now: 0)
    #expect(evaluating.phase == .evaluating)
    #expect(evaluating.requestStop(now: 0).last == .end(.stopped))
  }

  @Test func endsWithoutWorkersInTheEndNamingTheStep() {
    var server = training(workers: 1)
    _ = server.tick(now: 4)
    #expect(server.sessions.isEmpty)
    #expect(server.tick(now: 603) == [])
    guard case .end(.failed(let reason))? = server.tick(now: 605).last else {
      Issue.record("the server still waits")
      return
    }
    #expect(reason.hasPrefix("No worker for 601.0 s at step 1. Start one by Worker --server"))
  }
}
