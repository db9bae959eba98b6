// The bytes on their way: frames to send, and frames received with the peer they came from.

import CZeroMQ

/// The name by which a ROUTER socket knows one connection.
///
/// The socket makes it up when a peer connects; a peer that reconnects gets a new one. Any peer may
/// claim a name for itself, so it proves nothing about who the peer is.
public struct PeerID: Hashable, Sendable, CustomStringConvertible {
  let bytes: [UInt8]

  /// The bytes in hexadecimal, for logs.
  public var description: String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

/// A whole message: where it came from and its frames.
///
/// Whoever reaches the port can make one: bytes that were never meant for ZeroMQ may pass for
/// messages of its first protocol. Nothing may be believed before it has been checked.
public struct ReceivedMessage: Sendable {
  /// The sender, on a ROUTER socket only.
  public let peer: PeerID?
  /// At least one frame, and no more than the socket's limit.
  public let frames: [Frame]

  /// The public key that the connection has proved to own, as the `Authenticator` admitted it;
  /// `nil` without keys.
  public var key: String? { frames[0].userID }
}

/// One received part of a message; its memory is ZeroMQ's and is freed with the last reference.
///
/// The bytes begin at a multiple of 8, not of 16 or more.
public final class Frame: @unchecked Sendable {
  // Only `receive(on:)` writes, before anybody else can hold the frame; after it there are only
  // reads, and ZeroMQ counts references to the memory atomically.
  private let message: UnsafeMutablePointer<zmq_msg_t>

  init() {
    message = .allocate(capacity: 1)
    zmq_msg_init(message)
  }

  deinit {
    zmq_msg_close(message)
    message.deallocate()
  }

  /// The number of bytes.
  public var byteCount: Int { zmq_msg_size(message) }

  /// Calls `body` with the bytes, which are valid only until it returns.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(UnsafeRawBufferPointer(start: zmq_msg_data(message), count: byteCount))
  }

  /// A copy of the bytes.
  public var bytes: [UInt8] { withUnsafeBytes { Array($0) } }

  /// What the authenticator called whoever sent it.
  var userID: String? {
    guard let text = zmq_msg_gets(message, "User-Id"), text.pointee != 0 else { return nil }
    return String(cString: text)
  }

  /// Whether another frame of the same message follows.
  var hasMore: Bool { zmq_msg_more(message) != 0 }

  /// Receives one frame without waiting; false leaves the reason in `errno`.
  func receive(on socket: UnsafeMutableRawPointer) -> Bool {
    zmq_msg_recv(message, socket, ZMQ_DONTWAIT) >= 0
  }
}

/// The bulk of a message to send.
public enum Payload {
  /// Bytes that are copied before `send` returns.
  case copied(UnsafeRawBufferPointer)
  /// Bytes that are sent from where they are.
  ///
  /// They must stay valid and unchanged as long as `owner` lives. The socket retains `owner` until
  /// the bytes have left, and lets go of it on a thread of ZeroMQ's: should that be the last
  /// reference, `owner` is destroyed there, and must not call into this module while it is.
  case shared(UnsafeRawBufferPointer, owner: any AnyObject & Sendable)
}

/// One part of a message until ZeroMQ takes it over.
struct OutgoingFrame: ~Copyable {
  private var message = zmq_msg_t()

  init(_ payload: Payload) throws(MessagingError) {
    switch payload {
    case .copied(let bytes):
      try self.init(byteCount: bytes.count)
      copy(from: bytes)
    case .shared(let bytes, let owner):
      try self.init(sharing: bytes, owner: owner)
    }
  }

  init(copying bytes: [UInt8]) throws(MessagingError) {
    try self.init(byteCount: bytes.count)
    bytes.withUnsafeBytes { copy(from: $0) }
  }

  private init(byteCount: Int) throws(MessagingError) {
    guard zmq_msg_init_size(&message, byteCount) == 0 else {
      throw MessagingError(lastErrorOf: "allocate a frame of \(byteCount) bytes")
    }
  }

  init(sharing bytes: UnsafeRawBufferPointer, owner: any AnyObject & Sendable)
    throws(MessagingError)
  {
    let retained = Unmanaged<AnyObject>.passRetained(owner)
    let result = zmq_msg_init_data(
      &message, UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count,
      { _, owner in
        // Runs on a thread of ZeroMQ's: nothing but the atomic release.
        if let owner { Unmanaged<AnyObject>.fromOpaque(owner).release() }
      }, retained.toOpaque())
    if result != 0 {
      retained.release()
      throw MessagingError(lastErrorOf: "allocate a frame")
    }
  }

  deinit {
    // Empty once sent; otherwise this frees the bytes or lets go of their owner.
    var message = message
    zmq_msg_close(&message)
  }

  private mutating func copy(from bytes: UnsafeRawBufferPointer) {
    UnsafeMutableRawBufferPointer(start: zmq_msg_data(&message), count: bytes.count)
      .copyMemory(from: bytes)
  }

  /// Hands the frame to ZeroMQ without waiting; on failure it is still ours.
  mutating func send(on socket: UnsafeMutableRawPointer, more: Bool) -> Bool {
    zmq_msg_send(&message, socket, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) >= 0
  }
}
