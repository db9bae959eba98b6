// One end of connections: listens or connects, sends and receives whole messages, never waits.

import CZeroMQ
import Glibc

/// The way a socket talks to its peers.
public enum SocketPattern: Hashable, Sendable {
  /// The server's end: knows each peer by a `PeerID` and chooses whom to send to.
  case router
  /// A worker's end: talks to one router.
  case dealer
  /// One of exactly two ends, within a process.
  case pair
}

/// What became of a message that was to be sent.
public enum SendOutcome: Hashable, Sendable {
  /// It is queued; whether it arrives only the peer's answer tells.
  case sent
  /// The peer's queue is full, or there is no connection yet; nothing was sent.
  case wouldBlock
  /// The router knows no such peer, or no longer; nothing was sent.
  case unreachable
}

/// What was there to receive.
public enum Reception: Sendable {
  /// A whole message.
  case message(ReceivedMessage)
  /// A message with more frames than the socket allows, which was thrown away.
  case discarded(from: PeerID?, frameCount: Int)
  /// No message waits.
  case nothing
}

/// A ZeroMQ socket, which belongs to the thread that made it.
///
/// It is closed by `close()` or at the end of its life. The compiler keeps it from being copied or
/// captured by another thread.
public struct Socket: ~Copyable {
  /// The way it talks to its peers.
  public let pattern: SocketPattern
  let handle: SocketHandle
  private let maximumFrameCount: Int

  /// A socket that is neither bound nor connected yet.
  public init(_ pattern: SocketPattern, in context: Context, options: SocketOptions)
    throws(MessagingError)
  {
    let handle = try SocketHandle(pattern, context)
    try options.apply(to: handle.open, pattern: pattern)
    self.pattern = pattern
    self.handle = handle
    maximumFrameCount = options.maximumFrameCount
  }

  deinit { handle.close() }

  /// Closes the socket; what is still queued is sent for at most the `linger` of its options.
  public consuming func close() {}

  /// Listens at `endpoint` and returns where exactly, with the port that port 0 became.
  @discardableResult
  public func bind(to endpoint: Endpoint) throws(MessagingError) -> Endpoint {
    if case .ipc(let path) = endpoint.transport {
      try UnixSocket.requireFree(path, for: endpoint)
    }
    guard zmq_bind(handle.open, endpoint.description) == 0 else {
      throw MessagingError(lastErrorOf: "listen on", endpoint: endpoint)
    }
    guard case .tcp = endpoint.transport else { return endpoint }
    return try lastEndpoint()
  }

  /// Connects to `endpoint` in the background, again and again until it succeeds.
  public func connect(to endpoint: Endpoint) throws(MessagingError) {
    if case .tcp(let host, let port) = endpoint.transport, port == 0 || host == "*" {
      throw MessagingError(
        .malformedEndpoint, "connect to", endpoint: endpoint.description,
        reason: "a connection needs the server's host and its port from 1 to 65535")
    }
    guard zmq_connect(handle.open, endpoint.description) == 0 else {
      throw MessagingError(lastErrorOf: "connect to", endpoint: endpoint)
    }
  }

  /// Queues one message, without waiting: `header`, then `payload` as a frame of its own.
  ///
  /// A ROUTER names the `peer` it sends to, other sockets have none.
  public func send(_ header: [UInt8], payload: Payload? = nil, to peer: PeerID? = nil)
    throws(MessagingError) -> SendOutcome
  {
    precondition((pattern == .router) == (peer != nil), "only a router names the peer it sends to")
    // Every frame exists before the first is sent, so that no message is left without its end.
    var headerFrame = try OutgoingFrame(copying: header)
    let payloadFrame = try payload.map(OutgoingFrame.init)
    if let peer {
      var peerFrame = try OutgoingFrame(copying: peer.bytes)
      let outcome = try send(&peerFrame, more: true)
      guard outcome == .sent else { return outcome }
    }
    let outcome = try send(&headerFrame, more: payload != nil)
    guard outcome == .sent, var payloadFrame else { return outcome }
    return try send(&payloadFrame, more: false)
  }

  /// Receives the next whole message, without waiting.
  public func receive() throws(MessagingError) -> Reception {
    guard var frame = try receiveFrame() else { return .nothing }
    var peer: PeerID?
    if pattern == .router {
      peer = PeerID(bytes: frame.bytes)
      guard frame.hasMore, let next = try receiveFrame() else {
        return .discarded(from: peer, frameCount: 0)
      }
      frame = next
    }
    var frames = [frame]
    var frameCount = 1
    while frame.hasMore, let next = try receiveFrame() {
      frame = next
      frameCount += 1
      if frameCount <= maximumFrameCount { frames.append(frame) }
    }
    if frameCount > maximumFrameCount { return .discarded(from: peer, frameCount: frameCount) }
    return .message(ReceivedMessage(peer: peer, frames: frames))
  }

  private func send(_ frame: inout OutgoingFrame, more: Bool) throws(MessagingError) -> SendOutcome
  {
    while true {
      if frame.send(on: handle.open, more: more) { return .sent }
      switch zmq_errno() {
      case EINTR: continue
      case EAGAIN: return .wouldBlock
      case EHOSTUNREACH: return .unreachable
      default: throw MessagingError(lastErrorOf: "send")
      }
    }
  }

  private func receiveFrame() throws(MessagingError) -> Frame? {
    let frame = Frame()
    while true {
      if frame.receive(on: handle.open) { return frame }
      switch zmq_errno() {
      case EINTR: continue
      case EAGAIN: return nil
      default: throw MessagingError(lastErrorOf: "receive")
      }
    }
  }

  private func lastEndpoint() throws(MessagingError) -> Endpoint {
    var bytes = [UInt8](repeating: 0, count: 256)
    var count = bytes.count
    guard zmq_getsockopt(handle.open, ZMQ_LAST_ENDPOINT, &bytes, &count) == 0 else {
      throw MessagingError(lastErrorOf: "read back where the socket listens")
    }
    return try Endpoint(String(decoding: bytes.prefix(max(count - 1, 0)), as: UTF8.self))
  }
}

/// The open ZeroMQ socket, shared by a `Socket`, which closes it, and the pollers that watch it.
final class SocketHandle {
  /// Nil once closed.
  private(set) var pointer: UnsafeMutableRawPointer?
  let context: Context

  init(_ pattern: SocketPattern, _ context: Context) throws(MessagingError) {
    let type =
      switch pattern {
      case .router: ZMQ_ROUTER
      case .dealer: ZMQ_DEALER
      case .pair: ZMQ_PAIR
      }
    self.context = context
    pointer = zmq_socket(context.pointer, type)
    if pointer == nil { throw MessagingError(lastErrorOf: "open a \(pattern) socket") }
  }

  deinit { close() }

  var open: UnsafeMutableRawPointer {
    guard let pointer else { preconditionFailure("the socket is closed") }
    return pointer
  }

  func close() {
    if let pointer { zmq_close(pointer) }
    pointer = nil
  }
}
