// What strangers send to a server's ports is dropped, counted and said, and the run goes on.

import Foundation
import Glibc
import Messaging
import TestSupport
import Testing
import Training

@Suite struct StrangerTests {
  /// Without keys, so that what strangers say is read at all.
  @Test func garbageDoesNotDisturbARun() throws {
    let workspace = try Workspace()
    let dataPort = try freePort()
    let cluster = try ClusterByHand(
      .states, ["--data-port", String(dataPort), "--insecure"], run: "run", in: workspace)
    let control = try Endpoint(cluster.endpoint)
    guard case .tcp(_, let controlPort) = control.transport else {
      throw TestFailure("The server listens on \(control).")
    }
    // As the server's invitation says.
    try cluster.waitForServer(toSay: " --insecure")
    try cluster.startWorker(["--insecure"])
    try workspace.run("run").waitForStep(5)
    for port in [controlPort, dataPort] {
      try sendBytes([UInt8]("GET / HTTP/1.1\r\n\r\n".utf8), to: port)
      try sendBytes([0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F], to: port)
      try sendBytes((0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 167) }, to: port)
    }
    for message in ["", "nonsense", "{\"hello\":1}", "{\"heartbeat\":{\"run\":1}}"] {
      try sendMessage([UInt8](message.utf8), to: control)
    }
    for count in [0, 8, 54, 200] {
      try sendMessage([UInt8](repeating: 0x52, count: count), to: Endpoint("127.0.0.1:\(dataPort)"))
    }
    let server = try cluster.server.wait().requiringSuccess()
    #expect(server.output.contains("that are not ours: a control message that cannot be read"))
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
    #expect(try cluster.workers[0].wait().code == 0)
  }

  /// Sends one well-formed frame with any content.
  private func sendMessage(_ bytes: [UInt8], to endpoint: Endpoint) throws {
    let context = try Context()
    var options = SocketOptions(maximumFrameByteCount: 1 << 20)
    options.linger = .seconds(1)
    let socket = try Socket(.dealer, in: context, options: options)
    try socket.connect(to: endpoint)
    try waitUntil("a connection to \(endpoint)", atMost: 10) { try socket.send(bytes) == .sent }
  }

  /// Sends bytes that no ZeroMQ peer would send.
  private func sendBytes(_ bytes: [UInt8], to port: UInt16) throws {
    guard let descriptor = connection(to: port) else {
      throw TestFailure("Nobody listens on port \(port).")
    }
    defer { close(descriptor) }
    // The server may well hang up before all is sent.
    _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
  }
}
