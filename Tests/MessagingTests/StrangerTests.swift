// Peers that were not made by us and have no keys: nothing of what they say is read.

import Foundation
import Glibc
import Messaging
import TestSupport
import Testing

@Suite struct StrangerTests {
  /// A TCP connection that introduces itself as a DEALER with a routing id of its choice.
  private func introduce(as id: [UInt8], to port: UInt16) throws -> Int32 {
    let descriptor = try #require(connection(to: port))
    func property(_ name: String, _ value: [UInt8]) -> [UInt8] {
      [UInt8(name.utf8.count)] + Array(name.utf8) + [0, 0, 0, UInt8(value.count)] + value
    }
    let mechanism = Array("NULL".utf8) + [UInt8](repeating: 0, count: 16)
    let greeting: [UInt8] =
      [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 0] + mechanism + [UInt8](repeating: 0, count: 32)
    let ready =
      [5] + Array("READY".utf8) + property("Socket-Type", Array("DEALER".utf8))
      + property("Identity", id)
    let bytes = greeting + [4, UInt8(ready.count)] + ready
    #expect(send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
    return descriptor
  }

  /// Each takes a number that ZeroMQ is about to give to a peer of ours: without keys libzmq 4.3.4
  /// aborts at the first of them.
  @Test func routingIdsThatPeersChooseEndNothing() throws {
    let (mine, theirs) = (try Context(), try Context())
    let keys = try KeyPair()
    _ = try Authenticator(in: mine, admits: { $0 == keys.publicKey }, refused: { _, _ in })
    let server = try Socket(.router, in: mine, options: options { $0.security = .server(keys) })
    let endpoint = try server.bind(to: Endpoint("127.0.0.1:0"))
    guard case .tcp(_, let port) = endpoint.transport else {
      throw Unexpected(description: "no port")
    }
    func greet(_ number: UInt8) throws -> String {
      let peer = try Socket(
        .dealer, in: theirs,
        options: options {
          $0.sendsOnlyWhenConnected = false
          $0.security = .client(keys, of: keys.publicKey)
        })
      try peer.connect(to: endpoint)
      _ = try peer.send([number])
      let message = try server.nextMessage()
      #expect(message.frames[0].bytes == [number])
      return try #require(message.peer).description
    }
    // A zero, and a number that is counted up.
    let first = try greet(0)
    let counter = try #require(UInt32(first.dropFirst(2), radix: 16))
    #expect(first.hasPrefix("00") && first.count == 10)
    let strangers = try (1...9).map { ahead in
      let next = counter &+ UInt32(ahead)
      let id = [0] + (0..<4).map { UInt8(truncatingIfNeeded: next >> (24 - 8 * $0)) }
      return try introduce(as: id, to: port)
    }
    defer { for descriptor in strangers { close(descriptor) } }
    usleep(300_000)
    for number: UInt8 in 1...10 { _ = try greet(number) }
  }
}
