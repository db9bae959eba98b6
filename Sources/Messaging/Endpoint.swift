// Where a socket listens or connects, parsed once from what a person typed.

import Glibc

/// An address of a socket: `tcp://HOST:PORT` or just `HOST:PORT`, `ipc:///PATH`, `inproc://NAME`.
///
/// `localhost` becomes `127.0.0.1`: ZeroMQ takes only the first address a name resolves to, so the
/// two ends of a connection could choose different ones and wait for each other for ever.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
  /// How bytes travel, with the address in that transport's own terms.
  public enum Transport: Hashable, Sendable {
    /// A host name, an IP address without brackets, or `*` for all addresses of this machine.
    case tcp(host: String, port: UInt16)
    /// A Unix socket at an absolute path.
    case ipc(path: String)
    /// A name shared by the sockets of one context.
    case inproc(name: String)
  }

  /// How bytes travel and whither.
  public let transport: Transport

  /// Parses what a person typed, or says what is wrong with it.
  public init(_ text: String) throws(MessagingError) {
    func malformed(_ reason: String) -> MessagingError {
      MessagingError(.malformedEndpoint, "use the endpoint", endpoint: "'\(text)'", reason: reason)
    }
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
      throw malformed("it contains a space or a control character")
    }
    if let path = text.suffix(after: "ipc://") {
      guard path.hasPrefix("/"), path.utf8.count > 1 else {
        throw malformed("the path of a Unix socket must be absolute, as in ipc:///tmp/relate.ipc")
      }
      guard path.utf8.count <= Self.longestPath else {
        throw malformed("the path of a Unix socket may have at most \(Self.longestPath) bytes")
      }
      transport = .ipc(path: path)
    } else if let name = text.suffix(after: "inproc://") {
      guard !name.isEmpty, name.utf8.count < 256 else {
        throw malformed("a name of 1 to 255 bytes must follow inproc://")
      }
      transport = .inproc(name: name)
    } else {
      let address = text.suffix(after: "tcp://") ?? text
      guard !address.contains("://") else {
        throw malformed("it must begin with tcp://, ipc:// or inproc://")
      }
      do throws(Defect) {
        transport = try Self.parseTCP(address)
      } catch {
        throw malformed(error.reason)
      }
    }
  }

  /// The address as text that parses back into the same endpoint.
  public var description: String {
    switch transport {
    case .tcp(let host, let port):
      host.contains(":") ? "tcp://[\(host)]:\(port)" : "tcp://\(host):\(port)"
    case .ipc(let path): "ipc://\(path)"
    case .inproc(let name): "inproc://\(name)"
    }
  }

  /// Why the name of the host stands for no address; `nil` if it does, or there is none.
  ///
  /// Asks whoever knows names, which may take seconds.
  public func resolutionProblem() -> String? {
    guard case .tcp(let host, _) = transport, host != "*" else { return nil }
    var found: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, nil, nil, &found)
    guard code != 0 else {
      freeaddrinfo(found)
      return nil
    }
    return "the name \(host) cannot be resolved: \(String(cString: gai_strerror(code)))"
  }

  /// `sun_path` holds 108 bytes, the last of them zero.
  private static let longestPath = 107

  private struct Defect: Error {
    let reason: String
  }

  private static func parseTCP(_ address: String) throws(Defect) -> Transport {
    guard let colon = address.lastIndex(of: ":") else {
      throw Defect(reason: "the port is missing; write HOST:PORT, as in 127.0.0.1:5555")
    }
    let digits = address[address.index(after: colon)...]
    guard !digits.isEmpty, digits.utf8.allSatisfy(isDigit), let port = UInt16(digits) else {
      throw Defect(reason: "the port must be a number from 0 to 65535, not '\(digits)'")
    }
    return .tcp(host: try parseHost(String(address[..<colon])), port: port)
  }

  private static func parseHost(_ host: String) throws(Defect) -> String {
    if host.hasPrefix("[") {
      guard host.hasSuffix("]"), isIPv6(String(host.dropFirst().dropLast())) else {
        throw Defect(reason: "'\(host)' is not an IPv6 address in square brackets, as in [::1]")
      }
      let address = String(host.dropFirst().dropLast())
      // ZeroMQ reports an IPv4 address it listens on in this form; people should see the plain one.
      if let plain = address.lowercased().suffix(after: "::ffff:"), isIPv4(plain) { return plain }
      return address
    }
    if host.isEmpty {
      throw Defect(reason: "the host is missing; write * to listen on all addresses")
    }
    if host.contains(":") {
      throw Defect(reason: "an IPv6 address must stand in square brackets, as in [::1]:5555")
    }
    if host == "*" || isIPv4(host) { return host }
    if host.lowercased() == "localhost" { return "127.0.0.1" }
    let looksNumeric = host.utf8.allSatisfy { isDigit($0) || $0 == UInt8(ascii: ".") }
    guard !looksNumeric, host.utf8.count <= 253, host.utf8.allSatisfy(isHostNameCharacter) else {
      throw Defect(reason: "'\(host)' is neither an IP address nor a host name")
    }
    return host
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  private static func isHostNameCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
      true
    default: isDigit(byte)
    }
  }

  private static func isIPv4(_ text: String) -> Bool {
    var address = in_addr()
    return inet_pton(AF_INET, text, &address) == 1
  }

  private static func isIPv6(_ text: String) -> Bool {
    var address = in6_addr()
    return inet_pton(AF_INET6, text, &address) == 1
  }
}

extension String {
  /// What follows `prefix`, or nil without it.
  fileprivate func suffix(after prefix: String) -> String? {
    hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
  }
}
