// Says when a server cannot be reached, which sending alone never tells.

import Messaging

/// Puts into words what keeps one socket from its server, once until it is connected again.
struct ConnectionWatch: ~Copyable {
  private let monitor: ConnectionMonitor
  private let endpoint: Endpoint
  private var isReported = false

  /// Watches a socket that is not connected yet.
  init(of socket: borrowing Socket, to endpoint: Endpoint) throws {
    monitor = try ConnectionMonitor(of: socket)
    self.endpoint = endpoint
  }

  /// Gives `log` a line if there is news.
  mutating func report(to log: (String) -> Void) throws {
    while let event = try monitor.next() {
      let problem: String
      switch event {
      case .connected:
        isReported = false
        continue
      case .disconnected: continue
      // Asked only once: it may take a while.
      case .retrying where isReported: continue
      case .retrying:
        problem =
          endpoint.resolutionProblem() ?? "nobody listens there, or a firewall is in between"
      case .handshakeFailed(let reason): problem = reason
      }
      guard !isReported else { continue }
      isReported = true
      log("\(endpoint) cannot be reached (\(problem)); trying on.")
    }
  }
}
