// Whether a port is reached at all, before anything is said: by a plain connection.

import Glibc

/// What became of an attempt to connect to an endpoint.
public enum ConnectionTrial: Hashable, Sendable {
  /// A connection was made, after so many seconds.
  case reached(seconds: Double)
  /// The host answered that nobody listens there.
  case refused
  /// Nothing came back for so many seconds: something on the way drops what is sent.
  case silent(seconds: Double)
  /// It could not even be tried, for the reason in words.
  case impossible(String)

  /// Connects to a TCP endpoint or a Unix socket, and hangs up.
  public init(_ endpoint: Endpoint, within seconds: Double) {
    switch endpoint.transport {
    case .tcp(let host, let port):
      var hints = addrinfo()
      hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
      var found: UnsafeMutablePointer<addrinfo>?
      let code = getaddrinfo(host, String(port), &hints, &found)
      defer { if let found { freeaddrinfo(found) } }
      guard code == 0, let first = found?.pointee else {
        self = .impossible(
          "the name \(host) cannot be resolved: \(String(cString: gai_strerror(code)))")
        return
      }
      self = Self.connect(
        family: first.ai_family, address: first.ai_addr, size: first.ai_addrlen, within: seconds)
    case .ipc(let path):
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { bytes in
        bytes.copyBytes(from: path.utf8.prefix(bytes.count - 1))
      }
      let size = socklen_t(MemoryLayout<sockaddr_un>.size)
      self = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          Self.connect(family: AF_UNIX, address: $0, size: size, within: seconds)
        }
      }
    case .inproc: self = .impossible("it is an address within a process")
    }
  }

  private static func connect(
    family: Int32, address: UnsafeMutablePointer<sockaddr>, size: socklen_t,
    within seconds: Double
  ) -> ConnectionTrial {
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(family, kind, 0)
    guard descriptor >= 0 else { return .impossible(String(cString: strerror(errno))) }
    defer { close(descriptor) }
    let start = ContinuousClock.now
    var code: Int32 = 0
    if Glibc.connect(descriptor, address, size) != 0 {
      code = errno
      if code == EINPROGRESS {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&waiting, 1, Int32(seconds * 1000)) > 0 else {
          return .silent(seconds: seconds)
        }
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
      }
    }
    switch code {
    case 0:
      let (whole, rest) = start.duration(to: .now).components
      return .reached(seconds: Double(whole) + Double(rest) * 1e-18)
    case ECONNREFUSED: return .refused
    case ETIMEDOUT: return .silent(seconds: seconds)
    default: return .impossible(String(cString: strerror(code)))
    }
  }
}
