// What strangers without keys can do to a server, and what it must outlive.

import Foundation
import Glibc
import TestSupport
import Testing

@Suite struct AttackTests {
  private let workspace: Workspace

  init() throws { workspace = try Workspace() }

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
    let port = try #require(UInt16(endpoint.split(separator: ":").last ?? ""))
    let worker = try RunningProcess(.worker, ["--server", endpoint], in: workspace)
    try workspace.run("run").waitForStep(5)
    var connections: [Int32] = []
    defer { for descriptor in connections { close(descriptor) } }
    while server.isRunning, connections.count < 400 {
      if let idle = connection(to: port) { connections.append(idle) }
      usleep(5_000)
    }
    try server.wait().requiringSuccess()
    #expect(try worker.wait().code == 0)
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
  }
}
