// What both loops need of addresses and messages.

import Messaging
import NeuralNetworks

extension Endpoint {
  /// The TCP port; `nil` for other transports.
  var port: UInt16? {
    if case .tcp(_, let port) = transport { port } else { nil }
  }

  /// The same host on another port.
  func onPort(_ port: UInt16) throws(MessagingError) -> Endpoint {
    guard case .tcp(let host, _) = transport else { return self }
    return try Endpoint(host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)")
  }
}

extension ReceivedMessage {
  /// Calls `body` with the bytes of the header frame and of the payload frame, which may be absent.
  func withPayload<Result>(
    _ body: (_ header: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    try frames[0].withUnsafeBytes { header in
      guard frames.count > 1 else {
        return try body(header, UnsafeRawBufferPointer(start: nil, count: 0))
      }
      return try frames[1].withUnsafeBytes { try body(header, $0) }
    }
  }
}

extension ParameterLayout {
  /// The scalars of a version of the values: parameters, then statistics.
  var valueCount: Int { parameterCount + statisticCount }

  /// A hash of all names and shapes, by which two processes know that they have the same model.
  var fingerprint: Digest {
    let lines = (parameters + statistics).map { "\($0.name) \($0.shape)\n" }
    return Digest(of: lines.joined().utf8)
  }
}
