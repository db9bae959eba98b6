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
  /// Whether payloads of workers on this machine go through shared memory, where the address is a
  /// Unix socket's.
  public var sharesMemory = true
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
  private let recorder: RecorderThread
  private var live: LiveRun<PeerID, RecorderThread>
  private var drops = DropCounter()
  /// The hashes of the chunks of the version that was sent last, as far as they are known.
  private var hashes: (step: Int, ofChunks: [UInt64?])?
  /// What is shared with workers on this machine.
  private var shared: SharedPayloads?
  private let startedAt: ContinuousClock.Instant
  private let times: Stopwatch
  /// What the loop did, for a trace.
  private let spans = SpanBuffer()
  private var traffic = Traffic()
  /// How long there was no worker, and when that was last looked at.
  private var alone = (seconds: 0.0, lookedAt: 0.0)

  /// A server of the version to begin with; `run` makes it serve.
  public init(
    from state: TrainingState, setting: RunSetting, listener: Listener, options: ServerOptions
  ) throws {
    self.setting = setting
    self.listener = listener
    startedAt = .now
    let spans = spans
    times = Stopwatch(
      beginning: .gathering, startedAt: startedAt,
      spans: setting.trace.map { _ in (spans, .messages) })
    recorder = RecorderThread(setting.recorder, observers: setting.observers)
    let record = setting.recorder.record
    live = try LiveRun(
      .init(
        run: UInt64.random(in: 1..<1 << 53), dataPort: listener.dataPort,
        experiment: record.experiment, facts: setting.recorder.facts, numerics: record.numerics,
        engine: record.engine, samples: record.samples, expectedWorkers: options.expectedWorkers,
        deadlines: options.deadlines, takesSpans: setting.trace != nil,
        audit: AuditChoice(share: options.auditShare, seed: .random(in: 0...UInt64.max))),
      from: state, store: recorder, observers: setting.observers, times: times, now: 0)
    if options.sharesMemory, case .ipc = listener.endpoint.transport {
      let configuration = live.coordinator.configuration
      shared = SharedPayloads(run: configuration.run, chunking: configuration.chunking)
    }
  }

  /// Serves until the run is complete, stopped or failed.
  public func run() throws -> (ending: RunEnding, state: TrainingState) {
    defer { recorder.end() }
    do {
      try serve()
    } catch {
      // Without a word the workers would look for the server until their patience ends.
      try? send(live.abandon(because: "\(error)"))
      handOnSpans()
      _ = setting.trace?.finish()
      throw error
    }
    try finishTrace()
    return (live.ending ?? .stopped, live.state)
  }

  private func serve() throws {
    var poller = Poller()
    let controlSource = poller.add(listener.control)
    let dataSource = poller.add(listener.data)
    var nextTick = now
    while live.ending == nil {
      times.turn(to: live.coordinator.phase == .gathering ? .gathering : .idle)
      let events = try poller.wait(for: .milliseconds(50))
      times.turn(to: .receiving)
      if events.canReceive(controlSource) { try receiveControl() }
      if events.canReceive(dataSource) { try receiveData() }
      if now >= nextTick {
        nextTick = now + 0.05
        // Heartbeats may have come in while a step was applied or a checkpoint was written.
        try receiveControl()
        try send(try live.tick(now: now))
        if setting.isStopRequested() { try send(try live.requestStop(now: now)) }
        shared?.keep { live.coordinator.sessions[$0] != nil }
        for line in drops.report(now: now) { setting.observers.tell(.dropped(line)) }
        publish()
        handOnSpans()
      }
    }
  }

  /// Tells who watches what the loop knows of itself.
  private func publish() {
    guard let metrics = setting.metrics else { return }
    let coordinator = live.coordinator
    if coordinator.sessions.isEmpty { alone.seconds += now - alone.lookedAt }
    alone.lookedAt = now
    metrics.publish(
      ServerGauges(coordinator, traffic, drops, times, secondsAlone: alone.seconds))
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
        traffic.received(message.byteCount)
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
        traffic.received(message.byteCount)
        do {
          try message.withPayload { bytes, frame in
            let header = try DataHeader(decoding: bytes)
            guard !header.hasSharedPayload else {
              return try takeShared(
                header, hash: DataHeader.payloadHash(in: bytes), from: peer, key: message.key)
            }
            try header.verify(frame, saidBy: bytes)
            if header.kind == .spans {
              _ = try takeSpans(header, frame)
              return
            }
            if header.kind == .knock, header.isShared { shared?.noteMapped(by: header.session) }
            try send(
              try live.receive(header, payload: frame, from: peer, key: message.key, now: now))
          }
        } catch let error as WireError {
          drops.count(error)
        }
      }
    }
  }

  /// Takes a whole contribution from where its worker has put it.
  private func takeShared(
    _ header: DataHeader, hash: UInt64, from peer: PeerID, key: String?
  ) throws {
    try shared?.contribution(header, hash: hash) { part, payload in
      try send(try live.receive(part, payload: payload, from: peer, key: key, now: now))
    }
  }

  private func send(_ outgoing: [LiveRun<PeerID, RecorderThread>.Outgoing]) throws {
    for item in outgoing {
      switch item {
      case .control(.welcome(var welcome), let peer):
        welcome.memory = shared?.offer(to: welcome.session)
        _ = try listener.control.send(ControlMessage.welcome(welcome).encoded(), to: peer)
      case .control(let message, let peer):
        let bytes = message.encoded()
        if try listener.control.send(bytes, to: peer) == .sent { traffic.sent(bytes.count) }
      case .values(let step, let chunks, let session, let peer):
        try times.during(.broadcasting) {
          try sendValues(step: step, chunks: chunks, session: session, to: peer)
        }
      case .answer(let header, let payload, let peer):
        let outcome = try payload.withUnsafeBytes { bytes in
          try listener.data.send(
            header.encoded(payload: bytes), payload: bytes.isEmpty ? nil : .copied(bytes), to: peer)
        }
        if outcome == .sent { traffic.sent(DataHeader.size + payload.count) }
      }
    }
  }

  // MARK: A trace

  /// Hands on what the loop did since the last time.
  private func handOnSpans() {
    guard let trace = setting.trace, !spans.isEmpty else { return }
    trace.add(
      spans.take(), of: 0, named: "ParameterServer", dropped: spans.takeDropped())
  }

  /// Takes what a worker did; whether that was the last of it.
  private func takeSpans(
    _ header: DataHeader, _ payload: UnsafeRawBufferPointer
  ) throws(WireError) -> Bool {
    let coordinator = live.coordinator
    guard let trace = setting.trace, coordinator.isKnown(header.run, header.session),
      let session = coordinator.sessions[header.session]
    else { return false }
    let spans = try [Span](decoding: payload)
    trace.add(spans, of: session.number, named: session.name, dropped: header.number)
    return header.index == 1
  }

  /// Takes the last spans of the workers, who have been told that the run is over, and ends the
  /// trace.
  private func finishTrace() throws {
    guard let trace = setting.trace else { return }
    let end = now + Self.lastSpansSeconds
    var talking = live.coordinator.sessions.count
    var poller = Poller()
    let source = poller.add(listener.data)
    while talking > 0, now < end {
      guard try poller.wait(for: .milliseconds(20)).canReceive(source),
        case .message(let message) = try listener.data.receive()
      else { continue }
      let isLast = message.withPayload { bytes, payload in
        guard let header = try? DataHeader(decoding: bytes, payload: payload),
          header.kind == .spans
        else { return false }
        return (try? takeSpans(header, payload)) ?? false
      }
      if isLast { talking -= 1 }
    }
    handOnSpans()
    guard let line = trace.finish() else { return }
    setting.observers.tell(.note(line))
    setting.observers.drain()
  }

  /// How long the end of a traced run waits for the last spans, in seconds.
  private static let lastSpansSeconds = 0.5

  /// Sends chunks of a version from where it is: one buffer and one hash serve all workers.
  private func sendValues(step: Int, chunks: [Int], session: SessionID, to peer: PeerID) throws {
    let configuration = live.coordinator.configuration
    let chunking = configuration.chunking
    guard let flat = live.values(ofStep: step) else { return }
    // An older version, which is being evaluated, is not kept there; a part of one is asked for
    // where something went wrong with the whole.
    if let shared, shared.isMapped(by: session), step == live.state.step,
      chunks.count == chunking.chunkCount
    {
      var header = DataHeader(
        kind: .values, run: configuration.run, session: session, step: step)
      let hash = shared.put(flat, announcedBy: &header)
      _ = try listener.data.send(header.encoded(payloadHash: hash), to: peer)
      return
    }
    let values = SharedScalars(flat)
    if hashes?.step != step {
      let known = step == live.state.step ? live.state.hashes.map { $0 as UInt64? } : []
      hashes = (step, known.isEmpty ? Array(repeating: nil, count: chunking.chunkCount) : known)
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
      traffic.sent(DataHeader.size + payload.count)
    }
  }
}
