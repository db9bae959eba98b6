// The keys of CURVE, by which the two ends of a connection know each other and hide what they say.

import CZeroMQ
import Glibc

/// The half of a key pair that others may know, by which they recognise its owner.
public struct PublicKey: Hashable, Sendable, CustomStringConvertible {
  /// Forty characters of Z85, as ZeroMQ writes keys.
  public let description: String

  /// The key that a person typed or a file holds; `nil` if it is none.
  public init?(_ text: String) {
    guard text.utf8.count == Self.length else { return nil }
    var bytes = [UInt8](repeating: 0, count: 32)
    guard zmq_z85_decode(&bytes, text) != nil else { return nil }
    description = text
  }

  /// The key in the 32 bytes that a handshake carries.
  init?(bytes: UnsafeRawBufferPointer) {
    guard bytes.count == 32 else { return nil }
    var text = [CChar](repeating: 0, count: Self.length + 1)
    let bytes = Array(bytes)
    guard zmq_z85_encode(&text, bytes, bytes.count) != nil else { return nil }
    description = text.prefix(Self.length).text
  }

  /// The characters of a key.
  static let length = 40
}

/// A public key and the secret that belongs to it.
public struct KeyPair: Hashable, Sendable {
  /// What others may know.
  public let publicKey: PublicKey
  /// Forty characters of Z85 that nobody else may know.
  public let secret: String

  /// A new pair, from the system's source of randomness.
  public init() throws(MessagingError) {
    var (publicText, secretText) = (Self.noText, Self.noText)
    guard zmq_curve_keypair(&publicText, &secretText) == 0,
      let publicKey = PublicKey(publicText.prefix(PublicKey.length).text)
    else { throw MessagingError(lastErrorOf: "make a key pair") }
    self.publicKey = publicKey
    secret = secretText.prefix(PublicKey.length).text
  }

  /// The pair of a secret that a file holds; `nil` if it is none.
  public init?(secret: String) {
    guard PublicKey(secret) != nil else { return nil }
    var publicText = Self.noText
    guard zmq_curve_public(&publicText, secret) == 0,
      let publicKey = PublicKey(publicText.prefix(PublicKey.length).text)
    else { return nil }
    self.publicKey = publicKey
    self.secret = secret
  }

  private static var noText: [CChar] { Array(repeating: 0, count: PublicKey.length + 1) }
}

/// How the ends of a socket's connections know each other.
public enum Security: Hashable, Sendable {
  /// Not at all, and everybody on the way can read.
  case none
  /// As a server: peers prove their keys, which an `Authenticator` admits or not.
  case server(KeyPair)
  /// As a client of the server that has this key.
  case client(KeyPair, of: PublicKey)

  /// Sets the options of a socket that is neither bound nor connected yet.
  func apply(to socket: UnsafeMutableRawPointer) throws(MessagingError) {
    switch self {
    case .none: return
    case .server(let keys):
      var isServer: Int32 = 1
      let size = MemoryLayout<Int32>.size
      guard zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &isServer, size) == 0 else {
        throw MessagingError(lastErrorOf: "use keys")
      }
      try set(ZMQ_CURVE_SECRETKEY, keys.secret, on: socket)
      try set(ZMQ_ZAP_DOMAIN, Authenticator.domain, on: socket)
    case .client(let keys, let server):
      try set(ZMQ_CURVE_SERVERKEY, server.description, on: socket)
      try set(ZMQ_CURVE_PUBLICKEY, keys.publicKey.description, on: socket)
      try set(ZMQ_CURVE_SECRETKEY, keys.secret, on: socket)
    }
  }

  private func set(
    _ option: Int32, _ text: String, on socket: UnsafeMutableRawPointer
  ) throws(MessagingError) {
    // ZeroMQ counts the zero after a key of text as a part of it.
    let size = text.utf8.count + (option == ZMQ_ZAP_DOMAIN ? 0 : 1)
    guard zmq_setsockopt(socket, option, text, size) == 0 else {
      throw MessagingError(lastErrorOf: "use keys")
    }
  }
}

extension ArraySlice<CChar> {
  /// The characters without the zero after them.
  fileprivate var text: String { String(decoding: map { UInt8(bitPattern: $0) }, as: UTF8.self) }
}
