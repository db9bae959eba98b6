// Says when a server cannot be reached, which sending alone never tells.

import Messaging

/// Puts into words what keeps one socket from its server.
struct ConnectionWatch: ~Copyable {
  private let monitor: ConnectionMonitor
  private let endpoint: Endpoint

  /// Watches a socket that is not connected yet.
  init(of socket: borrowing Socket, to endpoint: Endpoint) throws {
    monitor = try ConnectionMonitor(of: socket)
    self.endpoint = endpoint
  }

  /// Gives `log` a line if there is news.
  ///
  /// - Parameter unreachable: the addresses of which it was said, and that have not been reached
  ///   since, by this socket or by others.
  func report(_ unreachable: inout Set<Endpoint>, to log: (String) -> Void) throws {
    while let event = try monitor.next() {
      let problem: String
      switch event {
      case .connected:
        unreachable.remove(endpoint)
        continue
      case .disconnected: continue
      // Asked only once: it may take a while.
      case .retrying where unreachable.contains(endpoint): continue
      case .retrying:
        problem =
          endpoint.resolutionProblem() ?? "nobody listens there, or a firewall is in between"
      case .handshakeFailed(let reason): problem = reason
      }
      guard unreachable.insert(endpoint).inserted else { continue }
      log("\(endpoint) cannot be reached (\(problem)); trying on.")
    }
  }
}
