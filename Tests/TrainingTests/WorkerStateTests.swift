// The worker's state machine, one event at a time.

import Learning
import Testing

@testable import Training

@Suite struct WorkerStateTests {
  private let run = ToyRun(steps: 4, replicas: 4, evaluationInterval: 2)

  private func joiningWorker() -> WorkerState {
    WorkerState(
      .init(server: "server:1", hello: fittingHello(), deadlines: Deadlines()), now: 0)
  }

  private func welcome(run number: UInt64 = 9, session: SessionID = 1) -> ControlMessage.Welcome {
    .init(
      run: number, session: session, worker: 1, dataPort: 2, experiment: run.experiment,
      layout: Digest(rawValue: 5), chunkScalars: run.chunking.chunkScalars, heartbeatSeconds: 0.5,
      silenceSeconds: 3)
  }

  private func readyWorker() -> WorkerState {
    var worker = joiningWorker()
    _ = worker.receive(.welcome(welcome()), now: 0)
    _ = worker.prepared(valueCount: run.chunking.count, now: 0)
    return worker
  }

  private func lease(
    _ number: Int, step: Int, _ replicas: [Int], _ evaluations: [EvaluationLease] = []
  ) -> ControlMessage {
    .lease(
      .init(
        run: 9, session: 1,
        lease: Lease(number: number, step: step, replicas: replicas, evaluations: evaluations)))
  }

  private func values(_ chunk: Int, step: Int, run number: UInt64 = 9) -> DataHeader {
    DataHeader(
      kind: .values, run: number, session: 1, step: step, chunk: chunk,
      count: run.chunking.range(of: min(chunk, 2)).count)
  }

  private func acknowledgement(step: Int, replica: Int) -> DataHeader {
    DataHeader(kind: .acknowledgement, run: 9, session: 1, step: step, index: replica)
  }

  @Test func saysHelloEverySecondAndEndsAfterTheJoinTime() {
    var worker = joiningWorker()
    let hello = WorkerAction.send(.hello(fittingHello()))
    #expect(worker.tick(now: 0) == [hello])
    #expect(worker.tick(now: 0.9) == [])
    #expect(worker.tick(now: 1.1) == [hello])
    #expect(worker.tick(now: 59.9) == [hello])
    #expect(
      worker.tick(now: 61) == [
        .end(
          .failed(
            """
            No answer from a parameter server at server:1 for 61.0 s. Is it running, and is the \
            address the one it printed?
            """))
      ])
    #expect(worker.tick(now: 62) == [])
  }

  @Test func endsWhenItIsRefused() {
    var worker = joiningWorker()
    #expect(
      worker.receive(.refused(.init(reason: "other bits.")), now: 0)
        == [.end(.failed("The server refused: other bits."))])
  }

  @Test func computesWhatIsLeasedOnceTheValuesAreThere() {
    var worker = readyWorker()
    #expect(worker.receive(lease(1, step: 1, [2, 3]), now: 0) == [])
    #expect(
      worker.receive(values(0, step: 0), now: 0) == [
        .storeValues(step: 0, range: run.chunking.range(of: 0))
      ])
    #expect(worker.receive(values(0, step: 0), now: 0) == [], "a duplicate")
    #expect(!worker.receive(values(2, step: 0), now: 0).isEmpty)
    let first = Job.training(step: 1, replica: 2)
    let second = Job.training(step: 1, replica: 3)
    #expect(
      worker.receive(values(1, step: 0), now: 0)
        == [.storeValues(step: 0, range: run.chunking.range(of: 1)), .compute(first)])
    #expect(worker.computed(first, now: 1) == [.sendResult(first, chunks: nil), .compute(second)])
    #expect(worker.computed(second, now: 2) == [.sendResult(second, chunks: nil)])
    #expect(
      worker.receive(acknowledgement(step: 1, replica: 2), now: 2) == [.forgetResult(first)])
    #expect(worker.receive(acknowledgement(step: 1, replica: 2), now: 2) == [], "a duplicate")
  }

  private func missing(_ number: Int, replica: Int) -> DataHeader {
    var header = acknowledgement(step: 1, replica: replica)
    (header.kind, header.number) = (.missing, number)
    return header
  }

  /// Whatever the link needs for it, a result leaves once, and again only what is missing.
  @Test func inquiresOnceAResultHasLeft() {
    var worker = readyWorker()
    _ = worker.receive(lease(1, step: 1, [2]), now: 0)
    for chunk in 0..<3 { _ = worker.receive(values(chunk, step: 0), now: 0) }
    let job = Job.training(step: 1, replica: 2)
    _ = worker.computed(job, now: 1)
    func inquiries(_ now: Double) -> [WorkerAction] {
      _ = worker.receive(.beat(.init(run: 9, step: 1)), now: now)
      return worker.tick(now: now).filter {
        switch $0 {
        case .inquire, .sendResult: true
        default: false
        }
      }
    }
    for second in 2...60 {
      #expect(inquiries(Double(second)) == [], "it is still leaving")
      if second % 20 == 0 { worker.sent(job, isAll: false, now: Double(second)) }
    }
    worker.sent(job, isAll: false, now: 60)
    #expect(inquiries(63) == [])
    worker.sent(job, isAll: true, now: 64)
    #expect(inquiries(65.9) == [])
    #expect(inquiries(66.1) == [.inquire(job, number: 1)])
    #expect(inquiries(68.2) == [.inquire(job, number: 1)], "no answer: the same again")
    #expect(
      worker.receive(missing(1, replica: 2), missing: [1], now: 69)
        == [.sendResult(job, chunks: [1])])
    worker.sent(job, isAll: true, now: 69)
    #expect(
      worker.receive(missing(1, replica: 2), missing: [1], now: 69.1) == [], "the second answer")
    #expect(inquiries(71.1) == [.inquire(job, number: 2)])
  }

  @Test func foreignAndLateFramesAreIgnored() {
    var worker = readyWorker()
    _ = worker.receive(lease(2, step: 3, []), now: 0)
    #expect(worker.receive(values(0, step: 2, run: 8), now: 0) == [])
    #expect(worker.receive(values(3, step: 2), now: 0) == [], "a chunk that no vector has")
    #expect(worker.receive(values(0, step: 1), now: 0) == [], "a version of the past")
    var wrong = values(0, step: 2)
    wrong.count += 1
    #expect(worker.receive(wrong, now: 0) == [])
    #expect(worker.receive(acknowledgement(step: 3, replica: 0), now: 0) == [])
    #expect(worker.receive(lease(1, step: 1, [0]), now: 0) == [], "an older lease")
    #expect(acceptedLease(of: &worker) == 2)
    #expect(worker.receive(.close(.init(run: 8, reason: "another run")), now: 0) == [])
    #expect(worker.receive(.welcome(welcome()), now: 0) == [])
    #expect(worker.isJoined)
  }

  @Test(arguments: [
    Lease(number: 1, step: .min, replicas: [0], evaluations: []),
    Lease(number: 1, step: -1, replicas: [], evaluations: []),
    Lease(number: 1, step: .max, replicas: [0], evaluations: []),
    Lease(number: 1, step: 0, replicas: [0], evaluations: []),
    Lease(number: 1, step: 1, replicas: [-1], evaluations: []),
    Lease(number: 1, step: 1, replicas: [4], evaluations: []),
    Lease(number: 1, step: 1, replicas: [], evaluations: [.init(step: -1, split: .test, part: 0)]),
    Lease(number: 1, step: 1, replicas: [], evaluations: [.init(step: 0, split: .test, part: -1)]),
  ])
  func impossibleLeasesAreIgnored(lease: Lease) {
    var worker = readyWorker()
    let notice = ControlMessage.LeaseNotice(run: 9, session: 1, lease: lease)
    #expect(worker.receive(.lease(notice), now: 0) == [])
    #expect(acceptedLease(of: &worker) == 0)
  }

  /// The number of the lease that the next heartbeat confirms.
  private func acceptedLease(of worker: inout WorkerState) -> Int? {
    for case .send(.heartbeat(let beat)) in worker.tick(now: 1) { return beat.lease }
    return nil
  }

  @Test(arguments: [Int.min, -1, 0, 65_536])
  func anImpossiblePortIsIgnored(port: Int) {
    var worker = joiningWorker()
    var impossible = welcome()
    impossible.dataPort = port
    #expect(worker.receive(.welcome(impossible), now: 0) == [])
    #expect(!worker.isJoined)
  }

  /// One connection that brings nothing may be half dead; two of them are a closed port.
  @Test func endsWhenTheDataPortIsSilentForTheJoinTime() {
    var worker = readyWorker()
    for second in 1...60 {
      let now = Double(second)
      _ = worker.receive(.beat(.init(run: 9, step: 1)), now: now)
      let actions = worker.tick(now: now)
      #expect(!actions.contains { if case .end = $0 { true } else { false } })
      #expect(worker.isJoined == (second != 31))
      guard second == 31 else { continue }
      guard case .send(.goodbye) = actions.first, case .log(let line) = actions.last else {
        Issue.record("\(actions)")
        return
      }
      #expect(line.contains("data port") && line.contains("joining again"))
      _ = worker.receive(.welcome(welcome()), now: now)
      _ = worker.prepared(valueCount: run.chunking.count, now: now)
    }
    _ = worker.receive(.beat(.init(run: 9, step: 1)), now: 61)
    let actions = worker.tick(now: 61.5)
    guard case .send(.goodbye(let departure)) = actions.first,
      case .end(.failed(let reason)) = actions.last
    else {
      Issue.record("\(actions)")
      return
    }
    #expect(reason.contains("port for data, 2,") && reason.contains("--data-port"))
    #expect(departure.reason == reason)
  }

  @Test func knocksAndStaysWithoutALeaseWhileTheDataPortAnswers() {
    var worker = readyWorker()
    let heard = DataHeader(kind: .heard, run: 9, session: 1, step: 0)
    var knocks = 0
    for second in 1...120 {
      let now = Double(second)
      _ = worker.receive(.beat(.init(run: 9, step: 1)), now: now)
      let actions = worker.tick(now: now)
      #expect(!actions.contains { if case .end = $0 { true } else { false } })
      guard actions.contains(.knock) else { continue }
      knocks += 1
      _ = worker.receive(heard, now: now)
    }
    #expect((25...40).contains(knocks), "every three seconds or so")
  }

  @Test func joinsAgainWhenOnlyTheDataConnectionIsDead() {
    var worker = readyWorker()
    _ = worker.receive(DataHeader(kind: .heard, run: 9, session: 1, step: 0), now: 0)
    for second in 1...30 {
      _ = worker.receive(.beat(.init(run: 9, step: 1)), now: Double(second))
      _ = worker.tick(now: Double(second))
      #expect(worker.isJoined)
    }
    _ = worker.receive(.beat(.init(run: 9, step: 1)), now: 31)
    let actions = worker.tick(now: 31)
    #expect(!worker.isJoined)
    guard case .send(.goodbye)? = actions.first else {
      Issue.record("\(actions)")
      return
    }
    #expect(worker.tick(now: 31.1) == [.send(.hello(fittingHello()))])
  }

  /// Short messages pass, long ones do not: as over a tunnel whose packets are shorter.
  @Test func backsOffWhenNoResultIsEverDelivered() {
    var worker = joiningWorker()
    var now = 0.0
    for pause in [30.0, 60, 120, 240, 300, 300] {
      #expect(worker.tick(now: now) == [.send(.hello(fittingHello()))])
      _ = worker.receive(.welcome(welcome()), now: now)
      _ = worker.prepared(valueCount: run.chunking.count, now: now)
      _ = worker.receive(DataHeader(kind: .heard, run: 9, session: 1, step: 0), now: now)
      _ = worker.receive(lease(1, step: 1, [0]), now: now)
      _ = worker.receive(.beat(.init(run: 9, step: 1)), now: now + 30)
      let line = worker.tick(now: now + 30.5).compactMap { action in
        if case .log(let line) = action { line } else { nil }
      }
      #expect(line.count == 1 && line[0].contains("MTU"), "\(line)")
      #expect(line.first?.hasSuffix("joining again in \(Int(pause)) s.") == true, "\(line)")
      #expect(!worker.isLooking(at: now + 30.5 + pause - 1))
      #expect(worker.tick(now: now + 30.5 + pause - 1) == [])
      now += 30.5 + pause
      #expect(worker.isLooking(at: now))
    }
    // One result that is acknowledged, and a lost connection is a lost connection again.
    _ = worker.tick(now: now)
    _ = worker.receive(.welcome(welcome()), now: now)
    _ = worker.prepared(valueCount: run.chunking.count, now: now)
    _ = worker.receive(lease(1, step: 1, [0]), now: now)
    for chunk in 0..<3 { _ = worker.receive(values(chunk, step: 0), now: now) }
    _ = worker.computed(.training(step: 1, replica: 0), now: now)
    _ = worker.receive(acknowledgement(step: 1, replica: 0), now: now)
    _ = worker.receive(.beat(.init(run: 9, step: 1)), now: now + 30)
    let last = worker.tick(now: now + 30.5).last
    #expect(
      last
        == .log("Nothing heard from the data port of server:1 for 30.5 s; joining again."))
  }

  @Test func looksForALostServerAsLongAsAServerWaits() {
    var worker = readyWorker()
    _ = worker.receive(.rejoin(.init()), now: 100)
    #expect(!worker.isJoined)
    #expect(worker.tick(now: 699) == [.send(.hello(fittingHello()))])
    guard case .end(.failed) = worker.tick(now: 701).first else {
      Issue.record("still there")
      return
    }
  }

  @Test func anImpossibleExperimentIsIgnored() {
    var worker = joiningWorker()
    var impossible = welcome()
    impossible.experiment.evaluationInterval = 0
    #expect(worker.receive(.welcome(impossible), now: 0) == [])
    #expect(!worker.isJoined)
  }

  @Test func fetchesWhatDoesNotArrive() {
    var worker = readyWorker()
    _ = worker.receive(lease(1, step: 1, [0]), now: 0)
    for chunk in 1...2 { _ = worker.receive(values(chunk, step: 0), now: 1) }
    #expect(!worker.tick(now: 2.9).contains(.fetch(step: 0, chunks: [0])))
    _ = worker.receive(.beat(.init(run: 9, step: 1)), now: 3)
    #expect(worker.tick(now: 3.1).contains(.fetch(step: 0, chunks: [0])))
    let part = EvaluationLease(step: 2, split: .validation, part: 0)
    #expect(!worker.tick(now: 7).contains(.fetch(step: 0, chunks: [0])), "it may be on its way")
    #expect(worker.tick(now: 7.2).contains(.fetch(step: 0, chunks: [0])))
    #expect(
      worker.receive(lease(2, step: 4, [], [part]), now: 7.3).contains(.fetch(step: 2, chunks: [])),
      "nobody sends old versions without being asked")
    #expect(
      worker.receive(lease(3, step: 4, [], [.init(step: 3, split: .validation, part: 0)]), now: 8)
        .contains(.fetch(step: 3, chunks: [])), "nor values to whoever computes no replica")
  }

  @Test func aNewLeaseFreesWhatItDoesNotNeed() {
    var worker = readyWorker()
    _ = worker.receive(lease(1, step: 1, [0, 1]), now: 0)
    for chunk in 0..<3 { _ = worker.receive(values(chunk, step: 0), now: 0) }
    let job = Job.training(step: 1, replica: 0)
    _ = worker.computed(job, now: 0)
    let actions = worker.receive(lease(2, step: 2, [0]), now: 1)
    #expect(Set(actions) == [.forgetResult(job), .forgetValues(step: 0)])
    #expect(
      worker.computed(.training(step: 1, replica: 1), now: 1)
        == [.forgetResult(.training(step: 1, replica: 1))])
  }

  @Test func aSilentServerIsGreetedAgain() {
    var worker = readyWorker()
    let heartbeat = ControlMessage.Heartbeat(run: 9, session: 1, lease: 0, isBusy: false)
    #expect(worker.tick(now: 9).contains(.send(.heartbeat(heartbeat))))
    #expect(
      worker.tick(now: 9.1)
        == [.log("Nothing heard from server:1 for 9.1 s; joining again.")])
    #expect(worker.tick(now: 9.2) == [.send(.hello(fittingHello()))])
    #expect(worker.receive(.welcome(welcome(run: 10)), now: 9.3) == [.prepare(welcome(run: 10))])
  }

  @Test func whatWasBegunForAnotherRunIsNotSent() {
    var worker = readyWorker()
    _ = worker.receive(lease(1, step: 1, [0]), now: 0)
    for chunk in 0..<3 { _ = worker.receive(values(chunk, step: 0), now: 0) }
    _ = worker.receive(.rejoin(.init()), now: 1)
    _ = worker.receive(.welcome(welcome(run: 10)), now: 1)
    _ = worker.prepared(valueCount: run.chunking.count, now: 1)
    let notice = Lease(number: 1, step: 1, replicas: [0], evaluations: [])
    _ = worker.receive(.lease(.init(run: 10, session: 1, lease: notice)), now: 1)
    for chunk in 0..<3 {
      #expect(!worker.receive(values(chunk, step: 0, run: 10), now: 1).isEmpty)
    }
    let job = Job.training(step: 1, replica: 0)
    #expect(worker.computed(job, now: 2) == [.forgetResult(job), .compute(job)])
    #expect(worker.computed(job, now: 3) == [.sendResult(job, chunks: nil)])
  }

  @Test func aWorkerThatRejoinsWhileItPreparesJoinsOnlyOnce() {
    var worker = joiningWorker()
    _ = worker.receive(.welcome(welcome()), now: 0)
    _ = worker.receive(.rejoin(.init()), now: 1)
    #expect(worker.tick(now: 2) == [])
    #expect(worker.receive(.welcome(welcome(session: 2)), now: 2) == [])
    #expect(worker.prepared(valueCount: 5, now: 3) == [])
    #expect(worker.tick(now: 3) == [.send(.hello(fittingHello()))])
  }

  @Test func saysGoodbyeWhenItIsToldToLeave() {
    var worker = readyWorker()
    #expect(
      worker.leave() == [
        .send(.goodbye(.init(run: 9, session: 1, reason: "it was told to"))), .end(.left),
      ])
  }

  @Test func aFailureNamesTheJob() {
    var worker = readyWorker()
    let reason = "step 2, replica 1: no such sample"
    #expect(
      worker.computationFailed(.training(step: 2, replica: 1), reason: "no such sample") == [
        .send(.failed(.init(run: 9, session: 1, step: 2, replica: 1, reason: reason))),
        .end(.failed(reason)),
      ])
  }
}
