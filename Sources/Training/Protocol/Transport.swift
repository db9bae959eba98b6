// What both loops need of addresses and messages.

import Learning
import Messaging
import NeuralNetworks
import Tensors

extension Endpoint {
  /// The TCP port; `nil` for other transports.
  var port: UInt16? {
    if case .tcp(_, let port) = transport { port } else { nil }
  }

  /// Where bulk data go: another port of the same host, another socket in the same directory.
  func forData(port: UInt16) throws(MessagingError) -> Endpoint {
    switch transport {
    case .tcp(let host, _):
      try Endpoint(host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)")
    case .ipc(let path): try Endpoint("ipc://\(path).data")
    case .inproc(let name): try Endpoint("inproc://\(name).data")
    }
  }

  /// The ports that may be named for bulk data: 0 stands for none, where there are no ports.
  var dataPorts: ClosedRange<Int> { port == nil ? 0...0 : 1...Int(UInt16.max) }
}

extension ReceivedMessage {
  /// The bytes of all frames.
  var byteCount: Int { frames.reduce(0) { $0 + $1.byteCount } }

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

/// The scalars of a tensor, sent to any number of peers from where they are.
///
/// Whoever writes to the tensor meanwhile writes to a copy, because this holds the scalars too.
final class SharedScalars: Sendable {
  private let tensor: Tensor

  init(_ tensor: Tensor) { self.tensor = tensor }

  /// The bytes of a range, valid as long as this object lives.
  func bytes(of range: Range<Int>) -> UnsafeRawBufferPointer {
    tensor.withScalars { UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: $0[range])) }
  }
}

extension ParameterLayout {
  /// The scalars of a version of the values: parameters, then statistics.
  var valueCount: Int { parameterCount + statisticCount }
}

extension TaskFacts {
  /// A hash of all names and shapes, and of what is measured of how many samples, by which two
  /// processes know that they have the same model.
  var fingerprint: Digest {
    let parts = layout.entries.map { "\($0.name) \($0.shape)\n" }
    let measured = metrics.map { "\($0.path) \($0.better)\n" }
    let counts = Split.allCases.map { "\($0) \(sampleCount(of: $0))\n" }
    let all = parts + measured + counts + ["\(evaluationPartSize)"]
    return Digest(of: all.joined().utf8)
  }
}
