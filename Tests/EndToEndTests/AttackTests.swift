// What strangers can do to a server that asks for no keys, and what it must outlive.

import Foundation
import Glibc
import Testing

@Suite struct AttackTests {
  private let workspace: Workspace

  init() throws { workspace = try Workspace() }

  private func connectIdly(to endpoint: String) -> Int32 {
    let port = UInt16(endpoint.split(separator: ":").last ?? "") ?? 0
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    _ = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    return descriptor
  }

  /// More connections than the server may have files open: its checkpoints are written all the
  /// same.
  @Test func idleConnectionsKeepARunFromNothing() throws {
    let file = workspace.freshPath("endpoint")
    let options = (Trial.states.options + ["--run", "run", "--endpoint-file", file])
      .joined(separator: " ")
    let server = try RunningProcess(
      "/bin/sh", ["-c", "ulimit -n 60; exec \(Executable.server.path) \(options)"], in: workspace)
    var endpoint = ""
    try waitUntil("the server to listen") {
      endpoint = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
      return endpoint.hasSuffix("\n")
    }
    endpoint = endpoint.trimmingCharacters(in: .whitespacesAndNewlines)
    let worker = try RunningProcess(.worker, ["--server", endpoint], in: workspace)
    try workspace.run("run").waitForStep(5)
    var connections: [Int32] = []
    defer { for descriptor in connections { close(descriptor) } }
    while server.isRunning, connections.count < 400 {
      connections.append(connectIdly(to: endpoint))
      usleep(5_000)
    }
    try server.wait().requiringSuccess()
    #expect(try worker.wait().code == 0)
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
  }
}
