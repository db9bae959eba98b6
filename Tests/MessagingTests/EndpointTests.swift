// What people may type as an address, and what they are told about the rest.

import Messaging
import Testing

@Suite struct EndpointTests {
  @Test(arguments: [
    ("tcp://127.0.0.1:5555", "tcp://127.0.0.1:5555"),
    ("127.8.9.1:0", "tcp://127.8.9.1:0"),
    ("localhost:5555", "tcp://127.0.0.1:5555"),
    ("tcp://LocalHost:1", "tcp://127.0.0.1:1"),
    ("[::1]:5555", "tcp://[::1]:5555"),
    ("[::ffff:127.0.0.1]:5555", "tcp://127.0.0.1:5555"),
    ("[::FFFF:10.0.0.7]:80", "tcp://10.0.0.7:80"),
    ("tcp://[fe80::2]:65535", "tcp://[fe80::2]:65535"),
    ("*:5555", "tcp://*:5555"),
    ("0.0.0.0:5555", "tcp://0.0.0.0:5555"),
    ("[::]:5555", "tcp://[::]:5555"),
    ("10.0.0.7:80", "tcp://10.0.0.7:80"),
    ("node-17.cluster_a.example:5555", "tcp://node-17.cluster_a.example:5555"),
    ("127.evil.example:5555", "tcp://127.evil.example:5555"),
    ("ipc:///tmp/relate.ipc", "ipc:///tmp/relate.ipc"),
    ("inproc://commands", "inproc://commands"),
  ])
  func accepts(text: String, canonical: String) throws {
    let endpoint = try Endpoint(text)
    #expect(endpoint.description == canonical)
    #expect(try Endpoint(endpoint.description) == endpoint)
  }

  @Test(arguments: [
    ("", "port is missing"),
    ("localhost", "port is missing"),
    ("tcp://", "port is missing"),
    (":5555", "host is missing"),
    ("host:", "must be a number"),
    ("host:port", "must be a number"),
    ("host:+5", "must be a number"),
    ("host:65536", "0 to 65535"),
    ("host:-1", "must be a number"),
    ("::1:5555", "square brackets"),
    ("[::1:5555", "square brackets"),
    ("[::1]", "must be a number"),
    ("[host]:5555", "not an IPv6 address"),
    ("256.0.0.1:5555", "neither an IP address nor a host name"),
    ("127.1:5555", "neither an IP address nor a host name"),
    ("ho$t:5555", "neither an IP address nor a host name"),
    ("host :5555", "space"),
    ("host:5555\n", "control character"),
    ("udp://host:5555", "must begin with"),
    ("http://host:80", "must begin with"),
    ("ipc://relate.ipc", "absolute"),
    ("ipc:///", "absolute"),
    ("inproc://", "name"),
    ("ipc:///" + String(repeating: "x", count: 107), "at most 107 bytes"),
  ])
  func refuses(text: String, reason: String) {
    let error = #expect(throws: MessagingError.self) { try Endpoint(text) }
    #expect(error?.code == .malformedEndpoint)
    #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
    #expect(error?.description.contains("'\(text)'") == true)
  }
}
