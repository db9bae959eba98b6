// A server and workers on a virtual clock, joined by a network that misbehaves as a seed says.

import Learning
import Tensors
import Testing

@testable import Training

/// What goes wrong in a simulation.
struct Misfortune: Sendable, CustomTestStringConvertible {
  var name: String
  var dropRate: Float = 0
  var duplicateRate: Float = 0
  /// The longest time that a message is on its way, in seconds; also how far messages overtake.
  var delay: Float = 0.002
  /// How many workers are killed, frozen, stalled or joined and servers killed or stopped.
  var disasterCount = 0
  /// How many seconds each message on a data connection keeps it busy, either way.
  var secondsPerMessage = 0.0
  /// What of the first data connection of the first worker never arrives, from two seconds on.
  var cut: Cut?

  /// A direction of a connection.
  enum Cut: Sendable { case toServer, toWorker }

  var testDescription: String { name }
}

/// A whole cluster in one value of virtual time.
struct SimulatedCluster {
  private enum Event {
    case atServer(ControlMessage, worker: Int)
    case dataAtServer(DataHeader, payload: [UInt8], worker: Int, connection: Int)
    case atWorker(Int, ControlMessage)
    case dataAtWorker(Int, DataHeader, payload: [UInt8], connection: Int)
    case left(worker: Int, Job, isLast: Bool, connection: Int)
    case prepared(Int)
    case computed(Int)
    case serverTick(run: UInt64)
    case workerTick(Int)
    case disaster
    case join
    case restart
  }

  let run: ToyRun
  private let misfortune: Misfortune
  private var random: CounterRandom
  private var queue = EventQueue<Event>()
  private var server: SimulatedServer?
  private(set) var storage: SimulatedStorage
  private var runNumber: UInt64 = 1000
  private var workers: [Int: SimulatedWorker] = [:]
  private var nextWorker = 1
  private(set) var now = 0.0
  private(set) var ending: RunEnding?
  private(set) var violations: [String] = []
  /// How many messages have been entrusted to data connections.
  private(set) var dataMessages = 0
  /// Until when each direction of each data connection carries what was sent before.
  private var busyUntil: [Line: Double] = [:]

  /// A direction of a data connection.
  private struct Line: Hashable {
    var worker: Int
    var connection: Int
    var isToServer: Bool
  }

  private static let tickSeconds = 0.25
  private static let secondsLimit = 3000.0
  /// When disasters are over; what happens then must end well.
  private static let disasterSeconds: Float = 25

  init(_ run: ToyRun, _ misfortune: Misfortune, seed: UInt64) {
    self.run = run
    self.misfortune = misfortune
    storage = SimulatedStorage(run)
    random = CounterRandom(seed: seed, purpose: .trial, index: 1)
    queue.insert(.restart, at: 0)
    for _ in 0..<3 { queue.insert(.join, at: 0.1) }
    for _ in 0..<misfortune.disasterCount {
      queue.insert(.disaster, at: Double(random.uniform(in: 0.2..<Self.disasterSeconds)))
    }
    if misfortune.disasterCount > 0 {
      queue.insert(.join, at: Double(Self.disasterSeconds) + 1)
    }
  }

  /// Runs until the run has ended for good, or virtual time is up.
  mutating func runToEnd() {
    while ending == nil, now < Self.secondsLimit, let (time, event) = queue.removeFirst() {
      now = time
      handle(event)
    }
    violations += storage.violations
    for worker in workers.keys.sorted() { violations += workers[worker]?.violations ?? [] }
  }

  // MARK: Events

  private mutating func handle(_ event: Event) {
    switch event {
    case .atServer(let message, let worker):
      atServer { live, now in
        try live.receive(message, from: Self.peer(worker, connection: 0), now: now)
      }
    case .dataAtServer(let header, let payload, let worker, let connection):
      atServer { live, now in
        try payload.withUnsafeBytes { payload in
          try live.receive(
            header, payload: payload, from: Self.peer(worker, connection: connection), now: now)
        }
      }
    case .serverTick(let number):
      guard number == runNumber, server != nil else { return }
      queue.insert(event, at: now + Self.tickSeconds)
      atServer { live, now in try live.tick(now: now) }
    case .atWorker(let id, let message):
      atWorker(id, event) { worker, now in
        worker.perform(worker.machine.receive(message, now: now))
      }
    case .dataAtWorker(let id, let header, let payload, let connection):
      atWorker(id, event) { worker, now in
        guard worker.connection == connection else { return [] }
        let missing =
          header.kind == .missing
          ? payload.withUnsafeBytes { bytes in
            (try? MissingChunks(decoding: bytes, chunkCount: worker.run.chunking.chunkCount))?
              .chunks ?? []
          } : []
        return worker.perform(
          worker.machine.receive(header, missing: missing, now: now), payload: payload)
      }
    case .left(let id, let job, let isLast, let connection):
      atWorker(id, event) { worker, now in
        if worker.connection == connection {
          worker.machine.sent(job, isAll: isLast, now: now)
        }
        return []
      }
    case .prepared(let id):
      atWorker(id, event) { worker, now in
        worker.perform(worker.machine.prepared(valueCount: worker.run.chunking.count, now: now))
      }
    case .computed(let id):
      atWorker(id, event) { worker, now in worker.finishComputing(now: now) }
    case .workerTick(let id):
      if let worker = workers[id], worker.frozenUntil <= now {
        queue.insert(event, at: now + Self.tickSeconds)
      }
      atWorker(id, event) { worker, now in worker.perform(worker.machine.tick(now: now)) }
    case .disaster: haveDisaster()
    case .join:
      workers[nextWorker] = SimulatedWorker(run, process: nextWorker, now: now)
      queue.insert(.workerTick(nextWorker), at: now)
      nextWorker += 1
    case .restart: startServer()
    }
  }

  private mutating func startServer() {
    runNumber += 1
    if runNumber > 1001 { storage.rollBack() }
    do {
      server = try SimulatedServer(run, storage: storage, runNumber: runNumber, now: now)
    } catch { violations.append("the server does not start: \(error)") }
    queue.insert(.serverTick(run: runNumber), at: now)
  }

  private mutating func haveDisaster() {
    let ids = workers.keys.sorted()
    let id = ids.isEmpty ? nil : ids[Int(random.integer(below: UInt32(ids.count)))]
    switch random.integer(below: 8) {
    case 0, 1:
      guard let id else { return }
      violations += workers[id]?.violations ?? []
      workers[id] = nil
    case 2:
      guard let id else { return }
      workers[id]?.frozenUntil = now + Double(random.uniform(in: 1..<15))
    case 3:
      guard let id else { return }
      workers[id]?.stall = 50
    case 4: queue.insert(.join, at: now)
    case 5: atServer { live, now in try live.requestStop(now: now) }
    case 6:
      guard let id else { return }
      atWorker(id, .workerTick(id)) { worker, _ in worker.perform(worker.machine.leave()) }
    default: killServer()
    }
  }

  private mutating func killServer() {
    guard let killed = server else { return }
    storage = killed.live.store
    server = nil
    queue.insert(.restart, at: now + Double(random.uniform(in: 0.5..<12)))
  }

  // MARK: Processes

  /// A peer's address; 0 is the control socket, later numbers are its data sockets.
  private static func peer(_ worker: Int, connection: Int) -> Int { worker << 16 | connection }

  private mutating func atServer(
    _ body: (inout SimulatedServer.Live, Double) throws -> [SimulatedServer.Live.Outgoing]
  ) {
    guard var process = server else { return }
    var outgoing: [SimulatedServer.Live.Outgoing] = []
    do { outgoing = try body(&process.live, now) } catch {
      violations.append("the server throws \(error)")
    }
    storage = process.live.store
    server = process
    for output in process.outputs(outgoing) {
      switch output {
      case .control(let message, let peer): send(.atWorker(peer >> 16, message))
      case .data(let header, let payload, let peer):
        let line = Line(worker: peer >> 16, connection: peer & 0xFFFF, isToServer: false)
        _ = sendData(
          .dataAtWorker(peer >> 16, header, payload: payload, connection: peer & 0xFFFF), on: line)
      }
    }
    switch process.live.ending {
    case nil: return
    case .stopped:
      killServer()
      // Whoever was told to end is started again with the server.
      for _ in 0..<2 { queue.insert(.join, at: now + 1) }
    case let ended?: ending = ended
    }
  }

  private mutating func atWorker(
    _ id: Int, _ event: Event, _ body: (inout SimulatedWorker, Double) -> [SimulatedWorker.Output]
  ) {
    guard var worker = workers[id] else { return }
    guard worker.frozenUntil <= now else { return queue.insert(event, at: worker.frozenUntil) }
    let outputs = body(&worker, now)
    let stall = worker.stall
    for output in outputs {
      switch output {
      case .control(let message): send(.atServer(message, worker: id))
      case .data(let header, let payload):
        _ = sendData(
          .dataAtServer(header, payload: payload, worker: id, connection: worker.connection),
          on: Line(worker: id, connection: worker.connection, isToServer: true))
      case .piece(let header, let payload, let job, let isLast):
        let left = sendData(
          .dataAtServer(header, payload: payload, worker: id, connection: worker.connection),
          on: Line(worker: id, connection: worker.connection, isToServer: true))
        queue.insert(
          .left(worker: id, job, isLast: isLast, connection: worker.connection), at: left)
      case .prepare: queue.insert(.prepared(id), at: now + Double(random.uniform(in: 0.01..<2)))
      case .compute:
        queue.insert(.computed(id), at: now + stall + Double(random.uniform(in: 0.01..<0.8)))
        worker.stall = 0
      case .ended(let ending):
        if case .failed(let reason) = ending { violations.append("worker \(id): \(reason)") }
        violations += worker.violations
        workers[id] = nil
        return
      }
    }
    workers[id] = worker
  }

  /// Entrusts a message to a data connection, behind whatever it carries; when the message has
  /// left.
  private mutating func sendData(_ event: Event, on line: Line) -> Double {
    dataMessages += 1
    let left = max(now, busyUntil[line] ?? 0) + misfortune.secondsPerMessage
    busyUntil[line] = left
    let isFirst = line.worker == 1 && line.connection == 1
    if isFirst, now > 2, misfortune.cut == (line.isToServer ? .toServer : .toWorker) { return left }
    send(event, after: left - now)
    return left
  }

  /// Entrusts a message to the network.
  private mutating func send(_ event: Event, after wait: Double = 0) {
    let copies = random.uniform() < misfortune.duplicateRate ? 2 : 1
    for _ in 0..<copies where random.uniform() >= misfortune.dropRate {
      queue.insert(event, at: now + wait + Double(random.uniform(in: 0..<misfortune.delay)))
    }
  }
}
