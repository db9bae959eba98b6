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
  private let log: (String) -> Void
  private let messaging: Context
  private var search: ServerSearch
  private var control: Socket?
  private var controlWatch: ConnectionWatch?
  private var data: Socket?
  private var dataWatch: ConnectionWatch?
  /// The addresses of which it was said that they cannot be reached.
  private var unreachable: Set<Endpoint> = []
  /// Counts the sockets that were made: what is waited for changes with them.
  private var socketCount = 0
  private let wakeup: Wakeup
  private let compute: ComputeThread
  private var machine: WorkerState
  private var welcome: ControlMessage.Welcome?
  private var layout: ParameterLayout?
  private var values: [Int: Tensor] = [:]
  private var results: [Job: JobResult] = [:]
  /// What the socket has not taken yet of each result, in the order in which it is to leave.
  private var outgoing: [Outgoing] = []
  private var drops = DropCounter()
  private var ending: WorkerEnding?
  private let startedAt = ContinuousClock.now

  /// A worker that is not connected yet.
  ///
  /// - Parameters:
  ///   - threads: what shares the work of each replica.
  ///   - builder: makes the task of the experiment that the server names.
  ///   - log: is given a line for people now and then.
  ///   - isLeaveRequested: whether somebody asked the worker to leave.
  public init(
    _ options: WorkerOptions, threads: ThreadPool, builder: @escaping TaskBuilder,
    log: @escaping (String) -> Void, isLeaveRequested: @escaping @Sendable () -> Bool
  ) throws {
    self.options = options
    self.log = log
    self.isLeaveRequested = isLeaveRequested
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
    var poller = makePoller()
    var nextTick = now
    while ending == nil {
      let events = try poller.poller.wait(for: .milliseconds(outgoing.isEmpty ? 100 : 2))
      if let source = poller.control, events.canReceive(source) { try receiveControl() }
      if let source = poller.data, events.canReceive(source) { try receiveData() }
      for result in compute.takeResults() { try take(result) }
      if now >= nextTick {
        nextTick = now + 0.1
        if isLeaveRequested() { try perform(machine.leave()) }
        try lookForServer()
        try perform(machine.tick(now: now))
        for line in drops.report(now: now) { log(line) }
        try controlWatch?.report(&unreachable, to: log)
        try dataWatch?.report(&unreachable, to: log)
      }
      try sendOutgoing()
      if poller.socketCount != socketCount { poller = makePoller() }
    }
    return ending ?? .left
  }

  private var now: Double { startedAt.duration(to: .now).seconds }

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
        try message.withPayload { bytes, payload in
          let header: DataHeader
          var missing: [Int] = []
          do throws(WireError) {
            header = try DataHeader(decoding: bytes, payload: payload)
            if header.kind == .missing, let chunking {
              missing = try MissingChunks(decoding: payload, chunkCount: chunking.chunkCount).chunks
            }
          } catch {
            drops.count(error)
            return
          }
          try perform(machine.receive(header, missing: missing, now: now), payload: payload)
        }
      }
    }
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
      try perform(machine.prepared(valueCount: facts.layout.valueCount, now: now))
    case .preparationFailed(let reason): try perform(machine.preparationFailed(reason))
    case .computed(let job, let result):
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
      case .send(let message): _ = try control?.send(message.encoded())
      case .prepare(let welcome): try prepare(welcome)
      case .fetch(let step, let chunks): try fetch(step: step, chunks: chunks)
      case .storeValues(let step, let range): store(payload, in: range, of: step)
      case .forgetValues(let step): values[step] = nil
      case .compute(let job):
        guard let flat = values[job.version] else { continue }
        compute.submit(.compute(job, values: flat))
      case .sendResult(let job, let chunks):
        guard let result = results[job], let chunking else { continue }
        let hasContribution = result.contribution != nil
        let all = hasContribution ? Array(0...chunking.chunkCount) : [chunking.chunkCount]
        outgoing.append(Outgoing(job: job, pieces: (chunks ?? all)[...]))
      case .inquire(let job, let number):
        guard var header = header(of: job, .inquiry) else { continue }
        header.number = number
        _ = try data?.send(header.encoded())
      case .knock:
        guard let welcome else { continue }
        let header = DataHeader(
          kind: .knock, run: welcome.run, session: welcome.session, step: 0)
        _ = try data?.send(header.encoded())
      case .forgetResult(let job):
        results[job] = nil
        outgoing.removeAll { $0.job == job }
      case .log(let line): log(line)
      case .end(let ending): self.ending = ending
      }
    }
  }

  private func prepare(_ welcome: ControlMessage.Welcome) throws {
    self.welcome = welcome
    values = [:]
    results = [:]
    outgoing = []
    // A new connection for each session: whatever the old one still held belongs to the old one.
    var bulk = SocketOptions(maximumFrameByteCount: Chunking.standardScalars * 4)
    guard let server = search.current else { return }
    bulk.security = try options.security(server)
    bulk.maximumFrameCount = 2
    bulk.receiveHighWaterMark = 1024
    // Little, so that what the socket takes tells how fast the connection carries it.
    bulk.sendHighWaterMark = 8
    bulk.sendsOnlyWhenConnected = false
    let socket = try Socket(.dealer, in: messaging, options: bulk)
    let endpoint = try server.forData(port: UInt16(clamping: welcome.dataPort))
    dataWatch = try ConnectionWatch(of: socket, to: endpoint)
    try socket.connect(to: endpoint)
    data = consume socket
    socketCount += 1
    compute.submit(.prepare(welcome.experiment, samples: welcome.samples))
    log("Joined \(server) as worker \(welcome.worker).")
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
    guard let layout else { return }
    values[step, default: Tensor.zeros([layout.valueCount])].withMutableScalars { scalars in
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
