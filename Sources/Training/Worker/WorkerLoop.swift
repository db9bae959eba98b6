// A worker's half at the rim: sockets, clock and compute thread around the pure WorkerState.

import Foundation
import Learning
import Messaging
import NeuralNetworks
import Tensors

/// How a worker finds its server and what it computes with.
public struct WorkerOptions: Sendable {
  /// Where the server listens.
  public var server: Endpoint
  /// How long to wait for whom; the server tells the rest.
  public var deadlines = Deadlines()
  /// How the worker and its server know each other.
  public var security = Security.none

  /// Options with the standard deadlines.
  public init(server: Endpoint) { self.server = server }
}

/// A worker: joins a server, computes what it is given, and ends when the server says so.
public final class WorkerLoop {
  private let options: WorkerOptions
  private let isLeaveRequested: @Sendable () -> Bool
  let say: (LogEntry) -> Void
  private let messaging: Context
  private let control: Socket
  private var controlWatch: ConnectionWatch
  var data: Socket?
  private var dataWatch: ConnectionWatch?
  /// Counts the data sockets: a restarted server may well give the same session number again.
  private var dataSocketNumber = 0
  private let wakeup: Wakeup
  private let compute: ComputeThread
  var machine: WorkerState
  var welcome: ControlMessage.Welcome?
  private var layout: ParameterLayout?
  private var values: [Int: Tensor] = [:]
  /// Where payloads are, if the server is on this machine.
  private var memory: OfferedMemory?
  private var results: [Job: JobResult] = [:]
  /// What the socket has not taken yet of each result, in the order in which it is to leave.
  private var outgoing: [Outgoing] = []
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
    var small = SocketOptions(maximumFrameByteCount: ControlMessage.sizeLimit)
    small.security = options.security
    // The first hello may wait for the connection.
    small.sendsOnlyWhenConnected = false
    // The last message says why this worker ends, and the server waits in vain without it.
    small.linger = .seconds(1)
    control = try Socket(.dealer, in: messaging, options: small)
    controlWatch = try ConnectionWatch(of: control, to: options.server)
    wakeup = try Wakeup()
    let hello = ControlMessage.Hello(
      version: protocolVersion, numerics: Numerics.fingerprints(), engine: Numerics.engines(),
      host: ProcessInfo.processInfo.hostName,
      process: Int(ProcessInfo.processInfo.processIdentifier))
    compute = ComputeThread(threads: threads, builder: builder, wakeup: wakeup)
    machine = WorkerState(
      .init(
        server: "\(options.server)", hello: hello, deadlines: options.deadlines,
        dataPorts: options.server.dataPorts), now: 0)
  }

  /// Works until the server closes the run, the worker is told to leave, or something fails.
  public func run() throws -> WorkerEnding {
    defer { compute.submit(.end) }
    // What is left out of a trace is no reason to fail.
    defer { try? sendSpans(isLast: true) }
    try control.connect(to: options.server)
    var poller = makePoller()
    var nextTick = now
    while ending == nil {
      // What waits to be sent is sent as soon as there is room for it.
      if let source = poller.data {
        poller.poller.setInterest(outgoing.isEmpty ? .receive : [.receive, .send], for: source)
      }
      trace.thread?.turn(to: .idle)
      let events = try poller.poller.wait(for: .milliseconds(outgoing.isEmpty ? 100 : 2))
      trace.thread?.turn(to: .receiving)
      if events.canReceive(poller.control) { try receiveControl() }
      if let source = poller.data, events.canReceive(source) { try receiveData() }
      for result in compute.takeResults() { try take(result) }
      if now >= nextTick {
        nextTick = now + 0.1
        if isLeaveRequested() { try perform(machine.leave()) }
        try perform(machine.tick(now: now))
        for line in drops.report(now: now) { warn(line) }
        try controlWatch.report(to: warn)
        try dataWatch?.report(to: warn)
        try sendSpans()
      }
      if !outgoing.isEmpty { trace.thread?.turn(to: .sending) }
      try sendOutgoing()
      noteActivity()
      if poller.dataSocketNumber != dataSocketNumber { poller = makePoller() }
    }
    return ending ?? .left
  }

  var now: Double { startedAt.duration(to: .now).seconds }

  /// What the loop waits for; made anew when the data socket is.
  private struct Sources {
    var poller: Poller
    var control: Poller.Source
    var data: Poller.Source?
    var dataSocketNumber: Int
  }

  private func makePoller() -> Sources {
    var poller = Poller()
    let controlSource = poller.add(control)
    _ = poller.add(wakeup)
    var dataSource: Poller.Source?
    if data != nil { dataSource = poller.add(data!) }
    return Sources(
      poller: poller, control: controlSource, data: dataSource,
      dataSocketNumber: dataSocketNumber)
  }

  // MARK: Receiving

  private func receiveControl() throws {
    for _ in 0..<256 {
      switch try control.receive() {
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
      if memory != nil { log("Shares memory with the server.") }
      try perform(machine.prepared(valueCount: facts.layout.valueCount, now: now))
    case .preparationFailed(let reason): try perform(machine.preparationFailed(reason))
    case .computed(let job, let result):
      times.began(with: .waitingForData, for: result.dataWait)
      results[job] = result
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
      case .send(let message): _ = try control.send(completed(message).encoded())
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
        guard let result = results[job], let chunking else { continue }
        let measurements = chunking.chunkCount
        let all =
          switch (result.contribution, memory) {
          case (nil, _): [measurements]
          case (_, nil): Array(0...measurements)
          case (_, _): [DataHeader.allChunks, measurements]
          }
        outgoing.append(Outgoing(job: job, pieces: (chunks ?? all)[...]))
      case .inquire(let job, let number):
        guard var header = header(of: job, .inquiry) else { continue }
        header.number = number
        _ = try data?.send(header.encoded())
      case .knock:
        guard let welcome else { continue }
        var header = DataHeader(
          kind: .knock, run: welcome.run, session: welcome.session, step: 0)
        header.isShared = memory != nil
        _ = try data?.send(header.encoded())
      case .forgetResult(let job):
        results[job] = nil
        memory?.free(job)
        outgoing.removeAll { $0.job == job }
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
    results = [:]
    outgoing = []
    // A new connection for each session: whatever the old one still held belongs to the old one.
    var bulk = SocketOptions(maximumFrameByteCount: Chunking.standardScalars * 4)
    bulk.security = options.security
    bulk.maximumFrameCount = 2
    bulk.receiveHighWaterMark = 1024
    // Little, so that what the socket takes tells how fast the connection carries it.
    bulk.sendHighWaterMark = 8
    bulk.sendsOnlyWhenConnected = false
    if welcome.takesSpans == true { bulk.linger = .milliseconds(200) }
    let socket = try Socket(.dealer, in: messaging, options: bulk)
    let endpoint = try options.server.forData(port: UInt16(clamping: welcome.dataPort))
    dataWatch = try ConnectionWatch(of: socket, to: endpoint)
    try socket.connect(to: endpoint)
    data = consume socket
    dataSocketNumber += 1
    compute.submit(.prepare(welcome.experiment, samples: welcome.samples))
    if trace.thread != nil {
      // The answer tells the server's time before there is anything to say in it.
      let greeting = ControlMessage.Heartbeat(
        run: welcome.run, session: welcome.session, lease: 0, isBusy: false)
      _ = try control.send(completed(.heartbeat(greeting)).encoded())
    }
    say(LogEntry(.info, "Joined \(options.server) as worker \(welcome.worker).", fields))
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

  /// How values and contributions are cut, once the model is known.
  private var chunking: Chunking? {
    guard let welcome, let layout else { return nil }
    return Chunking(count: layout.valueCount, chunkScalars: welcome.chunkScalars)
  }

  /// Sends what waits to be sent, until the socket's queue is full.
  private func sendOutgoing() throws {
    while let piece = outgoing.first?.pieces.first {
      let job = outgoing[0].job
      guard try send(piece, of: job) == .sent else { return }
      outgoing[0].pieces.removeFirst()
      let isAll = outgoing[0].pieces.isEmpty
      if isAll { outgoing.removeFirst() }
      machine.sent(job, isAll: isAll, now: now)
    }
  }

  /// Sends a chunk of a result, or, if it is the one after the last, the measurements.
  private func send(_ chunk: Int, of job: Job) throws -> SendOutcome? {
    guard let result = results[job], let chunking, var header = header(of: job, .measurements)
    else { return .sent }
    if chunk == DataHeader.allChunks, let contribution = result.contribution {
      return try sendShared(contribution, of: job)
    }
    guard chunk < chunking.chunkCount else {
      header.count = 2 * result.measurements.count
      if case .training = job { header.number = Int(result.dataWait * 1e6) }
      return try result.measurements.encoded().withUnsafeBytes { payload in
        try data?.send(header.encoded(payload: payload), payload: .copied(payload))
      }
    }
    guard let contribution = result.contribution else { return .sent }
    let range = chunking.range(of: chunk)
    (header.kind, header.chunk, header.count) = (.contribution, chunk, range.count)
    let scalars = SharedScalars(contribution.flat)
    let payload = scalars.bytes(of: range)
    return try data?.send(
      header.encoded(payload: payload), payload: .shared(payload, owner: scalars))
  }

  /// Says where a contribution lies, or, if there is no room for it, has it sent in chunks.
  private func sendShared(_ contribution: Contribution, of job: Job) throws -> SendOutcome? {
    guard var header = header(of: job, .contribution), let chunking else { return .sent }
    guard let hash = memory?.put(contribution.flat, of: job, announcedBy: &header) else {
      let next = outgoing[0].pieces.startIndex + 1
      outgoing[0].pieces.insert(contentsOf: 0..<chunking.chunkCount, at: next)
      return .sent
    }
    return try data?.send(header.encoded(payloadHash: hash))
  }

  /// The header of a message about a result.
  private func header(of job: Job, _ kind: DataHeader.Kind) -> DataHeader? {
    guard let welcome else { return nil }
    var header = DataHeader(kind: kind, run: welcome.run, session: welcome.session, step: 0)
    switch job {
    case .training(let step, let replica): (header.step, header.index) = (step, replica)
    case .evaluation(let lease):
      (header.step, header.index, header.purpose) = (lease.step, lease.part, lease.split)
    }
    return header
  }

  /// A result that the socket has not taken completely.
  private struct Outgoing {
    let job: Job
    /// The chunks that are left, the one after the last for the measurements.
    var pieces: ArraySlice<Int>
  }
}
