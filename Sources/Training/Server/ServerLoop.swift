// A parameter server's rim: sockets and clock around a LiveRun.

import Learning
import Messaging
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
///
/// It knows the task's facts and needs no data.
public final class ServerLoop {
  private let setting: RunSetting
  private let listener: Listener
  private var live: LiveRun<PeerID, RunRecorder>
  private var drops = DropCounter()
  private let startedAt = ContinuousClock.now

  /// A server of the version to begin with; `run` makes it serve.
  public init(
    from state: TrainingState, setting: RunSetting, listener: Listener, options: ServerOptions
  ) throws {
    self.setting = setting
    self.listener = listener
    let record = setting.recorder.record
    live = try LiveRun(
      .init(
        run: UInt64.random(in: 1..<1 << 53), dataPort: listener.dataPort,
        experiment: record.experiment, facts: setting.recorder.facts, numerics: record.numerics,
        engine: record.engine, samples: record.samples, expectedWorkers: options.expectedWorkers,
        deadlines: options.deadlines),
      from: state, store: setting.recorder, observers: setting.observers, now: 0)
  }

  /// Serves until the run is complete, stopped or failed.
  public func run() throws -> (ending: RunEnding, state: TrainingState) {
    do {
      try serve()
    } catch {
      // Without a word the workers would look for the server until their patience ends.
      try? send(live.abandon(because: "\(error)"))
      throw error
    }
    return (live.ending ?? .stopped, live.state)
  }

  private func serve() throws {
    var poller = Poller()
    let controlSource = poller.add(listener.control)
    let dataSource = poller.add(listener.data)
    var nextTick = now
    while live.ending == nil {
      let events = try poller.wait(for: .milliseconds(50))
      if events.canReceive(controlSource) { try receiveControl() }
      if events.canReceive(dataSource) { try receiveData() }
      if now >= nextTick {
        nextTick = now + 0.05
        // Heartbeats may have come in while a step was applied or a checkpoint was written.
        try receiveControl()
        try send(try live.tick(now: now))
        if setting.isStopRequested() { try send(try live.requestStop(now: now)) }
        for line in drops.report(now: now) { setting.observers.tell(.dropped(line)) }
      }
    }
  }

  private var now: Double { startedAt.duration(to: .now).seconds }

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
        try send(try live.receive(decoded, from: peer, now: now))
      }
      if live.ending != nil { return }
    }
  }

  private func receiveData() throws {
    for _ in 0..<256 {
      switch try listener.data.receive() {
      case .nothing: return
      case .discarded: drops.count("a data message of too many frames")
      case .message(let message):
        guard let peer = message.peer else { continue }
        do {
          try message.withPayload { bytes, payload in
            let header = try DataHeader(decoding: bytes, payload: payload)
            try send(try live.receive(header, payload: payload, from: peer, now: now))
          }
        } catch let error as WireError {
          drops.count(error)
        }
      }
      if live.ending != nil { return }
    }
  }

  private func send(_ outgoing: [LiveRun<PeerID, RunRecorder>.Outgoing]) throws {
    for item in outgoing {
      switch item {
      case .control(let message, let peer):
        _ = try listener.control.send(message.encoded(), to: peer)
      case .values(let step, let chunks, let session, let peer):
        try sendValues(step: step, chunks: chunks, session: session, to: peer)
      case .acknowledgement(let header, let peer):
        _ = try listener.data.send(header.encoded(), to: peer)
      }
    }
  }

  /// Sends chunks of a version from where it is: one buffer serves all workers.
  private func sendValues(step: Int, chunks: [Int], session: UInt32, to peer: PeerID) throws {
    guard let flat = live.values(ofStep: step) else { return }
    let values = SharedScalars(flat)
    let configuration = live.coordinator.configuration
    for chunk in chunks {
      let range = configuration.chunking.range(of: chunk)
      let payload = values.bytes(of: range)
      let header = DataHeader(
        kind: .values, run: configuration.run, step: step, session: session, chunk: chunk,
        count: range.count)
      let outcome = try listener.data.send(
        header.encoded(payload: payload), payload: .shared(payload, owner: values), to: peer)
      // The worker asks again for what does not arrive.
      guard outcome == .sent else { return }
    }
  }
}
