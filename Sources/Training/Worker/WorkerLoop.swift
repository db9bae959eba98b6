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
  private let log: (String) -> Void
  private let messaging: Context
  private let control: Socket
  private var controlWatch: ConnectionWatch
  private var data: Socket?
  private var dataWatch: ConnectionWatch?
  /// Counts the data sockets: a restarted server may well give the same session number again.
  private var dataSocketNumber = 0
  private let wakeup: Wakeup
  private let compute: ComputeThread
  private var machine: WorkerState
  private var welcome: ControlMessage.Welcome?
  private var layout: ParameterLayout?
  private var values: [Int: Tensor] = [:]
  private var results = ResultQueue(run: 0, session: 0)
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
    try control.connect(to: options.server)
    var poller = makePoller()
    var nextTick = now
    while ending == nil {
      let events = try poller.poller.wait(for: .milliseconds(results.isEmpty ? 100 : 2))
      if events.canReceive(poller.control) { try receiveControl() }
      if let source = poller.data, events.canReceive(source) { try receiveData() }
      for result in compute.takeResults() { try take(result) }
      if now >= nextTick {
        nextTick = now + 0.1
        if isLeaveRequested() { try perform(machine.leave()) }
        try perform(machine.tick(now: now))
        for line in drops.report(now: now) { log(line) }
        try controlWatch.report(to: log)
        try dataWatch?.report(to: log)
      }
      try sendResults()
      if poller.dataSocketNumber != dataSocketNumber { poller = makePoller() }
    }
    return ending ?? .left
  }

  private var now: Double { startedAt.duration(to: .now).seconds }

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
      case .send(let message): _ = try control.send(message.encoded())
      case .prepare(let welcome): try prepare(welcome)
      case .fetch(let step, let chunks): try fetch(step: step, chunks: chunks)
      case .storeValues(let step, let range): store(payload, in: range, of: step)
      case .forgetValues(let step): values[step] = nil
      case .compute(let job):
        guard let flat = values[job.version] else { continue }
        compute.submit(.compute(job, values: flat))
      case .sendResult(let job, let chunks):
        guard let chunking else { continue }
        results.send(job, chunks: chunks, of: chunking)
      case .inquire(let job, let number):
        guard let welcome else { continue }
        var header = DataHeader(
          .inquiry, about: job, run: welcome.run, session: welcome.session)
        header.number = number
        _ = try data?.send(header.encoded())
      case .knock:
        guard let welcome else { continue }
        let header = DataHeader(
          kind: .knock, run: welcome.run, session: welcome.session, step: 0)
        _ = try data?.send(header.encoded())
      case .forgetResult(let job): results.forget(job)
      case .log(let line): log(line)
      case .end(let ending): self.ending = ending
      }
    }
  }

  private func prepare(_ welcome: ControlMessage.Welcome) throws {
    self.welcome = welcome
    values = [:]
    results = ResultQueue(run: welcome.run, session: welcome.session)
    // A new connection for each session: whatever the old one still held belongs to the old one.
    var bulk = SocketOptions(maximumFrameByteCount: Chunking.standardScalars * 4)
    bulk.security = options.security
    bulk.maximumFrameCount = 2
    bulk.receiveHighWaterMark = 1024
    // Little, so that what the socket takes tells how fast the connection carries it.
    bulk.sendHighWaterMark = 8
    bulk.sendsOnlyWhenConnected = false
    let socket = try Socket(.dealer, in: messaging, options: bulk)
    let endpoint = try options.server.forData(port: UInt16(clamping: welcome.dataPort))
    dataWatch = try ConnectionWatch(of: socket, to: endpoint)
    try socket.connect(to: endpoint)
    data = consume socket
    dataSocketNumber += 1
    compute.submit(.prepare(welcome.experiment, samples: welcome.samples))
    log("Joined \(options.server) as worker \(welcome.worker).")
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
  private func sendResults() throws {
    while let chunking, let piece = results.next(of: chunking) {
      guard try send(piece) == .sent else { return }
      results.removeNext()
      machine.sent(piece.job, isAll: piece.isLast, now: now)
    }
  }

  private func send(_ piece: ResultQueue.Piece) throws -> SendOutcome? {
    switch piece.payload {
    case .measurements(let bytes):
      return try bytes.withUnsafeBytes { payload in
        try data?.send(piece.header.encoded(payload: payload), payload: .copied(payload))
      }
    case .scalars(let tensor, let range):
      let scalars = SharedScalars(tensor)
      let payload = scalars.bytes(of: range)
      return try data?.send(
        piece.header.encoded(payload: payload), payload: .shared(payload, owner: scalars))
    }
  }
}
