// relate doctor: what it finds, what it advises, and how it ends.

import Foundation
import Glibc
import Learning
import TestSupport
import Testing
import Training

@Suite struct DoctorTests {
  private let workspace: Workspace

  init() throws { workspace = try Workspace() }

  /// The checks of a doctor's visit by name, and its exit code.
  private func visit(_ arguments: [String]) throws -> (checks: [String: JSONValue], code: Int32) {
    let ended = try workspace.relate(["doctor", "--json"] + arguments, atMost: 20)
    let checks = try ended.output.split(separator: "\n").map {
      try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8))
    }
    return (
      Dictionary(checks.map { ($0["name"]?.text ?? "?", $0) }) { first, _ in first }, ended.code
    )
  }

  @Test func aMachineIsLookedOver() throws {
    let (checks, code) = try visit([])
    #expect(code == 0, "\(checks)")
    for name in ["release", "processor", "memory", "open files", "disk", "writing", "keys"] {
      #expect(checks[name]?["finding"]?.text?.isEmpty == false, "\(name)")
    }
    let engines = MatrixEngineNames.all.compactMap { checks[$0]?["finding"]?.text }
    #expect(engines.count == MatrixEngineNames.all.count)
    #expect(engines.contains { $0.contains("fp32 ") }, "\(engines)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: workspace.path).count == 2)
    let table = try workspace.relate(["doctor"]).requiringSuccess()
    #expect(table.output.split(separator: "\n").count >= checks.count, "a line each: \(table)")
    let missing = try visit(["--disk", "missing"])
    #expect(missing.code == 1 && missing.checks["disk"]?["verdict"]?.text == "bad")
  }

  @Test func aServerIsReachedAsAWorkerWould() throws {
    let cluster = try ClusterByHand(.states, run: "run", in: workspace)
    let (checks, code) = try visit(["--server", cluster.endpoint])
    #expect(code == 0, "\(checks)")
    #expect(checks["round trip"]?["finding"]?.text?.contains(" ms ") == true, "\(checks)")
    #expect(checks["data port"]?["verdict"]?.text == "good")
    #expect(checks["run"]?["finding"]?.text?.contains("sort-of-clevr quick") == true)
    try workspace.relate(["keys", "new", "--keys", "others"]).requiringSuccess()
    for others in [["--keys", "others"], ["--insecure"]] {
      let (checks, code) = try visit(["--server", cluster.endpoint] + others)
      #expect(code == 1)
      #expect(
        checks["keys of the server"]?["advice"]?.text?.contains("relate keys allow") == true,
        "\(others): \(checks)")
    }
    try cluster.startWorker()
    try cluster.server.wait().requiringSuccess()
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
  }

  @Test func aServerThatIsNotThereIsToldFromOneThatIsHidden() throws {
    let refused = try visit(["--server", "127.0.0.1:\(freePort())"])
    #expect(refused.code == 1)
    #expect(refused.checks["server"]?["finding"]?.text?.contains("refuses") == true)
    let port = try freePort()
    let silent = try #require(SilentPort(port))
    let filtered = try visit(["--server", "127.0.0.1:\(port)"])
    #expect(filtered.code == 1)
    #expect(
      filtered.checks["server"]?["finding"]?.text?.contains("drops what is sent") == true,
      "\(filtered.checks)")
    silent.close()
    let nameless = try visit(["--server", "no-such-host.invalid:5555"])
    #expect(nameless.code == 1)
    #expect(nameless.checks["server"]?["finding"]?.text?.contains("resolved") == true)
  }
}

private enum MatrixEngineNames {
  static let all = ["panels", "onednn", "openblas"]
}

/// A port whose queue of connections is full, so that the system drops what is sent to it, as a
/// firewall does.
private final class SilentPort {
  private var descriptors: [Int32] = []

  init?(_ port: UInt16) {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    descriptors.append(listener)
    var address = loopback(port)
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, size) == 0 }
    }
    guard isBound, listen(listener, 0) == 0 else { return nil }
    for _ in 0..<4 {
      let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue)
      let descriptor = socket(AF_INET, kind, 0)
      descriptors.append(descriptor)
      _ = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
      }
    }
  }

  func close() {
    for descriptor in descriptors { Glibc.close(descriptor) }
    descriptors = []
  }

  deinit { close() }
}
