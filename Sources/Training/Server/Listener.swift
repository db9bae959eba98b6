// The addresses of a server, taken before anything else is done.

import Messaging

/// The two listening sockets of a server.
///
/// Made before a run's directory is: a server that cannot listen must leave nothing behind.
public final class Listener {
  let control: Socket
  let data: Socket
  let dataPort: Int

  /// Where workers say hello, with the port that port 0 became.
  public let endpoint: Endpoint

  /// How many messages may wait for one worker: two versions of a model of thirty million
  /// parameters.
  ///
  /// A worker asks again for what did not fit.
  private static let bulkHighWaterMark = 1024

  /// Listens on an address, and for bulk data on another port of it, where port 0 takes a free one,
  /// or on a Unix socket beside it.
  ///
  /// Throws a `MessagingError` that names the address if that is not possible.
  ///
  /// - Parameter admission: whom to let in; `nil` for everybody who reaches the address.
  public init(
    on address: Endpoint, dataPort: UInt16 = 0, admission: Admission? = nil
  ) throws(MessagingError) {
    let context = try Context()
    if let admission {
      _ = try Authenticator(in: context, admits: admission.admits, refused: admission.refused)
    }
    let security = admission.map { Security.server($0.keys) } ?? .none
    var small = SocketOptions(maximumFrameByteCount: ControlMessage.sizeLimitToServer)
    small.security = security
    // The last message tells the workers to end; without it they would look for a server.
    small.linger = .seconds(1)
    control = try Socket(.router, in: context, options: small)
    endpoint = try control.bind(to: address)
    var bulk = SocketOptions(maximumFrameByteCount: Chunking.standardScalars * 4)
    bulk.security = security
    bulk.maximumFrameCount = 2
    bulk.sendHighWaterMark = Self.bulkHighWaterMark
    data = try Socket(.router, in: context, options: bulk)
    self.dataPort = Int(try data.bind(to: address.forData(port: dataPort)).port ?? 0)
  }
}

/// Whom a server lets in across machines: those whose keys it knows.
public struct Admission: Sendable {
  /// The server's own keys.
  public var keys: KeyPair
  /// Whether a key is allowed; asked for every new connection, on a thread of its own.
  public var admits: @Sendable (PublicKey) -> Bool
  /// Is told of each key and address that was not let in; `nil` stands for no key at all.
  public var refused: @Sendable (PublicKey?, _ address: String) -> Void

  /// The admission of some keys.
  public init(
    keys: KeyPair, admits: @escaping @Sendable (PublicKey) -> Bool,
    refused: @escaping @Sendable (PublicKey?, _ address: String) -> Void
  ) {
    (self.keys, self.admits, self.refused) = (keys, admits, refused)
  }
}
