// Guards the path of a Unix socket, where ZeroMQ deletes whatever is there before it listens.

import Glibc

enum UnixSocket {
  /// Throws if a program listens at `path` or if it is a file of another kind.
  ///
  /// A socket that a dead program left behind is free to be replaced.
  static func requireFree(_ path: String, for endpoint: Endpoint) throws(MessagingError) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFSOCK else {
      throw MessagingError(
        .addressInUse, "listen on", endpoint: endpoint.description,
        reason: "a file that is not a socket is in the way; remove it or choose another path")
    }
    if isAnswered(path) {
      errno = EADDRINUSE
      throw MessagingError(lastErrorOf: "listen on", endpoint: endpoint)
    }
  }

  private static func isAnswered(_ path: String) -> Bool {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { destination in
      // An endpoint's path is short enough, and what remains is zero already.
      destination.copyBytes(from: path.utf8.prefix(destination.count - 1))
    }
    // Without blocking, as a listener with a full queue would otherwise hold us up.
    let flags = Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | flags, 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    let result = withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    return result == 0 || errno == EAGAIN
  }
}
