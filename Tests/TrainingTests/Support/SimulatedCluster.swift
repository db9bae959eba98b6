// A server and workers on a virtual clock, joined by a network that misbehaves as a seed says.

import Learning
import Synchronization
import Tensors

@testable import Training

/// A whole cluster in one value of virtual time.
struct SimulatedCluster {
  enum Event {
    case atServer(ControlMessage, peer: Int, key: String?)
    case dataAtServer(DataHeader, payload: [UInt8], peer: Int, key: String?)
    case atWorker(Int, ControlMessage, peer: Int)
    case dataAtWorker(Int, DataHeader, payload: [UInt8], peer: Int)
    case room(Int)
    case prepared(Int)
    case computed(Int)
    case serverTick(run: UInt64)
    case workerTick(Int)
    case fault
    case forgery(Int)
    case join(isInsider: Bool)
    case restart
  }

  let run: ToyRun
  let misfortune: Misfortune
  var random: CounterRandom
  var queue = EventQueue<Event>()
  var network = SimulatedNetwork()
  var server: SimulatedServer?
  var serverFrozenUntil = 0.0
  private(set) var storage: SimulatedStorage
  private(set) var runNumber: UInt64 = 1000
  var workers: [Int: SimulatedWorker] = [:]
  private var nextWorker = 1
  var nextPeer = 1
  /// Addresses below are those of connections to a server that is dead.
  private(set) var firstLivePeer = 1
  /// Addresses of connections that broke.
  var severed: Set<Int> = []
  private var insidersLeft: Int
  private(set) var now = 0.0
  private(set) var ending: RunEnding?
  var violations: [String] = []
  /// How many messages have been entrusted to data connections.
  var dataMessages = 0
  /// What the faults so far may cost.
  var allowance = Allowance()
  /// The longest time, so far, after which work was to be given to another worker.
  private(set) var longestPatience = 0.0
  /// What the server said to people.
  let lines = Lines()

  static let tickSeconds = 0.25
  private static let secondsLimit = 6000.0
  /// When faults are over; what happens then must end well.
  static let faultSeconds: Float = 25

  init(_ run: ToyRun, _ misfortune: Misfortune, seed: UInt64, workers: Int = 3) {
    self.run = run
    self.misfortune = misfortune
    storage = SimulatedStorage(run)
    storage.diskSeconds = misfortune.diskSeconds
    random = CounterRandom(seed: seed, purpose: .trial, index: 1)
    network.secondsPerMessage = misfortune.secondsPerMessage
    // Those that are started again once they were found out.
    insidersLeft = 4 * misfortune.insiderCount
    queue.insert(.restart, at: 0)
    for _ in 0..<workers { queue.insert(.join(isInsider: false), at: 0.1) }
    for _ in 0..<misfortune.insiderCount { queue.insert(.join(isInsider: true), at: 0.05) }
    for _ in 0..<misfortune.faultCount {
      queue.insert(.fault, at: Double(random.uniform(in: 0.2..<Self.faultSeconds)))
    }
  }

  /// Runs until the run has ended for good, or virtual time is up.
  mutating func runToEnd() {
    while ending == nil, now < Self.secondsLimit, let (time, event) = queue.removeFirst() {
      now = time
      handle(event)
    }
    violations += storage.violations
    for id in workers.keys.sorted() { violations += workers[id]?.violations ?? [] }
  }

  // MARK: Events

  private mutating func handle(_ event: Event) {
    switch event {
    case .atServer(let message, let peer, let key):
      guard isConnected(peer) else { return lose() }
      atServer(event) { live, time in
        try live.receive(message, from: peer, key: key, now: time)
      }
    case .dataAtServer(let header, let payload, let peer, let key):
      guard isConnected(peer) else { return lose() }
      atServer(event) { live, time in
        do {
          return try payload.withUnsafeBytes { payload in
            try live.receive(header, payload: payload, from: peer, key: key, now: time)
          }
        } catch is WireError { return [] }
      }
    case .serverTick(let number):
      guard number == runNumber, server != nil else { return }
      if serverFrozenUntil <= now { queue.insert(event, at: now + Self.tickSeconds) }
      atServer(event) { live, time in try live.tick(now: time) }
    case .atWorker(let id, let message, let peer):
      guard isConnected(peer) else { return lose() }
      atWorker(id, event) { worker, time in
        worker.perform(worker.machine.receive(message, now: time))
      }
    case .dataAtWorker(let id, let header, let payload, let peer):
      guard isConnected(peer) else { return lose() }
      atWorker(id, event) { worker, time in
        guard worker.dataPeer == peer else { return [] }
        let missing = missingChunks(header, payload, of: worker.run)
        return worker.perform(
          worker.machine.receive(header, missing: missing, now: time), payload: payload)
      }
    case .room(let id):
      atWorker(id, event) { worker, _ in
        worker.isWaitingForRoom = false
        return []
      }
    case .prepared(let id):
      atWorker(id, event) { worker, time in
        worker.perform(worker.machine.prepared(valueCount: worker.run.chunking.count, now: time))
      }
    case .computed(let id):
      atWorker(id, event) { worker, time in worker.finishComputing(now: time) }
    case .workerTick(let id):
      if let worker = workers[id], worker.frozenUntil <= now {
        queue.insert(event, at: now + Self.tickSeconds)
      }
      atWorker(id, event) { worker, time in worker.perform(worker.machine.tick(now: time)) }
    case .fault: haveFault()
    case .forgery(let id): forge(as: id)
    case .join(let isInsider): join(isInsider: isInsider)
    case .restart: startServer()
    }
  }

  // MARK: Processes

  private mutating func startServer() {
    runNumber += 1
    if runNumber > 1001 { storage.rollBack() }
    (firstLivePeer, severed) = (nextPeer, [])
    for id in workers.keys.sorted() { connectAnew(id) }
    do {
      server = try SimulatedServer(
        run, storage: storage, runNumber: runNumber, clock: clock(), audit: misfortune.audit,
        hasKeys: misfortune.hasKeys, lines: lines, now: now)
    } catch { violations.append("the server does not start: \(error)") }
    queue.insert(.serverTick(run: runNumber), at: now)
  }

  mutating func killServer(for seconds: Double) {
    guard let killed = server else { return }
    storage = killed.live.store
    server = nil
    serverFrozenUntil = 0
    queue.insert(.restart, at: now + seconds)
  }

  mutating func join(isInsider: Bool) {
    if isInsider {
      guard insidersLeft > 0 else { return }
      insidersLeft -= 1
      allowance.add(.insider)
      queue.insert(.forgery(nextWorker), at: now + 0.1)
    }
    let key = misfortune.hasKeys ? "key \(nextWorker)" : nil
    workers[nextWorker] = SimulatedWorker(
      run, process: nextWorker, key: key, clock: clock(), controlPeer: newPeer(), now: now)
    if isInsider { workers[nextWorker]?.insider = Insider(conduct: misfortune.insider) }
    queue.insert(.workerTick(nextWorker), at: now)
    nextWorker += 1
  }

  /// Another worker takes the place of one that is gone, as whoever started it would see to.
  mutating func replace(_ id: Int) {
    guard let gone = workers.removeValue(forKey: id) else { return }
    violations += gone.violations
    queue.insert(.join(isInsider: gone.insider != nil), at: now + 1)
  }

  private mutating func clock() -> SimulatedClock {
    guard misfortune.drift > 0 else { return SimulatedClock() }
    return SimulatedClock(
      offset: Double(random.uniform(in: 0..<1000)),
      rate: 1 + Double(random.uniform(in: -misfortune.drift..<misfortune.drift)))
  }

  mutating func newPeer() -> Int {
    nextPeer += 1
    return nextPeer - 1
  }

  func isConnected(_ peer: Int) -> Bool { peer >= firstLivePeer && !severed.contains(peer) }

  /// A worker's connections are made again, under other addresses.
  mutating func connectAnew(_ id: Int) {
    guard let worker = workers[id] else { return }
    severed.formUnion([worker.controlPeer, worker.dataPeer])
    let peers = (newPeer(), newPeer())
    workers[id]?.controlPeer = peers.0
    if worker.dataPeer != 0 { workers[id]?.dataPeer = peers.1 }
  }

  mutating func lose() { allowance.add(.messageLost) }

  // MARK: Work

  mutating func atServer(
    _ event: Event?,
    _ body: (inout SimulatedServer.Live, Double) throws -> [SimulatedServer.Live.Outgoing]
  ) {
    guard var process = server else { return }
    guard serverFrozenUntil <= now else {
      // As the loop does: what has come in is read before time is noted to have passed.
      let isTick = if case .serverTick = event { true } else { false }
      if let event { queue.insert(event, at: serverFrozenUntil + (isTick ? 0.001 : 0)) }
      return
    }
    var outgoing: [SimulatedServer.Live.Outgoing] = []
    do { outgoing = try body(&process.live, process.clock.time(at: now)) } catch {
      violations.append("the server throws \(error)")
    }
    longestPatience = max(longestPatience, process.patience)
    let wait = process.live.store.spentSeconds - storage.spentSeconds
    if wait > 0 { serverFrozenUntil = now + wait }
    storage = process.live.store
    server = process
    for output in process.outputs(outgoing) { send(output, after: wait) }
    switch process.live.ending {
    case nil: return
    case .stopped:
      allowance.add(.killServer, lasting: 3)
      killServer(for: 3)
    case let ended?: ending = ended
    }
  }

  mutating func atWorker(
    _ id: Int, _ event: Event, _ body: (inout SimulatedWorker, Double) -> [SimulatedWorker.Output]
  ) {
    guard var worker = workers[id] else { return }
    guard worker.frozenUntil <= now else {
      let isTick = if case .workerTick = event { true } else { false }
      return queue.insert(event, at: worker.frozenUntil + (isTick ? 0.001 : 0))
    }
    let outputs = body(&worker, worker.clock.time(at: now))
    for output in outputs {
      switch output {
      case .control(let message): send(message, from: worker)
      case .data(let header, let payload): _ = sendData(header, payload, from: worker)
      case .prepare:
        if worker.dataPeer != 0 { severed.insert(worker.dataPeer) }
        worker.dataPeer = newPeer()
        worker.connectionCount += 1
        if id == 1, worker.connectionCount == 1, let cut = misfortune.cut {
          blockFirstConnection(worker.dataPeer, cut)
        }
        queue.insert(.prepared(id), at: now + Double(random.uniform(in: 0.01..<2)))
      case .compute:
        let seconds = worker.stall + Double(random.uniform(in: 0.01..<0.8))
        queue.insert(.computed(id), at: now + seconds)
        worker.stall = 0
      case .ended(let ending):
        workers[id] = worker
        return end(id, ending)
      }
    }
    sendResults(of: &worker, id)
    workers[id] = worker
  }

  private mutating func end(_ id: Int, _ ending: WorkerEnding) {
    guard let worker = workers[id] else { return }
    let isCut = [Direction.toServer, .toWorker].contains {
      network.isBlocked(Line(peer: worker.dataPeer, direction: $0), at: now)
    }
    if case .failed(let reason) = ending, worker.insider == nil, !isCut {
      violations.append("worker \(id): \(reason)")
    }
    replace(id)
  }
}

/// The chunks that a message of missing ones names.
private func missingChunks(_ header: DataHeader, _ payload: [UInt8], of run: ToyRun) -> [Int] {
  guard header.kind == .missing else { return [] }
  return payload.withUnsafeBytes { bytes in
    (try? MissingChunks(decoding: bytes, chunkCount: run.chunking.chunkCount))?.chunks ?? []
  }
}

/// Keeps what a run says to people.
final class Lines: RunObserver, Sendable {
  private let kept = Mutex<[String]>([])

  var all: [String] { kept.withLock { $0 } }

  func observe(_ event: RunEvent) {
    guard let line = event.line else { return }
    kept.withLock { $0.append(line) }
  }
}
