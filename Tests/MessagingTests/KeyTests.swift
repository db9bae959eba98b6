// Connections with keys: who is let in, who is not, and what either end learns of it.

import Foundation
import Messaging
import Synchronization
import Testing

@Suite struct KeyTests {
  /// Whom an authenticator refused.
  private final class Refusals: Sendable {
    private let keys = Mutex<[PublicKey?]>([])
    var all: [PublicKey?] { keys.withLock { $0 } }
    func add(_ key: PublicKey?) { keys.withLock { $0.append(key) } }
  }

  private let server: KeyPair
  private let client: KeyPair
  private let refusals = Refusals()

  init() throws { (server, client) = (try KeyPair(), try KeyPair()) }

  private func authenticate(in context: Context, allowing allowed: Set<PublicKey>) throws {
    _ = try Authenticator(
      in: context, admits: { allowed.contains($0) },
      refused: { [refusals] key, _ in refusals.add(key) })
  }

  private func listener(in context: Context) throws -> Socket {
    try Socket(.router, in: context, options: options { $0.security = .server(server) })
  }

  private func connector(in context: Context, _ security: Security) throws -> Socket {
    try Socket(
      .dealer, in: context,
      options: options {
        $0.security = security
        $0.sendsOnlyWhenConnected = false
      })
  }

  /// Why a handshake failed; `nil` if it succeeded, or nothing was said of it.
  private func failure(of monitor: borrowing ConnectionMonitor) throws -> String? {
    let deadline = ContinuousClock.now.advanced(by: patience)
    while ContinuousClock.now < deadline {
      switch try monitor.next() {
      case .handshakeFailed(let reason): return reason
      case .connected: return nil
      case .disconnected, .retrying, nil: usleep(5_000)
      }
    }
    return nil
  }

  @Test func keysAreWhatTheirTextSays() throws {
    #expect(PublicKey(client.publicKey.description) == client.publicKey)
    #expect(KeyPair(secret: client.secret)?.publicKey == client.publicKey)
    #expect(client.publicKey != server.publicKey)
    for text in ["", "short", String(repeating: " ", count: 40), client.secret + "a"] {
      #expect(PublicKey(text) == nil && KeyPair(secret: text) == nil)
    }
  }

  @Test func anAllowedKeyIsLetIn() throws {
    let (mine, theirs) = (try Context(), try Context())
    try authenticate(in: mine, allowing: [client.publicKey])
    let socket = try listener(in: mine)
    let endpoint = try socket.bind(to: Endpoint("127.0.0.1:0"))
    let peer = try connector(in: theirs, .client(client, of: server.publicKey))
    let monitor = try ConnectionMonitor(of: peer)
    try peer.connect(to: endpoint)
    _ = try peer.send(Array("hello".utf8))
    let message = try socket.nextMessage()
    #expect(message.frames[0].bytes == Array("hello".utf8))
    #expect(message.key == client.publicKey.description)
    // As large as frames may be: encryption adds to it.
    let payload: [UInt8] = (0..<2 << 20).map { UInt8(truncatingIfNeeded: $0) }
    let id = try #require(message.peer)
    let outcome = try payload.withUnsafeBytes { bytes in
      try socket.send([1], payload: .copied(bytes), to: id)
    }
    #expect(outcome == .sent)
    #expect(try peer.nextMessage().frames[1].bytes == payload)
    let reason = try failure(of: monitor)
    #expect(reason == nil && refusals.all.isEmpty)
  }

  @Test func anotherKeyIsRefusedAndBothLearnOfIt() throws {
    let (mine, theirs) = (try Context(), try Context())
    try authenticate(in: mine, allowing: [server.publicKey])
    let socket = try listener(in: mine)
    let endpoint = try socket.bind(to: Endpoint("127.0.0.1:0"))
    let peer = try connector(in: theirs, .client(client, of: server.publicKey))
    let monitor = try ConnectionMonitor(of: peer)
    try peer.connect(to: endpoint)
    _ = try peer.send([1])
    let reason = try failure(of: monitor)
    #expect(try #require(reason).contains("key"))
    #expect(refusals.all.first == client.publicKey)
    let reception = try socket.next(within: .milliseconds(300))
    guard case .nothing = reception else {
      Issue.record("a message of a stranger arrived")
      return
    }
  }

  @Test func whoHasNoKeysOrThoseOfAnotherServerIsNotHeard() throws {
    let (mine, theirs) = (try Context(), try Context())
    try authenticate(in: mine, allowing: [client.publicKey])
    let socket = try listener(in: mine)
    let endpoint = try socket.bind(to: Endpoint("127.0.0.1:0"))
    for security in [Security.none, .client(client, of: client.publicKey)] {
      let peer = try connector(in: theirs, security)
      let monitor = try ConnectionMonitor(of: peer)
      try peer.connect(to: endpoint)
      _ = try peer.send([1])
      let reason = try failure(of: monitor)
      #expect(try #require(reason).contains("keys"), "\(security)")
      let reception = try socket.next(within: .milliseconds(200))
      guard case .nothing = reception else {
        Issue.record("a message of a stranger arrived")
        return
      }
    }
  }

  @Test func aContextWithAnAuthenticatorEnds() throws {
    for _ in 0..<3 {
      let context = try Context()
      try authenticate(in: context, allowing: [])
      let socket = try listener(in: context)
      socket.close()
    }
  }
}
