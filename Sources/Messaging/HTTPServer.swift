// Answers GET requests of programs that watch: a little HTTP/1.1, bounded in every direction.

import Foundation
import Glibc

/// What is answered to a request.
public struct HTTPAnswer: Sendable {
  /// 200, or another status of HTTP.
  public var status: Int
  /// The type of the text.
  public var contentType: String
  /// The text.
  public var body: String

  /// An answer in plain text unless said.
  public init(status: Int = 200, contentType: String = "text/plain; charset=utf-8", body: String) {
    (self.status, self.contentType, self.body) = (status, contentType, body)
  }
}

/// Answers GET requests on a thread of its own, as long as the process lives.
///
/// Whoever reaches the port can ask, and can do no more than that: there are never more than a few
/// connections, of which the oldest makes room for the next; a request has a size and a time; each
/// connection is closed after its answer.
public struct HTTPServer: Sendable {
  /// Where it listens, with the port that port 0 became.
  public let endpoint: Endpoint

  /// The connections that are served at a time.
  static let connectionLimit = 16
  /// The bytes that a request may have.
  static let requestLimit = 8 << 10
  /// How long a connection may take from its beginning to the end of its answer, in seconds.
  static let connectionSeconds = 5.0

  /// Listens on a TCP address and answers from now on.
  ///
  /// Throws a `MessagingError` that names the address if that is not possible.
  ///
  /// - Parameter answer: what to answer to a path; `nil` if there is nothing. It is called on the
  ///   server's thread.
  public init(
    on address: Endpoint, answer: @escaping @Sendable (_ path: String) -> HTTPAnswer?
  ) throws(MessagingError) {
    let listening = try Self.listen(on: address)
    endpoint = try Self.bound(listening, address)
    let thread = Thread {
      // Its connections take no descriptors from the run, nor the run's workers from it.
      separateDescriptors()
      var desk = Desk(listening: listening, answer: answer)
      while true { desk.turn() }
    }
    thread.name = "http"
    thread.stackSize = 1 << 20
    thread.start()
  }

  private static func listen(on address: Endpoint) throws(MessagingError) -> Int32 {
    guard case .tcp(let host, let port) = address.transport else {
      throw MessagingError(
        .malformedEndpoint, "listen on", endpoint: "\(address)", reason: "it takes HOST:PORT")
    }
    var hints = addrinfo()
    hints.ai_flags = AI_PASSIVE
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host == "*" ? nil : host, String(port), &hints, &found)
    defer { freeaddrinfo(found) }
    guard code == 0, let entry = found?.pointee else {
      throw MessagingError(
        .addressUnavailable, "listen on", endpoint: "\(address)",
        reason: "the name \(host) cannot be resolved: \(String(cString: gai_strerror(code)))")
    }
    let flags = Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = socket(entry.ai_family, entry.ai_socktype | flags, entry.ai_protocol)
    var yes: Int32 = 1
    // The address of a server that has just ended can be taken at once.
    setsockopt(
      descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    guard descriptor >= 0, Glibc.bind(descriptor, entry.ai_addr, entry.ai_addrlen) == 0,
      Glibc.listen(descriptor, SOMAXCONN) == 0
    else {
      let error = MessagingError(lastErrorOf: "listen on", endpoint: address)
      if descriptor >= 0 { close(descriptor) }
      throw error
    }
    return descriptor
  }

  private static func bound(
    _ descriptor: Int32, _ address: Endpoint
  ) throws(MessagingError) -> Endpoint {
    guard case .tcp(let host, 0) = address.transport else { return address }
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let port = withUnsafeMutableBytes(of: &storage) { bytes -> UInt16? in
      guard let start = bytes.baseAddress else { return nil }
      let status = getsockname(
        descriptor, start.assumingMemoryBound(to: sockaddr.self), &size)
      // The port stands at the same place in addresses of IPv4 and IPv6.
      return status == 0 ? UInt16(bigEndian: bytes.load(fromByteOffset: 2, as: UInt16.self)) : nil
    }
    guard let port else { throw MessagingError(lastErrorOf: "read back", endpoint: address) }
    return try Endpoint(host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)")
  }
}

/// The thread's half: all connections, taken in turn.
private struct Desk {
  let listening: Int32
  let answer: @Sendable (String) -> HTTPAnswer?
  private var connections: [Connection] = []

  init(listening: Int32, answer: @escaping @Sendable (String) -> HTTPAnswer?) {
    self.listening = listening
    self.answer = answer
  }

  /// Waits for something to do, and does it.
  mutating func turn() {
    var items = [pollfd(fd: listening, events: Int16(POLLIN), revents: 0)]
    for connection in connections {
      let events = connection.isAnswering ? POLLOUT : POLLIN
      items.append(pollfd(fd: connection.descriptor, events: Int16(events), revents: 0))
    }
    let patience: Int32 = connections.isEmpty ? -1 : 200
    guard poll(&items, nfds_t(items.count), patience) >= 0 else { return }
    for index in connections.indices where items[index + 1].revents != 0 {
      connections[index].proceed(answer)
    }
    connections.removeAll { connection in
      guard connection.isOver || connection.isLate else { return false }
      close(connection.descriptor)
      return true
    }
    if items[0].revents != 0 {
      // Whoever waits in the kernel's queue keeps others out of it.
      for _ in 0..<HTTPServer.connectionLimit where !accept() { break }
    }
  }

  /// Takes a connection; whether there was one.
  private mutating func accept() -> Bool {
    let descriptor = Glibc.accept(listening, nil, nil)
    guard descriptor >= 0 else {
      // Without a descriptor for it the connection goes on waiting; not to ask for it in a circle.
      if errno == EMFILE || errno == ENFILE { usleep(100_000) }
      return false
    }
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    // Who asks at once is answered at once; who has been silent for longest makes room.
    if connections.count == HTTPServer.connectionLimit {
      close(connections.removeFirst().descriptor)
    }
    connections.append(Connection(descriptor: descriptor))
    return true
  }
}

/// A connection: a request that comes in, an answer that leaves.
private struct Connection {
  let descriptor: Int32
  private var request: [UInt8] = []
  private var answer: [UInt8] = []
  private var sentCount = 0
  private(set) var isOver = false
  private let startedAt = ContinuousClock.now

  init(descriptor: Int32) { self.descriptor = descriptor }

  var isAnswering: Bool { !answer.isEmpty }

  var isLate: Bool {
    startedAt.duration(to: .now) > .seconds(HTTPServer.connectionSeconds)
  }

  mutating func proceed(_ respond: (String) -> HTTPAnswer?) {
    isAnswering ? send() : receive(respond)
  }

  private mutating func receive(_ respond: (String) -> HTTPAnswer?) {
    var buffer = [UInt8](repeating: 0, count: 2048)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    guard count > 0 else {
      isOver = count == 0 || errno != EAGAIN && errno != EINTR
      return
    }
    request += buffer[..<count]
    if request.contains([13, 10, 13, 10]) {
      answer = encoded(HTTPRequest(request).answered(by: respond))
    } else if request.count > HTTPServer.requestLimit {
      answer = encoded(HTTPAnswer(status: 431, body: "The request is too long.\n"))
    }
    if isAnswering { send() }
  }

  private mutating func send() {
    let count = answer[sentCount...].withUnsafeBytes {
      Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
    }
    if count < 0 {
      isOver = errno != EAGAIN && errno != EINTR
    } else {
      sentCount += count
      isOver = sentCount == answer.count
    }
  }

  private func encoded(_ answer: HTTPAnswer) -> [UInt8] {
    let head = """
      HTTP/1.1 \(answer.status) \(HTTPRequest.reasons[answer.status] ?? "Status")\r
      Content-Type: \(answer.contentType)\r
      Content-Length: \(answer.body.utf8.count)\r
      Connection: close\r
      \r\n
      """
    return Array(head.utf8) + (HTTPRequest(request).isHead ? [] : Array(answer.body.utf8))
  }
}

/// The first line of a request, which is all that is looked at.
private struct HTTPRequest {
  private let words: [Substring]

  init(_ bytes: [UInt8]) {
    let line = bytes.prefix { $0 != 13 && $0 != 10 }
    words = String(decoding: line, as: UTF8.self)
      .split(separator: " ", omittingEmptySubsequences: false)
  }

  var isHead: Bool { words.first == "HEAD" }

  static let reasons = [
    200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed",
    431: "Request Header Fields Too Large", 503: "Service Unavailable",
  ]

  func answered(by respond: (String) -> HTTPAnswer?) -> HTTPAnswer {
    guard words.count == 3, words[2].hasPrefix("HTTP/1.") else {
      return HTTPAnswer(status: 400, body: "This is no request of HTTP/1.1.\n")
    }
    guard words[0] == "GET" || isHead else {
      return HTTPAnswer(status: 405, body: "Only GET is answered here.\n")
    }
    let path = String(words[1].prefix { $0 != "?" })
    return respond(path) ?? HTTPAnswer(status: 404, body: "There is nothing at this path.\n")
  }
}
