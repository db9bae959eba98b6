// What the processes of a simulation send each other, and what insiders do.

import Learning
import Tensors

@testable import Training

extension SimulatedCluster {
  /// A message of the server's, which leaves after some time.
  mutating func send(_ output: SimulatedServer.Output, after wait: Double) {
    switch output {
    case .control(let message, let peer):
      guard isConnected(peer), let id = worker(at: peer) else { return lose() }
      let event = Event.atWorker(id, message, peer: peer)
      _ = entrust(event, to: Line(peer: peer, direction: .toWorker), isData: false, after: wait)
    case .data(let header, let payload, let peer):
      guard isConnected(peer), let id = worker(at: peer) else { return lose() }
      let event = Event.dataAtWorker(id, header, payload: payload, peer: peer)
      let line = Line(peer: peer, direction: .toWorker)
      if entrust(event, to: line, isData: true, after: wait) == nil { lose() }
    }
  }

  private func worker(at peer: Int) -> Int? {
    workers.first { $0.value.controlPeer == peer || $0.value.dataPeer == peer }?.key
  }

  mutating func send(_ message: ControlMessage, from worker: SimulatedWorker) {
    let event = Event.atServer(message, peer: worker.controlPeer, key: worker.key)
    let line = Line(peer: worker.controlPeer, direction: .toServer)
    _ = entrust(event, to: line, isData: false)
  }

  /// Sends a message on a worker's data connection; when it will have left, or `nil` if there is no
  /// room for it.
  mutating func sendData(
    _ header: DataHeader, _ payload: [UInt8], from worker: SimulatedWorker
  ) -> Double? {
    guard worker.dataPeer != 0 else { return nil }
    let event = Event.dataAtServer(
      header, payload: payload, peer: worker.dataPeer, key: worker.key)
    return entrust(event, to: Line(peer: worker.dataPeer, direction: .toServer), isData: true)
  }

  /// Sends what waits to be sent, until the connection takes no more.
  mutating func sendResults(of worker: inout SimulatedWorker, _ id: Int) {
    while !worker.isWaitingForRoom, let piece = worker.results.next(of: run.chunking) {
      let payload =
        switch piece.payload {
        case .measurements(let bytes): bytes
        case .scalars(let tensor, let range): Array(SharedScalars(tensor).bytes(of: range))
        case .whole: preconditionFailure("a simulated cluster shares no memory")
        }
      guard sendData(piece.header, payload, from: worker) != nil else {
        worker.isWaitingForRoom = true
        let line = Line(peer: worker.dataPeer, direction: .toServer)
        return queue.insert(.room(id), at: max(network.roomAt(line, now: now), now + 0.002))
      }
      worker.results.removeNext()
      worker.machine.sent(
        piece.job, isAll: piece.isLast, now: worker.clock.time(at: now))
    }
  }

  /// Entrusts a message to the network; when it will have left, or `nil` if there is no room.
  private mutating func entrust(
    _ event: Event, to line: Line, isData: Bool, after wait: Double = 0
  ) -> Double? {
    var left = now + wait
    if isData {
      dataMessages += 1
      guard
        let departure = network.entrust(to: line, limit: misfortune.queueLimit, now: now + wait)
      else { return nil }
      left = departure
    } else {
      left = network.openAt(line, now: left)
    }
    guard left.isFinite else { return left }
    let copies = random.uniform() < misfortune.duplicateRate ? 2 : 1
    for _ in 0..<copies {
      guard random.uniform() >= misfortune.dropRate else {
        lose()
        continue
      }
      queue.insert(event, at: left + Double(random.uniform(in: 0..<misfortune.delay)))
    }
    return left
  }

  // MARK: Insiders

  /// An insider sends a message that no honest worker would, and soon another one.
  mutating func forge(as id: Int) {
    guard let worker = workers[id], let insider = worker.insider else { return }
    guard now < Double(Self.faultSeconds) else { return }
    queue.insert(.forgery(id), at: now + Double(random.uniform(in: 0.02..<0.5)))
    guard !insider.sessions.isEmpty else { return }
    // A session of its own key may be newer than its last welcome, or have the number of an older
    // one: what it says there is a lie about its own work.
    let sessions = server?.live.coordinator.sessions ?? [:]
    func isForeign(_ session: SessionID) -> Bool {
      session != insider.sessions.last
        && (!misfortune.hasKeys || sessions[session]?.key != worker.key)
    }
    let inOrder = server?.live.coordinator.sessionsInOrder ?? []
    let known = misfortune.hasKeys ? inOrder.filter(isForeign) : []
    let forgery = insider.forge(
      run, run: worker.welcome?.run ?? 0,
      others: known + insider.sessions.dropLast().filter(isForeign), &random)
    switch forgery {
    case .control(let message): send(message, from: worker)
    case .data(let header, let payload): _ = sendData(header, payload, from: worker)
    }
    for session in known.prefix(3) {
      sendChanged(misfortune.changedFrames / 3, naming: session, from: worker)
    }
  }

  /// Sends what is still readable of so many messages of a session's, each changed a little.
  private mutating func sendChanged(
    _ count: Int, naming session: SessionID, from worker: SimulatedWorker
  ) {
    let own = worker.insider?.sessions ?? []
    let corpus = FrameCorpus(
      run, run: worker.welcome?.run ?? 0, session: session,
      step: (server?.live.state.step ?? 0) + 1)
    var mutator = FrameMutator(seed: random.next())
    for _ in 0..<count {
      switch mutator.next(of: corpus) {
      case .control(let bytes):
        guard let message = try? ControlMessage(decoding: bytes) else { continue }
        // To say hello is to join, and honest.
        if case .hello = message { continue }
        send(message, from: worker)
      case .data(let header, let payload):
        let decoded = header.withUnsafeBytes { header in
          payload.withUnsafeBytes { try? DataHeader(decoding: header, payload: $0) }
        }
        guard let decoded, !own.contains(decoded.session) else { continue }
        _ = sendData(decoded, payload, from: worker)
      }
    }
  }
}
