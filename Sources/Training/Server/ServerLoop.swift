// The server's half at the rim: sockets and clock around the pure ServerState.

import Foundation
import Messaging
import NeuralNetworks
import Tensors

/// Whom a server waits for, and how long.
public struct ServerOptions: Sendable {
  /// The workers to wait for, a short time, before the first step.
  public var expectedWorkers = 1
  /// How long to wait for whom.
  public var deadlines = Deadlines()

  /// One worker and the standard deadlines.
  public init() {}
}

/// A parameter server: runs a run to its end on whatever workers come.
public final class ServerLoop<Task: LearningTask> {
  private let task: Task
  private let setting: RunSetting
  private var state: TrainingState
  private var machine: ServerState<PeerID>
  private let listener: Listener
  private let store: ContributionStore
  private var drops = DropCounter()
  /// The versions that workers may ask for, flat: parameters, then statistics.
  private var values: [Int: Tensor] = [:]
  private var ending: RunEnding?
  /// When the last step was applied; `nil` before the first one.
  private var appliedAt: Double?
  private let startedAt = ContinuousClock.now

  /// A server of the version to begin with; `run` makes it serve.
  public init(
    _ task: Task, from state: TrainingState, setting: RunSetting, listener: Listener,
    options: ServerOptions
  ) {
    self.task = task
    self.state = state
    self.setting = setting
    self.listener = listener
    let record = setting.recorder.record
    let contribution = ContributionLayout(of: task.layout, categoryCount: task.categories.count)
    store = ContributionStore(
      layout: contribution, replicas: record.experiment.replicas)
    machine = ServerState(
      .init(
        run: UInt64.random(in: 1..<1 << 53), dataPort: listener.dataPort,
        experiment: record.experiment, layout: task.layout.fingerprint, numerics: record.numerics,
        engine: record.engine, contribution: Chunking(count: contribution.count),
        evaluationScalars: ContributionLayout(
          evaluatingCategories: task.categories.count
        ).count, values: Chunking(count: task.layout.valueCount),
        partCounts: Dictionary(
          uniqueKeysWithValues: Split.allCases.map {
            ($0, evaluationPartCount(of: task.sampleCount(of: $0)))
          }),
        expectedWorkers: options.expectedWorkers, deadlines: options.deadlines),
      step: state.step + 1, now: 0)
  }

  /// Serves until the run is complete, stopped or failed.
  public func run() throws -> (ending: RunEnding, state: TrainingState) {
    do {
      try serve()
    } catch {
      // Without a word the workers would look for the server until their patience ends.
      try? perform(machine.end(.failed("\(error)")))
      throw error
    }
    if ending != .completed { try setting.recorder.writeCheckpoint(state) }
    return (ending ?? .stopped, state)
  }

  private func serve() throws {
    values[state.step] = flat(state.values)
    for step in setting.recorder.unevaluatedSteps() {
      values[step] = flat(
        try setting.recorder.state(atStep: step, layout: task.layout).values)
      machine.addEvaluation(of: step, on: .validation)
    }
    var poller = Poller()
    let controlSource = poller.add(listener.control)
    let dataSource = poller.add(listener.data)
    var nextTick = now
    while ending == nil {
      let events = try poller.wait(for: .milliseconds(50))
      if events.canReceive(controlSource) { try receiveControl() }
      if events.canReceive(dataSource) { try receiveData() }
      if now >= nextTick {
        nextTick = now + 0.05
        // Heartbeats may have come in while a step was applied or a checkpoint was written.
        try receiveControl()
        try perform(machine.tick(now: now))
        if setting.isStopRequested() { try perform(machine.requestStop(now: now)) }
        for line in drops.report(now: now) { setting.note(line) }
      }
    }
  }

  private var now: Double { startedAt.duration(to: .now).seconds }

  // MARK: Receiving

  private func receiveControl() throws {
    // A bounded number, so that a flood of messages cannot keep the clock from being looked at.
    for _ in 0..<256 {
      switch try listener.control.receive() {
      case .nothing: return
      case .discarded: drops.count("a control message of too many frames")
      case .message(let message):
        guard let peer = message.peer else { continue }
        let decoded: ControlMessage
        do throws(WireError) {
          decoded = try ControlMessage(decoding: message.frames[0].bytes)
        } catch {
          drops.count(error)
          continue
        }
        try perform(machine.receive(decoded, from: peer, now: now))
      }
      if ending != nil { return }
    }
  }

  private func receiveData() throws {
    for _ in 0..<256 {
      switch try listener.data.receive() {
      case .nothing: return
      case .discarded: drops.count("a data message of too many frames")
      case .message(let message):
        guard let peer = message.peer else { continue }
        try message.withPayload { bytes, payload in
          let header: DataHeader
          do throws(WireError) {
            header = try DataHeader(decoding: bytes, payload: payload)
          } catch {
            drops.count(error)
            return
          }
          try perform(machine.receive(header, from: peer, now: now), payload: payload)
        }
      }
      if ending != nil { return }
    }
  }

  // MARK: Acting

  private func perform(
    _ actions: [ServerAction<PeerID>],
    payload: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
  ) throws {
    var queue = actions[...]
    var followUps: [ServerAction<PeerID>] = []
    while let action = queue.popFirst() {
      switch action {
      case .send(let message, let peer): _ = try listener.control.send(message.encoded(), to: peer)
      case .sendValues(let step, let chunks, let session, let peer):
        try sendValues(step: step, chunks: chunks, session: session, to: peer)
      case .acknowledge(var header, let peer):
        header.kind = .acknowledgement
        header.count = 0
        header.waitedMicroseconds = 0
        _ = try listener.data.send(header.encoded(), to: peer)
      case .store(let job, let chunk):
        store.store(payload, chunk: chunk, of: job)
        if machine.phase == .evaluating, let first = machine.evaluations.first {
          setting.progress.show(
            evaluatedParts: first.parts.count { $0 == .complete }, of: first.parts.count)
        }
      case .applyStep(_, let waitedFor, let dataWait):
        followUps += try applyStep(waitedFor: waitedFor, dataWait: dataWait)
      case .finishEvaluation(let step, let split):
        try finishEvaluation(of: step, on: split)
      case .chooseBest: followUps += try chooseBest()
      case .log(let line): setting.note(line)
      case .end(let ending):
        self.ending = ending
        if ending == .completed { return }
      }
    }
    if !followUps.isEmpty { try perform(followUps) }
  }

  private func sendValues(step: Int, chunks: [Int], session: UInt32, to peer: PeerID) throws {
    guard let flat = values[step] else { return }
    let chunking = machine.configuration.values
    for chunk in chunks {
      let range = chunking.range(of: chunk)
      let outcome = try flat.withScalars { scalars in
        let payload = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: scalars[range]))
        let header = DataHeader(
          kind: .values, run: machine.configuration.run, step: step, session: session,
          chunk: chunk, count: range.count)
        return try listener.data.send(
          header.encoded(payload: payload), payload: .copied(payload), to: peer)
      }
      // The worker asks again for what does not arrive.
      guard outcome == .sent else { return }
    }
  }

  private func applyStep(waitedFor: String, dataWait: Double) throws -> [ServerAction<PeerID>] {
    let outcome: StepOutcome
    do {
      outcome = try state.apply(store.contributions, of: setting.recorder.record.experiment)
    } catch {
      return machine.end(.failed(error.description))
    }
    // The first step begins when its workers are there; the wait for them is not its time.
    let seconds = now - (appliedAt ?? machine.stepStartedAt)
    appliedAt = now
    let record = try setting.recorder.recordStep(
      outcome, state: state, seconds: seconds, dataWait: dataWait, waitedFor: waitedFor,
      workers: machine.sessions.count)
    setting.progress.show(record)
    values[state.step] = flat(state.values)
    let actions = machine.stepApplied(now: now)
    forgetUnusedValues()
    return actions
  }

  private func finishEvaluation(of step: Int, on split: Split) throws {
    let report = try setting.recorder.recordEvaluation(
      step: step, split: split, tally: store.tally(of: step, on: split),
      guesses: task.commonestAnswerAccuracy(in: split))
    setting.progress.show(report)
    forgetUnusedValues()
    if split == .test, let best = setting.recorder.best {
      try setting.recorder.finish(state: state, validation: best, test: report)
    }
  }

  private func chooseBest() throws -> [ServerAction<PeerID>] {
    let best = try setting.versionToReport()
    let chosen = try setting.recorder.state(atStep: best.step, layout: task.layout)
    values[best.step] = flat(chosen.values)
    return machine.evaluateOnTest(step: best.step, now: now)
  }

  private func forgetUnusedValues() {
    let used = Set(machine.evaluations.map(\.step) + [state.step])
    for step in values.keys where !used.contains(step) { values[step] = nil }
  }

  private func flat(_ vector: ParameterVector) -> Tensor {
    Tensor(shape: [vector.layout.valueCount]) { flat in
      vector.parameters.withScalars { parameters in
        vector.statistics.withScalars { statistics in
          _ = flat.initialize(from: parameters)
          let rest = UnsafeMutableBufferPointer(rebasing: flat[parameters.count...])
          _ = rest.initialize(from: statistics)
        }
      }
    }
  }
}
