// Reports what becomes of a socket's connections, which sending and receiving never tell.

import CZeroMQ
import Glibc

/// Something that happened to one connection of a monitored socket.
public enum ConnectionEvent: Hashable, Sendable {
  /// The connection stands and both ends speak the same protocol.
  case connected
  /// A connection that was made, though perhaps not yet introduced, is gone.
  case disconnected
  /// There was no answer; the socket goes on trying.
  case retrying
  /// The other end speaks another protocol or was not admitted.
  case handshakeFailed(reason: String)
}

/// Watches the connections of one socket, on that socket's thread.
///
/// Without it a server that is not there, one that speaks another protocol and one that is slow all
/// look the same. Events say nothing about messages: those in flight at a disconnection are lost.
public struct ConnectionMonitor: ~Copyable {
  let events: Socket
  private let watched: SocketHandle

  /// Watches `socket`, best before it is bound or connected, as earlier events are not told.
  public init(of socket: borrowing Socket) throws(MessagingError) {
    let watched = socket.handle
    // Unique as long as the socket lives, and so are the events.
    let endpoint = try Endpoint("inproc://monitor-\(UInt(bitPattern: watched.open))")
    var options = SocketOptions(maximumFrameByteCount: 1 << 16)
    // ZeroMQ's own thread writes the events and would stand still if they found no room.
    options.receiveHighWaterMark = 0
    let events = try Socket(.pair, in: watched.context, options: options)
    guard zmq_socket_monitor(watched.open, endpoint.description, Self.told) == 0 else {
      throw MessagingError(lastErrorOf: "monitor a socket")
    }
    try events.connect(to: endpoint)
    self.events = events
    self.watched = watched
  }

  deinit {
    // Before the receiving end goes, for the reason above.
    if let pointer = watched.pointer { zmq_socket_monitor(pointer, nil, 0) }
  }

  /// The next event, or nil if none waits.
  public func next() throws(MessagingError) -> ConnectionEvent? {
    while true {
      guard case .message(let message) = try events.receive() else { return nil }
      if let event = Self.event(message.frames[0].bytes) { return event }
    }
  }

  private static let told =
    ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH
    | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECT_RETRIED

  /// Decodes an event: its number in two bytes and a detail in four, as the machine orders them.
  private static func event(_ bytes: [UInt8]) -> ConnectionEvent? {
    guard bytes.count == 6 else { return nil }
    let (number, detail) = bytes.withUnsafeBytes {
      (
        Int32($0.loadUnaligned(as: UInt16.self)),
        Int32(bitPattern: $0.loadUnaligned(fromByteOffset: 2, as: UInt32.self))
      )
    }
    return switch number {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: .connected
    case ZMQ_EVENT_DISCONNECTED: .disconnected
    case ZMQ_EVENT_CONNECT_RETRIED: .retrying
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
      .handshakeFailed(
        reason: """
          the other end broke off the greeting (\(String(cString: zmq_strerror(detail)))): it may \
          use other keys, or none
          """)
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL
    where detail == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
      .handshakeFailed(reason: "one end uses keys and the other does not")
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
      .handshakeFailed(reason: "the other end breaks the protocol (\(String(detail, radix: 16)))")
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
      .handshakeFailed(reason: "the key is not allowed there (\(detail))")
    default: nil
    }
  }
}
