// Decides which keys are admitted: ZeroMQ's ZAP, RFC 27, which asks for every new connection.

import CZeroMQ
import Foundation
import Glibc

/// Answers ZeroMQ's question whether a peer's key is admitted, for all sockets of a context.
///
/// It has a thread of its own, which ends with the context. To be made before a socket with keys is
/// bound.
public struct Authenticator: Sendable {
  /// The domain that sockets with keys name.
  static let domain = "relate"

  /// Answers from now on.
  ///
  /// - Parameters:
  ///   - admits: whether a key is admitted; called on a thread of its own.
  ///   - refused: is told of each key and address that was not.
  public init(
    in context: Context, admits: @escaping @Sendable (PublicKey) -> Bool,
    refused: @escaping @Sendable (PublicKey?, _ address: String) -> Void
  ) throws(MessagingError) {
    guard let socket = zmq_socket(context.pointer, ZMQ_REP) else {
      throw MessagingError(lastErrorOf: "open a socket for admissions")
    }
    guard zmq_bind(socket, "inproc://zeromq.zap.01") == 0 else {
      let error = MessagingError(lastErrorOf: "answer for admissions")
      zmq_close(socket)
      throw error
    }
    let desk = Desk(socket: socket, admits: admits, refused: refused)
    // The thread holds no reference to the context: its end is what ends the thread.
    let thread = Thread { desk.serve() }
    thread.name = "admissions"
    thread.start()
  }

  /// The thread's half.
  ///
  /// The socket is handed over to it and used nowhere else.
  private struct Desk: @unchecked Sendable {
    let socket: UnsafeMutableRawPointer
    let admits: @Sendable (PublicKey) -> Bool
    let refused: @Sendable (PublicKey?, String) -> Void

    func serve() {
      while let request = receive() {
        // Version, request, domain, address, routing id, mechanism, credentials.
        let isCurve =
          request.count == 7 && request[0] == Array("1.0".utf8)
          && request[5] == Array("CURVE".utf8)
        let key = isCurve ? request[6].withUnsafeBytes { PublicKey(bytes: $0) } : nil
        let isAdmitted = key.map(admits) ?? false
        if !isAdmitted {
          let address = request.count > 3 ? String(decoding: request[3], as: UTF8.self) : "?"
          // An IPv4 address in the form of IPv6; people should see the plain one.
          let isMapped = address.hasPrefix("::ffff:")
          refused(key, isMapped ? String(address.dropFirst(7)) : address)
        }
        reply(to: request.count > 1 ? request[1] : [], isAdmitted, as: key)
      }
      zmq_close(socket)
    }

    /// The frames of a request; `nil` once the context ends.
    private func receive() -> [[UInt8]]? {
      var frames: [[UInt8]] = []
      while true {
        var message = zmq_msg_t()
        zmq_msg_init(&message)
        defer { zmq_msg_close(&message) }
        if zmq_msg_recv(&message, socket, 0) < 0 {
          if zmq_errno() == EINTR { continue }
          return nil
        }
        let bytes = UnsafeRawBufferPointer(
          start: zmq_msg_data(&message), count: zmq_msg_size(&message))
        frames.append(Array(bytes))
        if zmq_msg_more(&message) == 0 { return frames }
      }
    }

    private func reply(to request: [UInt8], _ isAdmitted: Bool, as key: PublicKey?) {
      let frames: [[UInt8]] = [
        Array("1.0".utf8), request, Array((isAdmitted ? "200" : "400").utf8),
        Array((isAdmitted ? "OK" : "this key is not allowed here").utf8),
        Array((key?.description ?? "").utf8), [],
      ]
      for (index, frame) in frames.enumerated() {
        let more = index + 1 < frames.count ? ZMQ_SNDMORE : 0
        while zmq_send(socket, frame, frame.count, more) < 0, zmq_errno() == EINTR {}
      }
    }
  }
}
