// A worker's half at the rim: sockets, clock and compute thread around the pure WorkerState.

import Foundation
import Learning
import Messaging
import NeuralNetworks
import Tensors

/// How a worker finds its server and what it computes with.
public struct WorkerOptions: Sendable {
  /// Where the server is looked for.
  public var place: ServerPlace
  /// How long to wait for whom; the server tells the rest.
  public var deadlines = Deadlines()
  /// How the worker and the server at an address know each other.
  public var security: @Sendable (Endpoint) throws -> Security = { _ in .none }

  /// Options with the standard deadlines, and without keys.
  public init(server place: ServerPlace) { self.place = place }
}

/// A worker: joins a server, computes what it is given, and ends when the server says so.
public final class WorkerLoop {
  private let options: WorkerOptions
  private let isLeaveRequested: @Sendable () -> Bool
  let say: (LogEntry) -> Void
  private let messaging: Context
  private var search: ServerSearch
  var control: Socket?
  private var controlWatch: ConnectionWatch?
  var data: Socket?
  private var dataWatch: ConnectionWatch?
  /// The addresses of which it was said that they cannot be reached.
  private var unreachable: Set<Endpoint> = []
  /// Counts the sockets that were made: what is waited for changes with them.
  private var socketCount = 0
  private let wakeup: Wakeup
  private let compute: ComputeThread
  var machine: WorkerState
  var welcome: ControlMessage.Welcome?
  var layout: ParameterLayout?
  private var values: [Int: Tensor] = [:]
  /// Where payloads are, if the server is on this machine.
  var memory: OfferedMemory?
  var results = ResultQueue(run: 0, session: 0)
  private var drops = DropCounter()
  private var ending: WorkerEnding?
  private let startedAt = ContinuousClock.now
  /// What the computing does or waits for.
  let times: Stopwatch
  /// What is told to a server that wants a trace.
  let trace: WorkerTrace

  /// A worker that is not connected yet.
  ///
  /// - Parameters:
  ///   - threads: what shares the work of each replica.
  ///   - builder: makes the task of the experiment that the server names.
  ///   - log: is told what people should read now and then.
  ///   - isLeaveRequested: whether somebody asked the worker to leave.
  public init(
    _ options: WorkerOptions, threads: ThreadPool, builder: @escaping TaskBuilder,
    log: @escaping (LogEntry) -> Void, isLeaveRequested: @escaping @Sendable () -> Bool
  ) throws {
    self.options = options
    say = log
    self.isLeaveRequested = isLeaveRequested
    trace = WorkerTrace(startedAt: startedAt)
    times = Stopwatch(
      beginning: .gathering, startedAt: startedAt, spans: (trace.spans, .computing))
    messaging = try Context()
    search = ServerSearch(patience: options.deadlines.connectionSeconds)
    wakeup = try Wakeup()
    let hello = ControlMessage.Hello(
      version: protocolVersion, numerics: Numerics.fingerprints(), engine: Numerics.engines(),
      host: ProcessInfo.processInfo.hostName,
      process: Int(ProcessInfo.processInfo.processIdentifier))
    compute = ComputeThread(threads: threads, builder: builder, wakeup: wakeup)
    machine = WorkerState(
      .init(server: "\(options.place)", hello: hello, deadlines: options.deadlines), now: 0)
  }

  /// Works until the server closes the run, the worker is told to leave, or something fails.
  public func run() throws -> WorkerEnding {
    defer { compute.submit(.end) }
    // What is left out of a trace is no reason to fail.
    defer { try? sendSpans(isLast: true) }
    var poller = makePoller()
    var nextTick = now
    while ending == nil {
      // What waits to be sent is sent as soon as there is room for it.
      if let source = poller.data {
        poller.poller.setInterest(results.isEmpty ? .receive : [.receive, .send], for: source)
      }
      trace.thread?.turn(to: .idle)
      let events = try poller.poller.wait(for: .milliseconds(results.isEmpty ? 100 : 2))
      trace.thread?.turn(to: .receiving)
      if let source = poller.control, events.canReceive(source) { try receiveControl() }
      if let source = poller.data, events.canReceive(source) { try receiveData() }
      for result in compute.takeResults() { try take(result) }
      if now >= nextTick {
        nextTick = now + 0.1
        if isLeaveRequested() { try perform(machine.leave()) }
        try lookForServer()
        try perform(machine.tick(now: now))
        for line in drops.report(now: now) { warn(line) }
        try controlWatch?.report(&unreachable, to: warn)
        try dataWatch?.report(&unreachable, to: warn)
        try sendSpans()
      }
      if !results.isEmpty { trace.thread?.turn(to: .sending) }
      try sendResults()
      noteActivity()
      if poller.socketCount != socketCount { poller = makePoller() }
    }
    return ending ?? .left
  }

  var now: Double { startedAt.duration(to: .now).seconds }

  /// What the loop waits for; made anew when a socket is.
  private struct Sources {
    var poller: Poller
    var control: Poller.Source?
    var data: Poller.Source?
    var socketCount: Int
  }

  private func makePoller() -> Sources {
    var poller = Poller()
    _ = poller.add(wakeup)
    var sources = Sources(poller: poller, socketCount: socketCount)
    if control != nil { sources.control = sources.poller.add(control!) }
    if data != nil { sources.data = sources.poller.add(data!) }
    return sources
  }

  // MARK: Connecting

  /// Connects, or connects anew, if it is time to.
  private func lookForServer() throws {
    let next = try search.next(
      isLooking: machine.isLooking(at: now), now: now, addresses: options.place.addresses)
    guard let next else { return }
    var small = SocketOptions(maximumFrameByteCount: ControlMessage.sizeLimit)
    small.security = try options.security(next)
    // The first hello may wait for the connection.
    small.sendsOnlyWhenConnected = false
    // The last message says why this worker ends, and the server waits in vain without it.
    small.linger = .seconds(1)
    let socket = try Socket(.dealer, in: messaging, options: small)
    controlWatch = try ConnectionWatch(of: socket, to: next)
    try socket.connect(to: next)
    control = consume socket
    socketCount += 1
    machine.connect(dataPorts: next.dataPorts)
  }

  // MARK: Receiving

  private func receiveControl() throws {
    for _ in 0..<256 {
      guard let reception = try control?.receive() else { return }
      switch reception {
      case .nothing: return
      case .discarded: drops.count("a control message of too many frames")
      case .message(let message):
        let decoded: ControlMessage
        do throws(WireError) {
          decoded = try message.frames[0].withUnsafeBytes { bytes throws(WireError) in
            try ControlMessage(decoding: bytes)
          }
        } catch {
          drops.count(error)
          continue
        }
        if case .beat(let beat) = decoded { trace.note(beat, now: now) }
        try perform(machine.receive(decoded, now: now))
      }
      if ending != nil { return }
    }
  }

  private func receiveData() throws {
    for _ in 0..<256 {
      guard let reception = try data?.receive() else { return }
      switch reception {
      case .nothing: return
      case .discarded: drops.count("a data message of too many frames")
      case .message(let message):
        try message.withPayload { bytes, frame in
          let header: DataHeader
          var missing: [Int] = []
          var shared: Tensor?
          do throws(WireError) {
            header = try DataHeader(decoding: bytes)
            if header.hasSharedPayload {
              guard let memory, machine.lacks(header) else { return }
              shared = try memory.values(header, hash: DataHeader.payloadHash(in: bytes))
            } else {
              try header.verify(frame, saidBy: bytes)
            }
            if header.kind == .missing, let chunking {
              missing = try MissingChunks(decoding: frame, chunkCount: chunking.chunkCount).chunks
            }
          } catch {
            drops.count(error)
            return
          }
          if let shared { return try take(shared, announcedBy: header) }
          try perform(machine.receive(header, missing: missing, now: now), payload: frame)
        }
      }
    }
  }

  /// Takes a whole version of the values, whose chunks are then all in.
  private func take(_ version: Tensor, announcedBy header: DataHeader) throws {
    guard let chunking else { return }
    values[header.step] = version
    for part in header.parts(of: chunking) { try perform(machine.receive(part, now: now)) }
  }

  private func take(_ result: ComputeThread.Result) throws {
    switch result {
    case .prepared(let facts):
      guard facts.fingerprint == welcome?.layout else {
        try perform(
          machine.preparationFailed(
            """
            This worker builds another model than the server from the same experiment: the two \
            are of different releases. Run the same release of Relate on both sides.
            """))
        return
      }
      layout = facts.layout
      if let welcome, let chunking { memory = OfferedMemory(welcome, chunking: chunking) }
      if memory != nil {
        say(LogEntry(.info, "Shares memory with the server.", fields))
      }
      try perform(machine.prepared(valueCount: facts.layout.valueCount, now: now))
    case .preparationFailed(let reason): try perform(machine.preparationFailed(reason))
    case .computed(let job, let result):
      times.began(with: .waitingForData, for: result.dataWait)
      results.insert(result, of: job)
      try perform(machine.computed(job, now: now))
    case .computationFailed(let job, let reason):
      try perform(machine.computationFailed(job, reason: reason))
    }
  }

  // MARK: Acting

  private func perform(
    _ actions: [WorkerAction],
    payload: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
  ) throws {
    for action in actions {
      switch action {
      case .send(let message): _ = try control?.send(completed(message).encoded())
      case .prepare(let welcome): try prepare(welcome)
      case .fetch(let step, let chunks): try fetch(step: step, chunks: chunks)
      case .storeValues(let step, let range): store(payload, in: range, of: step)
      case .forgetValues(let step): values[step] = nil
      case .compute(let job):
        guard let flat = values[job.version] else { continue }
        compute.submit(.compute(job, values: flat))
        // It may be done before the loop comes round.
        noteActivity()
      case .sendResult(let job, let chunks):
        guard let chunking else { continue }
        results.send(job, chunks: chunks, of: chunking, whole: memory != nil)
      case .inquire(let job, let number):
        guard let welcome else { continue }
        var header = DataHeader(
          .inquiry, about: job, run: welcome.run, session: welcome.session)
        header.number = number
        _ = try data?.send(header.encoded())
      case .knock:
        guard let welcome else { continue }
        var header = DataHeader(
          kind: .knock, run: welcome.run, session: welcome.session, step: 0)
        header.isShared = memory != nil
        _ = try data?.send(header.encoded())
      case .forgetResult(let job):
        results.forget(job)
        memory?.free(job)
      case .log(let line): warn(line)
      case .end(let ending): self.ending = ending
      }
    }
  }

  private func prepare(_ welcome: ControlMessage.Welcome) throws {
    self.welcome = welcome
    trace.begin(welcome)
    values = [:]
    memory = nil
    results = ResultQueue(run: welcome.run, session: welcome.session)
    // A new connection for each session: whatever the old one still held belongs to the old one.
    var bulk = SocketOptions(maximumFrameByteCount: Chunking.standardScalars * 4)
    guard let server = search.current else { return }
    bulk.security = try options.security(server)
    bulk.maximumFrameCount = 2
    bulk.receiveHighWaterMark = 1024
    // Little, so that what the socket takes tells how fast the connection carries it.
    bulk.sendHighWaterMark = 8
    bulk.sendsOnlyWhenConnected = false
    if welcome.takesSpans == true { bulk.linger = .milliseconds(200) }
    let socket = try Socket(.dealer, in: messaging, options: bulk)
    let endpoint = try server.forData(port: UInt16(clamping: welcome.dataPort))
    dataWatch = try ConnectionWatch(of: socket, to: endpoint)
    try socket.connect(to: endpoint)
    data = consume socket
    socketCount += 1
    compute.submit(.prepare(welcome.experiment, samples: welcome.samples))
    if trace.thread != nil {
      // The answer tells the server's time before there is anything to say in it.
      let greeting = ControlMessage.Heartbeat(
        run: welcome.run, session: welcome.session, lease: 0, isBusy: false)
      _ = try control?.send(completed(.heartbeat(greeting)).encoded())
    }
    say(LogEntry(.info, "Joined \(server) as worker \(welcome.worker).", fields))
  }

  private func fetch(step: Int, chunks: [Int]) throws {
    guard let welcome else { return }
    for chunk in chunks.isEmpty ? [DataHeader.allChunks] : chunks {
      let header = DataHeader(
        kind: .fetch, run: welcome.run, session: welcome.session, step: step, chunk: chunk)
      _ = try data?.send(header.encoded())
    }
  }

  private func store(_ payload: UnsafeRawBufferPointer, in range: Range<Int>, of step: Int) {
    // What came in shared memory is there already.
    guard let layout, !payload.isEmpty else { return }
    // Nobody reads it before every chunk is in.
    if values[step] == nil { values[step] = Tensor(shape: [layout.valueCount]) { _ in } }
    values[step]?.withMutableScalars { scalars in
      UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: scalars[range]))
        .copyMemory(from: payload)
    }
  }
}
