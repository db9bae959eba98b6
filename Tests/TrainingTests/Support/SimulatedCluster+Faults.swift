// What happens to the processes and connections of a simulation, as a seed says.

import Tensors

@testable import Training

extension SimulatedCluster {
  /// A fault of the first 25 seconds.
  mutating func haveFault() {
    let kinds = Fault.allCases.filter { $0 != .insider && $0 != .messageLost }
    let ids = workers.keys.sorted()
    let duration = Double(random.uniform(in: 1..<15))
    let fault = kinds[Int(random.integer(below: UInt32(kinds.count)))]
    guard !ids.isEmpty else { return }
    let id = ids[Int(random.integer(below: UInt32(ids.count)))]
    switch fault {
    case .kill: replace(id)
    case .freeze: workers[id]?.frozenUntil = now + duration
    case .stall: workers[id]?.stall = 50
    case .leave:
      atWorker(id, .workerTick(id)) { worker, _ in worker.perform(worker.machine.leave()) }
    case .join: join(isInsider: false)
    case .stop: atServer(nil) { live, time in try live.requestStop(now: time) }
    case .killServer: killServer(for: duration)
    case .freezeServer: serverFrozenUntil = max(serverFrozenUntil, now + duration)
    case .cutData: cut(id, onlyData: true, until: .infinity)
    case .cutHost: cut(id, onlyData: false, until: now + duration)
    case .reconnect: connectAnew(id)
    case .slowLinks: slowDown(for: duration)
    case .insider, .messageLost: return
    }
    let lasts: Set<Fault> = [.freeze, .killServer, .freezeServer, .cutHost, .slowLinks]
    // Whoever is gone is replaced after a second, and a stop goes on for ten.
    allowance.add(fault, lasting: lasts.contains(fault) ? duration : 1)
  }

  private mutating func cut(_ id: Int, onlyData: Bool, until time: Double) {
    guard let worker = workers[id] else { return }
    let direction: Direction = random.integer(below: 2) == 0 ? .toServer : .toWorker
    for peer in onlyData ? [worker.dataPeer] : [worker.dataPeer, worker.controlPeer] {
      network.block(Line(peer: peer, direction: direction), from: now, until: time)
    }
  }

  /// Nothing gets through a connection in one direction from two seconds on.
  mutating func blockFirstConnection(_ peer: Int, _ direction: Direction) {
    network.block(Line(peer: peer, direction: direction), from: 2, until: .infinity)
  }

  private mutating func slowDown(for seconds: Double) {
    network.slow(by: 10, from: now, until: now + seconds)
  }
}
