// Who computes what, and what follows when it is in: a pure value, events in, actions out.

import Learning

/// The course of a run: who computes what, what was measured, which phase comes next.
///
/// It is the server's half of the protocol, and a single process has the same one, with itself as
/// its peer.
///
/// The numbers themselves are in `Slice`. Times are seconds on any clock that does not go back.
struct Coordinator<Peer: Hashable & Sendable>: Sendable {
  /// What does not change while the server runs.
  struct Configuration: Sendable {
    var run: UInt64
    var dataPort: Int
    var experiment: Experiment
    var facts: TaskFacts
    var numerics: Digest
    var engine: String
    /// What a worker that draws the same samples finds; `nil` if nobody here has the data.
    var samples: Digest?
    var chunkScalars = Chunking.standardScalars
    /// The workers to wait for before the first step.
    var expectedWorkers: Int
    var deadlines: Deadlines
    /// Whether workers are to send spans, for a trace.
    var takesSpans = false
    /// Which replicas are computed twice.
    var audit = AuditChoice.none
    /// Makes the number of a session from its count; in a server a random one.
    var sessionID: @Sendable (_ count: Int) -> SessionID = { _ in .random(in: 1...SessionID.max) }

    /// How values are cut, and contributions, which are as long.
    var chunking: Chunking { .init(count: facts.layout.valueCount, chunkScalars: chunkScalars) }
  }

  /// A worker that has joined.
  struct Session: Sendable {
    /// Counts the sessions.
    let number: Int
    let name: String
    /// The key that said hello; `nil` where nobody is asked for one.
    var key: String?
    var control: Peer
    /// Known from the session's first message on the data socket.
    var data: Peer?
    var lastHeard: Double
    /// Whether it is this process itself, which is never silent and evaluates at once.
    var isLocal = false
    var lease = Lease.none
    var leaseSentAt = 0.0
    /// The number of the last lease that the worker has confirmed.
    var leaseSeen = 0
    /// Whether its last heartbeat said that it computes.
    var isBusy = false
    /// Whether its work had to be given to a second worker, and its data socket has not shown since
    /// that it lives.
    var isStuck = false
    /// How often that has happened since a result was in in time, and until when it then rests.
    var strikes = 0
    var restsUntil = -Double.infinity
    /// The newest version of the values that it was sent without asking.
    var sentVersion = -1
    /// Whether it has built its task, which its first message on the data socket shows.
    var isReady: Bool { data != nil }
  }

  enum Phase: Hashable, Sendable {
    /// Waiting for the expected workers.
    case gathering
    /// Collecting the contributions of `step`.
    case training
    /// All steps are applied; evaluations are outstanding.
    case evaluating
    case ended
  }

  let configuration: Configuration
  var phase = Phase.gathering
  /// The step whose contributions are being collected.
  var step: Int
  var sessions: [SessionID: Session] = [:]
  var replicas: ReplicaLedger
  var evaluations: [EvaluationLedger] = []
  /// When time was last noted to have passed.
  private var tickedAt: Double?
  /// How many sessions there have been.
  var sessionCount = 0
  /// When a line was last said about a refusal, and how many there have been since.
  var refusalNotedAt = -Double.infinity
  var unnotedRefusals = 0
  /// What workers could not compute: their names and reasons.
  var failures: [Job: [FailureReport]] = [:]
  /// The replicas whose contributions were not finite, while others compute them once more.
  var doubts: [Doubt] = []
  /// Messages that named a session of another key's.
  var foreign = DropCounter()
  /// The names of the sessions of this step's audits, which outlive them.
  var names: [SessionID: String] = [:]
  /// Since when there has been nobody to decide between two answers.
  var undecidedSince: Double?
  /// Whether `applyStep` was said and `stepApplied` is due.
  var isApplying = false
  /// Whether people know that there is nobody to compare with.
  var hasSaidAuditIsIdle = false
  /// Whether there was no worker for a part of the step.
  var hasBeenAlone = false
  /// Since when there has been no worker.
  var aloneSince: Double
  let startedAt: Double
  /// When the contributions of the step were first asked for.
  var stepStartedAt: Double
  /// How many evaluations may be outstanding when a step begins: each keeps a version.
  static var evaluationLimit: Int { 2 }
  /// The time that steps usually take.
  var usualStepSeconds = 0.0
  var stopRequestedAt: Double?
  /// Whether the step waits until fewer evaluations are outstanding.
  var isHeldBack = false
  /// How long a replica that nobody else can compute is waited for without another word.
  var silentWaitSeconds = 0.0
  var hasChosenBest = false
  /// What each worker has done, for people.
  var tallies = WorkerTallies()

  /// A server that has version `step - 1` and collects contributions for `step`.
  init(_ configuration: Configuration, step: Int, now: Double) {
    self.configuration = configuration
    self.step = step
    replicas = ReplicaLedger(
      replicas: configuration.experiment.replicas,
      chunkCount: configuration.chunking.chunkCount)
    aloneSince = now
    startedAt = now
    stepStartedAt = now
  }

  /// The workers that have joined; `nil` in a single process.
  var workerCount: Int? { sessions.values.contains(where: \.isLocal) ? nil : sessions.count }

  /// Whether a stop was asked for.
  var isStopRequested: Bool { stopRequestedAt != nil }

  /// The sessions in a fixed order, so that the same events give the same actions.
  var sessionsInOrder: [SessionID] {
    sessions.sorted { $0.value.number < $1.value.number }.map(\.key)
  }

  /// The sessions that work is given to: those that are ready and not stuck, or, rather than none,
  /// those that are ready.
  var workingSessions: [SessionID] {
    let ready = sessionsInOrder.filter { sessions[$0]?.isReady == true }
    let prompt = ready.filter { sessions[$0]?.isStuck == false }
    return prompt.isEmpty ? ready : prompt
  }

  // MARK: Events

  /// A control message arrived.
  ///
  /// - Parameter key: the public key that its connection has proved; `nil` where there are no keys.
  mutating func receive(
    _ message: ControlMessage, from peer: Peer, key: String? = nil, now: Double
  ) -> [CoordinatorAction<Peer>] {
    guard !isForeign(message.session, key: key) else { return [] }
    switch message {
    // The last word may have to wait for a disk; until it is said the server is alive.
    case .heartbeat(let beat):
      guard isKnown(beat.run, beat.session) else { return [.send(.rejoin(.init()), to: peer)] }
      sessions[beat.session]?.control = peer
      sessions[beat.session]?.lastHeard = now
      sessions[beat.session]?.leaseSeen = beat.lease
      sessions[beat.session]?.isBusy = beat.isBusy
      tallies.reported(beat.times, by: beat.session)
      let answer = ControlMessage.Beat(
        run: configuration.run, step: step, sentAt: beat.sentAt,
        heardAt: beat.sentAt == nil ? nil : now)
      return [.send(.beat(answer), to: peer)]
    case _ where phase == .ended: return []
    case .hello(let hello): return admit(hello, from: peer, key: key, now: now)
    case .goodbye(let departure):
      guard isKnown(departure.run, departure.session) else { return [] }
      return remove(departure.session, because: "left (\(departure.reason.printable))", now: now)
    case .failed(let failure): return take(failure, now: now)
    case .welcome, .refused, .lease, .beat, .rejoin, .close:
      return []
    }
  }

  /// A message arrived on the data socket whose header is sound; the payload is kept only if the
  /// actions say so.
  ///
  /// - Parameters:
  ///   - measurements: the payload of a message of measurements.
  ///   - hash: that of the payload, if it is of a replica that is audited.
  ///   - key: the public key that its connection has proved; `nil` where there are no keys.
  mutating func receive(
    _ header: DataHeader, measurements: [Measurement] = [], hash: UInt64 = 0, from peer: Peer,
    key: String? = nil, now: Double
  ) -> [CoordinatorAction<Peer>] {
    guard phase != .ended, isKnown(header.run, header.session), header.shard == 0,
      !isForeign(header.session, key: key)
    else { return [] }
    let wasReady = sessions[header.session]?.isReady == true
    sessions[header.session]?.data = peer
    sessions[header.session]?.lastHeard = now
    switch (header.kind, header.purpose) {
    case (.knock, _):
      if sessions[header.session]?.isBusy == false { showedLife(header.session, now: now) }
      let answer = CoordinatorAction<Peer>.answerKnock(header, to: peer)
      guard !wasReady else { return [answer] }
      return [answer] + (phase == .gathering ? beginStep(now: now) : leaseOutstanding(now: now))
    case (.fetch, _): return answerFetch(header, to: peer)
    case (.inquiry, _): return answerInquiry(header, to: peer)
    case (.contribution, .training): return takeChunk(header, hash: hash, from: peer, now: now)
    case (.measurements, .training):
      return takeMeasurements(header, measurements, from: peer, now: now)
    case (.measurements, _): return takeEvaluation(header, measurements, from: peer, now: now)
    case (.values, _), (.acknowledgement, _), (.contribution, _), (.missing, _), (.heard, _),
      (.spans, _):
      return []
    }
  }

  /// The loop has applied the step that `applyStep` named.
  mutating func stepApplied(now: Double) -> [CoordinatorAction<Peer>] {
    (isApplying, undecidedSince) = (false, nil)
    // A step that waited for a stuck worker, or for any worker, is not usual; counting it would
    // make every such wait longer than the one before.
    if !replicas.isRaced && !hasBeenAlone {
      let seconds = now - stepStartedAt
      usualStepSeconds = usualStepSeconds == 0 ? seconds : 0.9 * usualStepSeconds + 0.1 * seconds
    }
    var actions: [CoordinatorAction<Peer>] = []
    if configuration.experiment.evaluates(step: step) {
      actions += addEvaluation(of: step, on: .validation)
    }
    step += 1
    replicas.reset()
    hasBeenAlone = false
    if isStopRequested { return actions + end(.stopped) }
    failures = failures.filter { if case .evaluation = $0.key { true } else { false } }
    let doubted = doubts
    doubts = []
    actions += beginStep(now: now)
    return actions + doubted.flatMap { sendAway($0, now: now) }
  }

  /// Adds an evaluation that is still due, as of a checkpoint that a crash left unevaluated.
  mutating func addEvaluation(of step: Int, on split: Split) -> [CoordinatorAction<Peer>] {
    let partCount = configuration.facts.evaluationPartCount(of: split)
    guard partCount > 0 else {
      // Without samples there is nothing to wait for.
      return [
        .finishEvaluation(
          step: step, split: split, Measurements(of: configuration.facts.metrics))
      ]
    }
    evaluations.append(EvaluationLedger(step: step, split: split, partCount: partCount))
    return []
  }

  /// The loop has chosen the version to report on.
  mutating func evaluateOnTest(step: Int, now: Double) -> [CoordinatorAction<Peer>] {
    hasChosenBest = true
    return addEvaluation(of: step, on: .test) + leaseOutstanding(now: now)
  }

  /// A stop was asked for: the step in progress may finish.
  mutating func requestStop(now: Double) -> [CoordinatorAction<Peer>] {
    guard phase != .ended, stopRequestedAt == nil else { return [] }
    stopRequestedAt = now
    return phase == .training && !sessions.isEmpty ? [] : end(.stopped)
  }

  /// Time passed.
  ///
  /// To be called a few times a second.
  mutating func tick(now: Double) -> [CoordinatorAction<Peer>] {
    guard phase != .ended else { return [] }
    let deadlines = configuration.deadlines
    if let asked = stopRequestedAt, now - asked > deadlines.stopSeconds {
      return end(.stopped)
    }
    forgive(until: now)
    var actions = foreign.report(now: now).map { CoordinatorAction<Peer>.tell(.dropped($0)) }
    for id in sessionsInOrder {
      guard let session = sessions[id], !session.isLocal else { continue }
      let silence = now - session.lastHeard
      if silence > deadlines.silenceSeconds {
        let said = "has not been heard of for \(tenths(silence)) s at step \(step)"
        actions += remove(id, because: said, now: now)
      } else if session.leaseSeen < session.lease.number,
        now - session.leaseSentAt > deadlines.resendSeconds
      {
        sessions[id]?.leaseSentAt = now
        actions.append(.send(notice(of: session.lease, to: id), to: session.control))
      }
    }
    if sessions.isEmpty {
      let waited = now - aloneSince
      guard waited <= deadlines.waitSeconds else {
        return actions
          + end(
            .failed(
              """
              No worker for \(tenths(waited)) s at step \(step). Start one by Worker --server with \
              the address that was printed first.
              """))
      }
      return actions
    }
    if phase == .gathering { return actions + beginStep(now: now) }
    // Who is idle has answered in this step: that tells how long an answer takes before the first
    // step is through.
    let usual = max(usualStepSeconds, replicas.longestAnswer)
    actions += race(after: max(deadlines.raceSeconds, 5 * usual), now: now)
    return actions + leaseOutstanding(now: now)
  }

  /// A server that was stopped, or waited for a disk, heard nobody meanwhile: that is no silence of
  /// theirs.
  private mutating func forgive(until now: Double) {
    let gap = now - (tickedAt ?? now)
    tickedAt = now
    guard gap > 1 else { return }
    for id in sessions.keys { sessions[id]?.lastHeard += gap }
  }

  // MARK: Ending

  mutating func end(_ ending: RunEnding) -> [CoordinatorAction<Peer>] {
    phase = .ended
    let reason =
      switch ending {
      case .completed: "the run is complete"
      case .stopped: WorkerEnding.stopReason
      case .diverged(let reason), .failed(let reason): "the run failed: \(reason)"
      }
    let isFailure = ending != .completed && ending != .stopped
    let close = ControlMessage.close(
      .init(run: configuration.run, isFailure: isFailure, reason: reason))
    return sessionsInOrder.compactMap { id in
      sessions[id].map { .send(close, to: $0.control) }
    } + [.end(ending)]
  }
}

func tenths(_ seconds: Double) -> String {
  let tenths = Int((seconds * 10).rounded())
  return "\(tenths / 10).\(tenths % 10)"
}
