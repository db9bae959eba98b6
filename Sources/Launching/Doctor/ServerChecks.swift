// What a worker on this machine would meet at a server, and what this machine meets at hosts.

import Foundation
import Learning
import Messaging
import Training

extension Check {
  private static let secondsToConnect = 3.0

  /// Everything about a server.
  static func server(_ endpoint: Endpoint, keys: KeyPlace) -> [Check] {
    let name = "server"
    guard let reached = port(endpoint, name) else { return [] }
    guard reached.verdict == .good else { return [reached] }
    do {
      let probe = try ServerProbe(endpoint, security: try keys.security(for: endpoint))
      let trains = probe.experiment.task
      var checks = [
        reached,
        .good("keys of the server", "they and these know each other"),
        .good("arithmetic of the run", "\(probe.experiment.numericsKey), as here"),
        .good(
          "run",
          "\(trains.family) \(trains.preset), seed \(probe.experiment.seed), "
            + "\(probe.experiment.steps) steps"),
        .good("round trip", "\(decimals(probe.roundTripSeconds * 1000, 2)) ms for a heartbeat"),
      ]
      if let data = port(probe.data, "data port") { checks.append(data) }
      return checks
    } catch let failure as ProbeFailure {
      return [reached, explained(failure)]
    } catch {
      return [reached, .bad("keys", "\(error)", advice: "See relate keys --help.")]
    }
  }

  private static func port(_ endpoint: Endpoint, _ name: String) -> Check? {
    switch ConnectionTrial(endpoint, within: secondsToConnect) {
    case .reached(let seconds):
      return .good(name, "\(endpoint) is reached in \(decimals(seconds * 1000, 1)) ms")
    case .refused:
      return .bad(
        name, "\(endpoint) refuses connections: that machine is there, and nobody listens",
        advice: "Is the server running, and is this the address that it printed? A server that "
          + "listens on 127.0.0.1 is not reached from elsewhere: --listen '*:PORT'.")
    case .silent(let seconds):
      return .bad(
        name, "\(endpoint) does not answer for \(Int(seconds)) s: something drops what is sent",
        advice: "Open the port in the firewalls between the two (ParameterServer --listen and "
          + "--data-port fix their numbers), or correct the address.")
    case .impossible(let reason):
      return .bad(
        name, "\(endpoint) cannot be tried: \(reason)", advice: "Correct the address.")
    }
  }

  private static func explained(_ failure: ProbeFailure) -> Check {
    switch failure {
    case .greeting(let reason):
      .bad(
        "keys of the server", reason,
        advice: "Compare relate keys show on both sides; then relate keys allow there, and "
          + "relate keys allow --server here. --insecure is said on both sides or on none.")
    case .silence(let seconds):
      .bad(
        "greeting", "the port is open, and nothing is heard for \(Int(seconds)) s",
        advice: "The keys differ, another program listens there, or the server is stopped.")
    case .refused(let reason):
      .bad("joining", "the server refuses this machine", advice: reason)
    }
  }

  /// A check for each host of a file, asked by ssh at the same time.
  static func hosts(
    _ list: HostList, ssh: [String], package: HostPackage?
  ) throws -> [Check] {
    let hosts = list.hosts.map { RemoteHost($0, ssh: ssh, package: package) }
    var checks = [Check?](repeating: nil, count: hosts.count)
    let own = HostGreeting.ofThisMachine()
    for host in hosts { try host.begin() }
    while checks.contains(where: { $0 == nil }) {
      usleep(5_000)
      for (index, host) in hosts.enumerated() where checks[index] == nil {
        if let problem = try host.look() {
          checks[index] = .bad(
            host.line.name, problem, advice: "Try it by hand: \(ssh[0]) \(host.line.destination)")
        } else if let greeting = host.greeting {
          checks[index] = answer(greeting, of: host.line.name, beside: own)
          host.end(within: 2)
        }
      }
    }
    return checks.compactMap(\.self)
  }

  private static func answer(
    _ greeting: HostGreeting, of name: String, beside own: HostGreeting
  ) -> Check {
    let offset = greeting.time - Date().timeIntervalSince1970
    let finding =
      "release \(greeting.version), \(greeting.cores) cores, clock \(decimals(offset, 1)) s off"
    guard greeting.version == own.version else {
      return .bad(name, finding, advice: "Give it release \(own.version), as here.")
    }
    let other = own.numerics.keys.sorted().filter { greeting.numerics[$0] != own.numerics[$0] }
    guard other.count < own.numerics.count else {
      return .bad(
        name, "\(finding); it has \(greeting.engine)",
        advice: "It computes other bits than this machine with every engine: leave it out.")
    }
    guard other.isEmpty else {
      return .note(
        name, "\(finding); other bits with \(other.joined(separator: ", "))",
        advice: "Begin runs with another --engine, or leave it out.")
    }
    guard abs(offset) < 60 else {
      return .note(
        name, finding,
        advice: "No bit depends on clocks, but logs are easier to read if they agree.")
    }
    return .good(name, "\(finding), the same bits")
  }
}
