// The life of a run, once for all ways to compute it: the coordinator's decisions, the values, what
// is kept, and who is told.

import Files
import Learning
import NeuralNetworks
import Tensors

/// A run that is being computed, whoever computes: it takes what came in, does what the coordinator
/// says, and hands out what is to be sent.
///
/// A parameter server puts sockets around it, a single process itself, a simulation made-up ones.
struct LiveRun<Peer: Hashable & Sendable, Store: RunStore> {
  /// What is to be sent.
  enum Outgoing {
    case control(ControlMessage, to: Peer)
    case values(step: Int, chunks: [Int], session: SessionID, to: Peer)
    /// A message on the data socket whose payload is small, or that has none.
    case answer(DataHeader, payload: [UInt8], to: Peer)
  }

  private(set) var coordinator: Coordinator<Peer>
  /// The newest version.
  private(set) var state: TrainingState
  /// How the run ended; `nil` while it goes on.
  private(set) var ending: RunEnding?
  /// What the run keeps.
  private(set) var store: Store
  private let observers: RunObservers
  private let times: Stopwatch
  private var slots: ContributionSlots
  /// The older versions that are being evaluated, flat.
  private var evaluated: [Int: Tensor] = [:]
  /// When the last step was applied; `nil` before the first one.
  private var appliedAt: Double?
  /// The evaluation of the version that the run reports on, once all steps are done.
  private var chosen: EvaluationReport?
  /// What waits until the store has come so far.
  private var awaited: Awaited?

  private enum Awaited {
    /// The next step, until the store has room for it.
    case nextStep
    /// The end, with the last words to those who compute, until everything is kept.
    case end(RunEnding, [Outgoing])
  }

  /// A run that goes on from a version.
  init(
    _ configuration: Coordinator<Peer>.Configuration, from state: TrainingState, store: Store,
    observers: RunObservers, times: Stopwatch = Stopwatch(beginning: .receiving), now: Double
  ) throws {
    self.state = state
    self.store = store
    self.observers = observers
    self.times = times
    times.step = state.step + 1
    slots = ContributionSlots(
      of: configuration.facts.layout, chunking: configuration.chunking,
      replicas: configuration.experiment.replicas)
    coordinator = Coordinator(configuration, step: state.step + 1, now: now)
    for step in store.unevaluatedSteps {
      if step != state.step { evaluated[step] = try store.state(atStep: step).flat }
      _ = try perform(coordinator.addEvaluation(of: step, on: .validation), now: now)
    }
  }

  /// A version that somebody may ask for, flat: the newest, or one that is being evaluated.
  func values(ofStep step: Int) -> Tensor? { step == state.step ? state.flat : evaluated[step] }

  /// What the processes of the run have spent their time with; `nil` in a single process.
  private var activity: RunActivity? {
    coordinator.workerCount.map { _ in
      RunActivity(server: .init(times), workers: coordinator.tallies.activities)
    }
  }

  // MARK: What comes in

  /// A control message arrived, over a connection that has proved a key, or without keys.
  mutating func receive(
    _ message: ControlMessage, from peer: Peer, key: String? = nil, now: Double
  ) throws -> [Outgoing] {
    try perform(coordinator.receive(message, from: peer, key: key, now: now), now: now)
  }

  /// A message arrived on the data socket whose header is sound.
  ///
  /// Throws a `WireError` if the payload is not.
  mutating func receive(
    _ header: DataHeader, payload: UnsafeRawBufferPointer, from peer: Peer, key: String? = nil,
    now: Double
  ) throws -> [Outgoing] {
    let measurements: [Measurement] =
      header.kind == .measurements ? try .init(decoding: payload) : []
    let actions = coordinator.receive(
      header, measurements: measurements,
      hash: coordinator.isAudited(header) ? DataHeader.hash(of: payload) : 0, from: peer, key: key,
      now: now)
    return try perform(actions, payload: payload, now: now)
  }

  /// Time passed.
  ///
  /// To be called a few times a second.
  mutating func tick(now: Double) throws -> [Outgoing] {
    try store.check()
    let outgoing = try goOn(now: now)
    return outgoing + (try perform(coordinator.tick(now: now), now: now))
  }

  /// A stop was asked for: the step in progress may finish.
  mutating func requestStop(now: Double) throws -> [Outgoing] {
    try perform(coordinator.requestStop(now: now), now: now)
  }

  /// The run ends here.
  mutating func end(_ ending: RunEnding, now: Double) throws -> [Outgoing] {
    try perform(coordinator.end(ending), now: now)
  }

  /// The run ends because something could not be kept: whoever computes is told, and nothing more
  /// is written.
  mutating func abandon(because reason: String) -> [Outgoing] {
    let ending = RunEnding.failed(reason)
    self.ending = ending
    observers.tell(.ended(ending))
    return coordinator.end(ending).compactMap { action in
      if case .send(let message, let peer) = action { .control(message, to: peer) } else { nil }
    }
  }

  /// Makes this process the only worker.
  mutating func joinLocally(as peer: Peer, now: Double) throws {
    _ = try perform(coordinator.joinLocally(as: peer, now: now), now: now)
  }

  /// This process has computed the coordinator's `localJob`.
  mutating func computed(_ job: Job, _ result: JobResult, now: Double) throws {
    if case .training(_, let replica) = job, let contribution = result.contribution {
      slots.store(contribution, of: replica)
    } else {
      // What evaluates takes time that is not the next step's.
      appliedAt = now
    }
    let actions = coordinator.computed(
      job, result.measurements, dataWait: result.dataWait, now: now)
    _ = try perform(actions, now: now)
  }

  // MARK: What is done

  private mutating func perform(
    _ actions: [CoordinatorAction<Peer>],
    payload: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0), now: Double
  ) throws -> [Outgoing] {
    var outgoing: [Outgoing] = []
    var queue = actions
    while !queue.isEmpty {
      switch queue.removeFirst() {
      case .send(let message, let peer): outgoing.append(.control(message, to: peer))
      case .sendValues(let step, let chunks, let session, let peer):
        outgoing.append(.values(step: step, chunks: chunks, session: session, to: peer))
      case .acknowledge(let header, let peer):
        outgoing.append(.answer(header.answer(.acknowledgement), payload: [], to: peer))
      case .sendMissing(let header, let chunks, let peer):
        var answer = header.answer(.missing)
        (answer.number, answer.count) = (header.number, chunks.count)
        outgoing.append(.answer(answer, payload: MissingChunks(chunks).encoded, to: peer))
      case .answerKnock(let header, let peer):
        outgoing.append(.answer(header.answer(.heard), payload: [], to: peer))
      case .store(let replica, let chunk): slots.store(payload, chunk: chunk, of: replica)
      case .keep(let replica, let chunk, let session):
        slots.keep(payload, chunk: chunk, of: replica, from: session)
      case .adopt(let replica, let session): slots.adopt(replica, from: session)
      case .applyStep(_, let measurements, let waitedFor, let dataWait):
        queue += try apply(measurements, waitedFor: waitedFor, dataWait: dataWait, now: now)
      case .finishEvaluation(let step, let split, let measurements):
        queue += try finishEvaluation(of: step, on: split, measurements)
      case .chooseBest: queue += try chooseBest(now: now)
      case .tell(let happening): observers.tell(RunEvent(happening))
      case .end(let ending):
        if ending != .completed { try writeCheckpoint() }
        awaited = .end(ending, outgoing)
        return try goOn(now: now)
      }
    }
    return outgoing
  }

  /// Does what the store was waited for with, if it has come so far.
  private mutating func goOn(now: Double) throws -> [Outgoing] {
    switch awaited {
    case .nextStep where store.hasRoom:
      awaited = nil
      return try perform(beginNextStep(now: now), now: now)
    case .end(let ending, let lastWords) where store.isSettled:
      // What could not be kept makes it another end.
      try store.check()
      awaited = nil
      self.ending = ending
      observers.tell(.ended(ending))
      return lastWords
    default: return []
    }
  }

  private mutating func apply(
    _ measurements: [[Measurement]], waitedFor: String?, dataWait: Double, now: Double
  ) throws -> [CoordinatorAction<Peer>] {
    let configuration = coordinator.configuration
    // Whoever evaluates it holds the version; otherwise its memory becomes that of the next.
    if coordinator.evaluations.contains(where: { $0.step == state.step }) {
      evaluated[state.step] = state.flat
    }
    let outcome: StepOutcome
    let times = times
    do {
      outcome = try times.during(.summing) {
        try state.apply(
          slots.results(measurements), of: configuration.experiment,
          metrics: configuration.facts.metrics, summed: { times.turn(to: .updating) })
      }
    } catch let divergence as Divergence {
      return coordinator.notFinite(divergence, now: now)
    }
    // The first step begins when its workers are there; the wait for them is not its time.
    let seconds = now - (appliedAt ?? coordinator.stepStartedAt)
    appliedAt = now
    let record = try times.during(.recording) {
      try store.record(
        outcome, state: state, seconds: seconds, dataWait: dataWait, waitedFor: waitedFor,
        workers: coordinator.workerCount)
    }
    observers.tell(.step(record))
    if configuration.experiment.evaluates(step: state.step)
      || store.isCheckpointDue(atStep: state.step)
    {
      try writeCheckpoint()
    }
    guard store.hasRoom else {
      awaited = .nextStep
      return []
    }
    return beginNextStep(now: now)
  }

  private mutating func beginNextStep(now: Double) -> [CoordinatorAction<Peer>] {
    let actions = coordinator.stepApplied(now: now)
    times.step = coordinator.step
    return actions
  }

  private mutating func writeCheckpoint() throws {
    let isNew = try times.during(.checkpointing) { try store.writeCheckpoint(state) }
    if isNew { observers.tell(.checkpoint(step: state.step)) }
  }

  private mutating func finishEvaluation(
    of step: Int, on split: Split, _ measurements: Measurements
  ) throws -> [CoordinatorAction<Peer>] {
    guard measurements.loss?.isFinite ?? true else {
      let divergence = Divergence("The loss", of: .split(split), step: step)
      return coordinator.end(.diverged(divergence.description))
    }
    let report = try times.during(.recording) {
      try store.recordEvaluation(step: step, split: split, measurements: measurements)
    }
    observers.tell(.evaluation(report))
    evaluated[step] = nil
    if split == .test, let chosen {
      try store.finish(state: state, validation: chosen, test: report, activity: activity)
    }
    return []
  }

  /// The version to report on: the best that is kept.
  private mutating func chooseBest(now: Double) throws -> [CoordinatorAction<Peer>] {
    // Asked again with the next tick.
    guard let kept = try store.survey(beside: state) else { return [] }
    guard let best = kept.best else {
      return coordinator.end(
        .failed("No version that was evaluated has its checkpoint in the run's directory."))
    }
    if let lost = kept.bestEvaluated, lost.step != best.step {
      observers.tell(
        .note(
          "The checkpoint of step \(lost.step), the best by validation, is gone; step "
            + "\(best.step) is the best of those that are there."))
    }
    chosen = best
    if let older = kept.state { evaluated[best.step] = older.flat }
    return coordinator.evaluateOnTest(step: best.step, now: now)
  }
}

extension RunEvent {
  /// The event that a coordinator tells of.
  fileprivate init<Peer>(_ happening: CoordinatorAction<Peer>.Happening) {
    switch happening {
    case .joined(let worker, let step): self = .joined(worker: worker, step: step)
    case .left(let worker, let consequence):
      self = .left(worker: worker, consequence: consequence)
    case .evaluated(let part, let count): self = .evaluationProgress(part: part, of: count)
    case .dropped(let line): self = .dropped(line)
    case .note(let line): self = .note(line)
    }
  }
}

extension DataHeader {
  /// The header of an answer to what came with this one.
  fileprivate func answer(_ kind: Kind) -> DataHeader {
    var header = self
    (header.kind, header.count, header.number, header.isShared) = (kind, 0, 0, false)
    return header
  }
}
