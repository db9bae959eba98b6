// Every limit and interval of a socket, decided where the socket is made.

import CZeroMQ
import Glibc

/// The limits and intervals of one socket.
///
/// ZeroMQ's own heartbeats are left off on purpose: in version 4.3.4 they abort the process when
/// the peer's pipe is full, and do not see a frozen peer while data is queued for it.
public struct SocketOptions: Hashable, Sendable {
  /// The largest frame a peer may send, in bytes; a peer that announces more is disconnected.
  ///
  /// Without it ZeroMQ allocates whatever an unknown peer's nine-byte header claims.
  public var maximumFrameByteCount: Int
  /// The most frames a message may have, a ROUTER's peer id not counted; longer ones are discarded.
  public var maximumFrameCount = 8
  /// How many messages may wait for one peer before sending reports `.wouldBlock`; 0 is no limit.
  public var sendHighWaterMark = 64
  /// How many messages of one peer may wait to be received before that peer is slowed down.
  public var receiveHighWaterMark = 64
  /// How long closing goes on sending what is queued.
  public var linger = Duration.zero
  /// How long a new connection may take to introduce itself before it is dropped.
  public var handshakeInterval = Duration.seconds(3)
  /// How long to wait before the first attempt to connect again; doubles up to the maximum.
  public var reconnectInterval = Duration.milliseconds(100)
  /// The longest wait between two attempts to connect again.
  public var maximumReconnectInterval = Duration.seconds(2)
  /// Whether sending waits for a connection instead of queueing for a peer that is not there yet.
  ///
  /// What is queued is lost when the connection breaks, either way.
  public var sendsOnlyWhenConnected = true
  /// The kernel's buffer for each direction of a connection, in bytes.
  ///
  /// 4 MiB made 1 MiB frames 25 % faster over TCP and 2.4 times as fast over Unix sockets.
  public var kernelBufferByteCount = 4 << 20
  /// How long sent data may make no progress over TCP, as after a pulled cable.
  ///
  /// The system counts a healthy peer that reads nothing for so long as gone too: with a limit of
  /// one second it lost its connection after 1.3 seconds. Keep it above the longest pause.
  public var retransmissionLimit = Duration.seconds(120)
  /// How the ends of a connection know each other.
  public var security = Security.none
  /// How many connections may wait to be accepted; above the number of workers that start at once.
  public var backlog = 1024

  /// The measured defaults, with the one limit that depends on the protocol.
  public init(maximumFrameByteCount: Int) {
    self.maximumFrameByteCount = maximumFrameByteCount
  }

  /// Sets every option on a socket that is neither bound nor connected yet.
  func apply(to socket: UnsafeMutableRawPointer, pattern: SocketPattern) throws(MessagingError) {
    precondition(maximumFrameByteCount > 0, "a socket needs a limit to the size of a frame")
    precondition(maximumFrameCount > 0, "a socket needs a limit to the number of frames")
    // Encrypted, a frame carries its nonce and its proof as well: 33 bytes, and their name.
    let overhead = security == .none ? 0 : 64
    try set(ZMQ_MAXMSGSIZE, Int64(maximumFrameByteCount + overhead), on: socket)
    var values: [(Int32, Int32)] = [
      (ZMQ_SNDHWM, Int32(clamping: sendHighWaterMark)),
      (ZMQ_RCVHWM, Int32(clamping: receiveHighWaterMark)),
      (ZMQ_LINGER, linger.milliseconds),
      (ZMQ_HANDSHAKE_IVL, handshakeInterval.milliseconds),
      (ZMQ_RECONNECT_IVL, reconnectInterval.milliseconds),
      (ZMQ_RECONNECT_IVL_MAX, maximumReconnectInterval.milliseconds),
      (ZMQ_IMMEDIATE, sendsOnlyWhenConnected ? 1 : 0),
      (ZMQ_SNDBUF, Int32(clamping: kernelBufferByteCount)),
      (ZMQ_RCVBUF, Int32(clamping: kernelBufferByteCount)),
      (ZMQ_TCP_MAXRT, retransmissionLimit.milliseconds),
      (ZMQ_TCP_KEEPALIVE, 1),
      (ZMQ_TCP_KEEPALIVE_IDLE, 30),
      (ZMQ_TCP_KEEPALIVE_INTVL, 5),
      (ZMQ_TCP_KEEPALIVE_CNT, 3),
      (ZMQ_BACKLOG, Int32(clamping: backlog)),
      (ZMQ_IPV6, 1),
      // Every call of ours is non-blocking; should one ever slip through, it must not hang.
      (ZMQ_SNDTIMEO, 0),
      (ZMQ_RCVTIMEO, 0),
    ]
    if pattern == .router {
      // Otherwise a message to an unknown or slow peer vanishes without a word.
      values.append((ZMQ_ROUTER_MANDATORY, 1))
    }
    for (option, value) in values { try set(option, value, on: socket) }
    try security.apply(to: socket)
  }

  private func set<Value: BitwiseCopyable>(
    _ option: Int32, _ value: Value, on socket: UnsafeMutableRawPointer
  ) throws(MessagingError) {
    let result = withUnsafeBytes(of: value) {
      zmq_setsockopt(socket, option, $0.baseAddress, $0.count)
    }
    if result != 0 { throw MessagingError(lastErrorOf: "set option \(option) of a socket") }
  }
}

extension Duration {
  /// The time in whole milliseconds, rounded up and never negative.
  var milliseconds: Int32 {
    let (seconds, attoseconds) = components
    guard seconds < 2_000_000 else { return 2_000_000_000 }
    guard self > .zero else { return 0 }
    return Int32(seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
  }
}
