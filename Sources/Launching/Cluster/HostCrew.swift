// The workers of other hosts, which are reached by ssh.

import Foundation
import Messaging
import Training

/// Workers on several hosts for one server, which is on this machine.
///
/// Before the run begins every host must have the package, and the run's arithmetic. Later a host
/// may be lost: its work goes to others, and it is tried again and again.
final class HostCrew: Workforce {
  /// What the crew is told on the command line.
  struct Options {
    /// The command that connects to a host.
    var ssh: [String]
    /// The package; `nil` for the one that this program belongs to.
    var package: String?
    /// Where the server is to listen.
    var listen: String
    /// The name or address of this machine for the hosts; `nil` for the one that they see.
    var address: String?
    /// Where the data are on hosts that do not say.
    var data: String?
  }

  private let list: HostList
  private let options: Options
  private let numerics: RunNumerics
  private let stop: StopRequest
  private let log: Log
  private var hosts: [RemoteHost] = []
  private var server: Endpoint?
  private var keys: (secret: String, server: PublicKey)?
  private(set) var workerCount = 0

  init(_ list: HostList, options: Options, numerics: RunNumerics, stop: StopRequest, log: Log) {
    (self.list, self.options, self.numerics) = (list, options, numerics)
    (self.stop, self.log) = (stop, log)
  }

  var children: [Child] { hosts.compactMap(\.child) }

  /// Brings every host to where it waits for the server; whether it did before somebody asked to
  /// stop.
  ///
  /// Throws a sentence for each host that cannot compute the run.
  func gather() throws -> Bool {
    let scratch = try Cluster.makePrivateDirectory()
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    let needsPackage = list.hosts.contains { $0.relate == nil }
    let package = needsPackage ? try HostPackage(options.package, scratch: scratch) : nil
    hosts = list.hosts.map { RemoteHost($0, ssh: options.ssh, package: package) }
    var problems: [String] = []
    var waiting = Array(hosts.indices)
    for host in hosts { try host.begin() }
    while !waiting.isEmpty {
      if stop.isRequested {
        end()
        return false
      }
      usleep(10_000)
      for index in waiting {
        let host = hosts[index]
        if let problem = try host.look() {
          problems.append(problem)
        } else if let greeting = host.greeting {
          if let objection = numerics.objection(to: greeting) {
            problems.append("\(host.line.name) \(objection)")
          }
          workerCount += host.line.workers ?? greeting.cores
        } else {
          continue
        }
        waiting.removeAll { $0 == index }
      }
    }
    guard problems.isEmpty else {
      end()
      throw TrainingError(problems.map { $0 + "." }.joined(separator: "\n"))
    }
    return true
  }

  func serverOptions(scratch: String) throws -> (address: String, arguments: [String]) {
    let own = KeyDirectory(path: scratch + "/server-keys")
    let workers = KeyDirectory(path: scratch + "/worker-keys")
    for directory in [own, workers] { try directory.create() }
    let pair = try workers.ownKeys()
    try own.allow(pair.publicKey, name: "the hosts of this run")
    keys = (pair.secret, try own.ownKeys().publicKey)
    // The hosts get them through ssh; the server removes its own when it ends.
    try FileManager.default.removeItem(atPath: workers.path)
    return (options.listen, ["--wait", "600", "--keys", own.path])
  }

  func start(at endpoint: String, of directory: RunDirectory) throws {
    server = try Endpoint(endpoint)
    _ = try tend()
  }

  func tend() throws -> String? {
    for host in hosts {
      if let problem = try host.look() {
        log.warn("\(problem). Its work goes to others.")
      } else if let greeting = host.greeting {
        try order(host, greeting)
      }
    }
    let areGivenUp = hosts.allSatisfy { if case .givenUp = $0.stage { true } else { false } }
    return areGivenUp ? "No host computes any more." : nil
  }

  func end() {
    for host in hosts { host.child?.closeInput() }
    for host in hosts { host.end(within: 5) }
  }

  private func order(_ host: RemoteHost, _ greeting: HostGreeting) throws {
    guard let server, let keys, case .tcp(let listening, let port) = server.transport else {
      return
    }
    // A server that listens on all addresses is reached where the ssh came from.
    let isEverywhere = ["*", "0.0.0.0", "::"].contains(try Self.host(of: options.listen))
    let name = options.address ?? (isEverywhere ? greeting.launcher : nil) ?? listening
    try host.order(
      HostOrders(
        server: name.contains(":") ? "[\(name)]:\(port)" : "\(name):\(port)",
        workers: host.line.workers ?? greeting.cores, threads: host.line.threads,
        data: host.line.data ?? options.data, secret: keys.secret,
        serverKey: keys.server.description))
  }

  private static func host(of address: String) throws -> String {
    guard case .tcp(let host, _) = try Endpoint(address).transport else { return "" }
    return host
  }
}
