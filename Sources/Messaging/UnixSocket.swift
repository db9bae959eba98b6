// Asks whether anybody listens on a path, which ZeroMQ does not before it takes the path over.

import Glibc

enum UnixSocket {
  /// Whether a program accepts connections at `path`; a file left behind by a dead one does not.
  static func answers(at path: String) -> Bool {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    let fits = withUnsafeMutableBytes(of: &address.sun_path) { destination in
      guard bytes.count < destination.count else { return false }
      destination.copyBytes(from: bytes)
      return true
    }
    guard fits else { return false }
    // Without blocking, as a listener with a full queue would otherwise hold us up.
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let descriptor = socket(AF_UNIX, type | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { Glibc.close(descriptor) }
    let result = withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    return result == 0 || errno == EAGAIN
  }
}
