// The monitor tells a server that is there from one that is not, or is no server at all.

import Glibc
import Messaging
import Testing

@Suite(.timeLimit(.minutes(1))) struct ConnectionMonitorTests {
  /// Reads events until one is `wanted`; returns all of them.
  private func events(
    of monitor: borrowing ConnectionMonitor, until wanted: (ConnectionEvent) -> Bool
  ) throws -> [ConnectionEvent] {
    var poller = Poller()
    _ = poller.add(monitor)
    var events: [ConnectionEvent] = []
    let deadline = ContinuousClock.now.advanced(by: patience)
    while ContinuousClock.now < deadline {
      while let event = try monitor.next() {
        events.append(event)
        if wanted(event) { return events }
      }
      _ = try poller.wait(until: deadline)
    }
    throw Unexpected(description: "only \(events)")
  }

  @Test func tellsConnectingFromLosingTheServer() throws {
    let context = try Context()
    let server = try Socket(.router, in: context, options: options())
    let endpoint = try server.bind(to: freshEndpoint("tcp"))
    let worker = try Socket(.dealer, in: context, options: options())
    let monitor = try ConnectionMonitor(of: worker)
    #expect(try monitor.next() == nil)
    try worker.connect(to: endpoint)
    #expect(try events(of: monitor) { $0 == .connected } == [.connected])
    server.close()
    #expect(try events(of: monitor) { $0 == .retrying } == [.disconnected, .retrying])
    let second = try Socket(.router, in: context, options: options())
    try second.bind(to: endpoint)
    #expect(try events(of: monitor) { $0 == .connected }.last == .connected)
  }

  @Test func tellsThatTheOtherEndIsNoPeer() throws {
    let context = try Context()
    let impatient = options { $0.handshakeInterval = .milliseconds(50) }
    let server = try Socket(.router, in: context, options: impatient)
    let monitor = try ConnectionMonitor(of: server)
    let endpoint = try server.bind(to: freshEndpoint("tcp"))
    let mute = try rawConnection(to: endpoint, sending: [])
    _ = try events(of: monitor) { $0 == .disconnected }
    close(mute)
    let greeting: [UInt8] = [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 0]
    let unknownMechanism = Array("NOSUCH".utf8) + [UInt8](repeating: 0, count: 46)
    let stranger = try rawConnection(to: endpoint, sending: greeting + unknownMechanism)
    _ = try events(of: monitor) {
      if case .handshakeFailed = $0 { true } else { false }
    }
    close(stranger)
  }

  @Test func eitherMayGoFirst() throws {
    let context = try Context()
    for monitorFirst in [true, false] {
      let server = try Socket(.router, in: context, options: options())
      let worker = try Socket(.dealer, in: context, options: options())
      var monitor: ConnectionMonitor? = try ConnectionMonitor(of: worker)
      try worker.connect(to: server.bind(to: freshEndpoint("tcp")))
      try worker.sendInTime([1])
      #expect(try server.nextMessage().frames[0].bytes == [1])
      if monitorFirst { monitor = nil }
      // Were anybody still telling events to a monitor that is gone, this would not return.
      server.close()
      worker.close()
      _ = consume monitor
    }
  }
}
