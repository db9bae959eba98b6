// A little network in one process, in which no wait outlasts its deadline.

import Foundation
import Glibc
import Messaging
import Synchronization
import Testing

/// Ten seconds: far above what any test needs, and an end for one that fails.
let patience = Duration.seconds(10)

func options(
  frameByteCount: Int = 2 << 20, _ change: (inout SocketOptions) -> Void = { _ in }
) -> SocketOptions {
  var options = SocketOptions(maximumFrameByteCount: frameByteCount)
  change(&options)
  return options
}

/// A Unix socket's path that no other test uses.
func temporaryIPCEndpoint() throws -> Endpoint {
  let name = "messaging-\(UUID().uuidString.prefix(8)).ipc"
  return try Endpoint("ipc://" + FileManager.default.temporaryDirectory.path + "/" + name)
}

/// An endpoint to bind to, by transport.
func freshEndpoint(_ transport: String) throws -> Endpoint {
  switch transport {
  case "ipc": try temporaryIPCEndpoint()
  case "inproc": try Endpoint("inproc://\(UUID().uuidString)")
  default: try Endpoint("127.0.0.1:0")
  }
}

extension Socket {
  /// The next message or discarded message, or a failure of the test after `patience`.
  func next(within duration: Duration = patience) throws -> Reception {
    var poller = Poller()
    let source = poller.add(self)
    let deadline = ContinuousClock.now.advanced(by: duration)
    while ContinuousClock.now < deadline {
      let events = try poller.wait(until: deadline)
      guard events.canReceive(source) else { continue }
      let reception = try receive()
      if case .nothing = reception { continue }
      return reception
    }
    return .nothing
  }

  func nextMessage() throws -> ReceivedMessage {
    let reception = try next()
    guard case .message(let message) = reception else {
      throw Unexpected(description: "\(reception) instead of a message")
    }
    return message
  }

  /// Sends as soon as the connection stands.
  func sendInTime(_ header: [UInt8], payload: Payload? = nil, to peer: PeerID? = nil) throws {
    let deadline = ContinuousClock.now.advanced(by: patience)
    while ContinuousClock.now < deadline {
      if try send(header, payload: payload, to: peer) == .sent { return }
      usleep(1000)
    }
    throw Unexpected(description: "the message could not be sent")
  }
}

struct Unexpected: Error, CustomStringConvertible {
  let description: String
}

/// Bytes that count how often they were let go.
final class Bulk: Sendable {
  static func pattern(_ byteCount: Int) -> [UInt8] {
    (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
  }

  nonisolated(unsafe) let bytes: UnsafeRawBufferPointer
  private let releases: Releases

  init(_ content: [UInt8], releases: Releases) {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: content.count, alignment: 16)
    memory.copyBytes(from: content)
    bytes = UnsafeRawBufferPointer(memory)
    self.releases = releases
  }

  deinit {
    bytes.deallocate()
    releases.count.add(1, ordering: .sequentiallyConsistent)
  }
}

final class Releases: Sendable {
  let count = Atomic<Int>(0)

  /// Waits until there have been `number` releases, and then a little for one too many.
  func reach(_ number: Int) -> Bool {
    let deadline = ContinuousClock.now.advanced(by: patience)
    while count.load(ordering: .sequentiallyConsistent) < number, ContinuousClock.now < deadline {
      usleep(1000)
    }
    usleep(20_000)
    return count.load(ordering: .sequentiallyConsistent) == number
  }
}

/// Sends `bytes` to a TCP port as no ZeroMQ peer would; returns the open descriptor.
func rawConnection(to endpoint: Endpoint, sending bytes: [UInt8]) throws -> Int32 {
  guard case .tcp(_, let port) = endpoint.transport else {
    throw Unexpected(description: "\(endpoint) is not TCP")
  }
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
  let result = withUnsafePointer(to: address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  }
  guard result == 0 else { throw Unexpected(description: String(cString: strerror(errno))) }
  _ = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, 0x4000) }
  return descriptor
}

/// Makes the file that a server killed while it listened at `path` would leave.
func leaveSocketBehind(at path: String) throws {
  let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
  defer { close(descriptor) }
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
  let result = withUnsafePointer(to: address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
    }
  }
  guard result == 0 else { throw Unexpected(description: String(cString: strerror(errno))) }
}
