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

    /// How values are cut, and contributions, which are as long.
    var chunking: Chunking { .init(count: facts.layout.valueCount, chunkScalars: chunkScalars) }
  }

  /// A worker that has joined.
  struct Session: Sendable {
    let name: String
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
    /// Whether its work had to be given to a second worker, and nothing has come from it since nor
    /// has it become idle.
    var isStuck = false
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
  var sessions: [UInt32: Session] = [:]
  var replicas: ReplicaLedger
  var evaluations: [EvaluationLedger] = []
  var nextSession: UInt32 = 1
  /// Whether there was no worker for a part of the step.
  var hasBeenAlone = false
  /// Since when there has been no worker.
  var aloneSince: Double
  private let startedAt: Double
  /// When the contributions of the step were first asked for.
  var stepStartedAt: Double
  /// The time that steps usually take.
  private var usualStepSeconds = 0.0
  private var stopRequestedAt: Double?
  private var hasChosenBest = false

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
  var sessionsInOrder: [UInt32] { sessions.keys.sorted() }

  /// The sessions that work is given to: those that are ready and not stuck, or, rather than none,
  /// those that are ready.
  var workingSessions: [UInt32] {
    let ready = sessionsInOrder.filter { sessions[$0]?.isReady == true }
    let prompt = ready.filter { sessions[$0]?.isStuck == false }
    return prompt.isEmpty ? ready : prompt
  }

  // MARK: Events

  /// A control message arrived.
  mutating func receive(_ message: ControlMessage, from peer: Peer, now: Double)
    -> [CoordinatorAction<Peer>]
  {
    guard phase != .ended else { return [] }
    switch message {
    case .hello(let hello): return admit(hello, from: peer, now: now)
    case .heartbeat(let beat):
      guard isKnown(beat.run, beat.session) else { return [.send(.rejoin(.init()), to: peer)] }
      sessions[beat.session]?.control = peer
      sessions[beat.session]?.lastHeard = now
      sessions[beat.session]?.leaseSeen = beat.lease
      if !beat.isBusy { sessions[beat.session]?.isStuck = false }
      return [.send(.beat(.init(run: configuration.run, step: step)), to: peer)]
    case .goodbye(let departure):
      guard isKnown(departure.run, departure.session) else { return [] }
      return remove(departure.session, because: "left (\(departure.reason.printable))", now: now)
    case .failed(let departure):
      guard isKnown(departure.run, departure.session), let session = sessions[departure.session]
      else { return [] }
      return end(.failed("\(session.name): \(departure.reason.printable)"))
    case .welcome, .refused, .lease, .beat, .rejoin, .close:
      return []
    }
  }

  /// A message arrived on the data socket whose header is sound; the payload is kept only if the
  /// actions say so.
  ///
  /// - Parameter measurements: the payload of a message of measurements.
  mutating func receive(
    _ header: DataHeader, measurements: [Measurement] = [], from peer: Peer, now: Double
  ) -> [CoordinatorAction<Peer>] {
    guard phase != .ended, isKnown(header.run, header.session), header.shard == 0 else { return [] }
    let wasReady = sessions[header.session]?.isReady == true
    sessions[header.session]?.data = peer
    sessions[header.session]?.lastHeard = now
    switch (header.kind, header.purpose) {
    case (.fetch, _):
      let values = answerFetch(header, to: peer)
      guard !wasReady else { return values }
      return values + (phase == .gathering ? beginStep(now: now) : leaseOutstanding(now: now))
    case (.contribution, .training): return takeChunk(header, from: peer, now: now)
    case (.measurements, .training):
      return takeMeasurements(header, measurements, from: peer, now: now)
    case (.measurements, _): return takeEvaluation(header, measurements, from: peer, now: now)
    case (.values, _), (.acknowledgement, _), (.contribution, _): return []
    }
  }

  /// The loop has applied the step that `applyStep` named.
  mutating func stepApplied(now: Double) -> [CoordinatorAction<Peer>] {
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
    for id in sessionsInOrder {
      guard let data = sessions[id]?.data, step <= configuration.experiment.steps else { continue }
      actions.append(
        .sendValues(
          step: step - 1, chunks: Array(0..<configuration.chunking.chunkCount), session: id,
          to: data)
      )
    }
    return actions + beginStep(now: now)
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
    var actions: [CoordinatorAction<Peer>] = []
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

  // MARK: Ending

  mutating func end(_ ending: RunEnding) -> [CoordinatorAction<Peer>] {
    phase = .ended
    let reason =
      switch ending {
      case .completed: "the run is complete"
      case .stopped: "the run was stopped"
      case .diverged(let reason), .failed(let reason): "the run failed: \(reason)"
      }
    let close = ControlMessage.close(.init(run: configuration.run, reason: reason))
    return sessionsInOrder.compactMap { id in
      sessions[id].map { .send(close, to: $0.control) }
    } + [.end(ending)]
  }

  // MARK: Steps

  mutating func beginStep(now: Double) -> [CoordinatorAction<Peer>] {
    stepStartedAt = now
    guard step <= configuration.experiment.steps else {
      phase = .evaluating
      return leaseOutstanding(now: now)
    }
    if phase == .gathering {
      let isGathered = workingSessions.count >= configuration.expectedWorkers
      let isLate = now - startedAt > configuration.deadlines.gatherSeconds
      guard !workingSessions.isEmpty, isGathered || isLate else { return [] }
    }
    phase = .training
    replicas.assignBlocks(to: workingSessions, now: now)
    grantEvaluations(now: now)
    return sendChangedLeases(now: now)
  }

  /// Leases whatever nobody holds, and tells those whose lease changed.
  mutating func leaseOutstanding(now: Double) -> [CoordinatorAction<Peer>] {
    guard !sessions.isEmpty else { return [] }
    if phase == .training { replicas.assignOrphans(to: workingSessions, now: now) }
    if phase == .evaluating {
      if evaluations.isEmpty { return hasChosenBest ? end(.completed) : [.chooseBest] }
      grantEvaluations(now: now)
    }
    return sendChangedLeases(now: now)
  }

  private mutating func race(after patience: Double, now: Double) -> [CoordinatorAction<Peer>] {
    var actions: [CoordinatorAction<Peer>] = []
    for index in evaluations.indices {
      for id in evaluations[index].releaseParts(leasedBefore: now - patience) {
        sessions[id]?.isStuck = true
        actions.append(
          .tell(
            .note(
              """
              The evaluation of step \(evaluations[index].step) waited \(tenths(patience)) s for \
              \(sessions[id]?.name ?? "a worker"); others compute its parts.
              """)))
      }
    }
    guard phase == .training else { return actions }
    let races = replicas.raceLaggards(after: patience, among: workingSessions, now: now)
    for race in races { sessions[race.first]?.isStuck = true }
    return actions
      + races.map { race in
        .tell(
          .note(
            """
            Replica \(race.replica) of step \(step) is not in after \(tenths(patience)) s; \
            \(sessions[race.second]?.name ?? "a worker") computes it as well as \
            \(sessions[race.first]?.name ?? "another").
            """))
      }
  }

  /// Hands out parts of evaluations: while training so few that they are done half-way to the next
  /// evaluation, afterwards as many as keep a worker busy.
  private mutating func grantEvaluations(now: Double) {
    let experiment = configuration.experiment
    let workers = workingSessions
    guard !workers.isEmpty else { return }
    for index in evaluations.indices {
      var share = 2
      if phase == .training {
        let stepsToUse = max(
          1, min(experiment.evaluationInterval, experiment.steps - step + 1) / 2)
        let slots = stepsToUse * workers.count
        // A lease has to fit into a message, and a replica is not to wait long behind parts.
        share = min(64, (evaluations[index].parts.count + slots - 1) / slots)
      }
      if workerCount == nil { share = evaluations[index].parts.count }
      for id in workers { evaluations[index].grant(upTo: share, to: id, now: now) }
    }
  }

  private mutating func sendChangedLeases(now: Double) -> [CoordinatorAction<Peer>] {
    var actions: [CoordinatorAction<Peer>] = []
    for id in sessionsInOrder {
      guard let session = sessions[id], session.isReady else { continue }
      var lease = session.lease
      lease.step = step
      lease.replicas = phase == .training ? replicas.held(by: id) : []
      lease.evaluations = evaluations.flatMap { $0.held(by: id) }
      guard lease != session.lease else { continue }
      // A worker that only finished something knows so itself.
      let isNews =
        lease.step != session.lease.step
        || !Set(lease.jobs).isSubset(of: Set(session.lease.jobs))
      sessions[id]?.lease = lease
      guard isNews else { continue }
      lease.number += 1
      sessions[id]?.lease = lease
      sessions[id]?.leaseSentAt = now
      actions.append(.send(notice(of: lease, to: id), to: session.control))
    }
    return actions
  }

  private func notice(of lease: Lease, to session: UInt32) -> ControlMessage {
    .lease(.init(run: configuration.run, session: session, lease: lease))
  }
}

func tenths(_ seconds: Double) -> String {
  let tenths = Int((seconds * 10).rounded())
  return "\(tenths / 10).\(tenths % 10)"
}
