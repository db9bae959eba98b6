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
  /// The share of the replicas, from 0 to 1, that two workers compute and whose results are
  /// compared.
  public var auditShare = 0.0

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
  /// The hashes of the chunks of the version that was sent last, as far as they are known.
  private var hashes: (step: Int, ofChunks: [UInt64?])?
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
        deadlines: options.deadlines,
        audit: AuditChoice(share: options.auditShare, seed: .random(in: 0...UInt64.max))),
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

  /// How long one kind of messages is received before the loop looks at the others and the clock,
  /// in seconds: a flood of messages that are dear to read must not keep it from them.
  private static let receivingSeconds = 0.01

  private func receiveControl() throws {
    let end = now + Self.receivingSeconds
    while live.ending == nil, now < end {
      switch try listener.control.receive() {
      case .nothing: return
      case .discarded: drops.count("a control message of too many frames")
      case .message(let message):
        guard let peer = message.peer else { continue }
        let decoded: ControlMessage
        do throws(WireError) {
          decoded = try message.frames[0].withUnsafeBytes { bytes throws(WireError) in
            try ControlMessage(decoding: bytes)
          }
        } catch {
          drops.count(error)
          continue
        }
        try send(try live.receive(decoded, from: peer, key: message.key, now: now))
      }
    }
  }

  private func receiveData() throws {
    let end = now + Self.receivingSeconds
    while live.ending == nil, now < end {
      switch try listener.data.receive() {
      case .nothing: return
      case .discarded: drops.count("a data message of too many frames")
      case .message(let message):
        guard let peer = message.peer else { continue }
        do {
          try message.withPayload { bytes, payload in
            let header = try DataHeader(decoding: bytes, payload: payload)
            try send(
              try live.receive(header, payload: payload, from: peer, key: message.key, now: now))
          }
        } catch let error as WireError {
          drops.count(error)
        }
      }
    }
  }

  private func send(_ outgoing: [LiveRun<PeerID, RunRecorder>.Outgoing]) throws {
    for item in outgoing {
      switch item {
      case .control(let message, let peer):
        _ = try listener.control.send(message.encoded(), to: peer)
      case .values(let step, let chunks, let session, let peer):
        try sendValues(step: step, chunks: chunks, session: session, to: peer)
      case .answer(let header, let payload, let peer):
        _ = try payload.withUnsafeBytes { bytes in
          try listener.data.send(
            header.encoded(payload: bytes), payload: bytes.isEmpty ? nil : .copied(bytes), to: peer)
        }
      }
    }
  }

  /// Sends chunks of a version from where it is: one buffer and one hash serve all workers.
  private func sendValues(step: Int, chunks: [Int], session: SessionID, to peer: PeerID) throws {
    let configuration = live.coordinator.configuration
    let chunking = configuration.chunking
    guard let values = live.values(ofStep: step).map(SharedScalars.init) else { return }
    if hashes?.step != step {
      hashes = (step, Array(repeating: nil, count: chunking.chunkCount))
    }
    for chunk in chunks {
      let range = chunking.range(of: chunk)
      let payload = values.bytes(of: range)
      let hash = hashes?.ofChunks[chunk] ?? DataHeader.hash(of: payload)
      hashes?.ofChunks[chunk] = hash
      let header = DataHeader(
        kind: .values, run: configuration.run, session: session, step: step, chunk: chunk,
        count: range.count)
      let outcome = try listener.data.send(
        header.encoded(payloadHash: hash), payload: .shared(payload, owner: values), to: peer)
      // The worker asks again for what does not arrive.
      guard outcome == .sent else { return }
    }
  }
}
