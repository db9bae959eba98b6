// What a worker would meet at a server, found out without working for it.

import Foundation
import Learning
import Messaging

/// Why a server cannot be worked for, although its port is reached.
public enum ProbeFailure: Error, Hashable, Sendable {
  /// The greeting of the two sockets failed, for the reason in words: mostly keys.
  case greeting(String)
  /// Nothing was heard for so many seconds.
  case silence(seconds: Double)
  /// The server refused this machine, and said why.
  case refused(String)
}

/// What a server says to whoever joins it, and how fast it answers.
public struct ServerProbe: Sendable {
  /// What it trains.
  public let experiment: Experiment
  /// Where bulk data go.
  public let data: Endpoint
  /// The shortest time from a heartbeat to its answer, in seconds.
  public let roundTripSeconds: Double

  /// Joins a server as a worker, measures, and leaves before there is anything to compute.
  ///
  /// The server notes that a worker has come and gone. Throws a `ProbeFailure` if it cannot be
  /// joined.
  public init(_ server: Endpoint, security: Security, within seconds: Double = 5) throws {
    let context = try Context()
    var options = SocketOptions(maximumFrameByteCount: ControlMessage.sizeLimit)
    options.security = security
    options.sendsOnlyWhenConnected = false
    options.linger = .seconds(1)
    let socket = try Socket(.dealer, in: context, options: options)
    let monitor = try ConnectionMonitor(of: socket)
    try socket.connect(to: server)
    let host = ProcessInfo.processInfo
    let hello = ControlMessage.Hello(
      version: protocolVersion, numerics: Numerics.fingerprints(), engine: Numerics.engines(),
      host: host.hostName, process: Int(host.processIdentifier))
    let start = ContinuousClock.now

    /// Sends a message and waits for an answer that is of use.
    func ask<Answer>(
      _ message: ControlMessage, _ understand: (ControlMessage) throws -> Answer?
    ) throws -> Answer {
      _ = try socket.send(message.encoded())
      var poller = Poller()
      _ = poller.add(socket)
      _ = poller.add(monitor)
      while start.duration(to: .now).seconds < seconds {
        _ = try poller.wait(for: .milliseconds(20))
        while let event = try monitor.next() {
          if case .handshakeFailed(let reason) = event { throw ProbeFailure.greeting(reason) }
        }
        guard case .message(let received) = try socket.receive() else { continue }
        let decoded = received.frames[0].withUnsafeBytes { try? ControlMessage(decoding: $0) }
        if let decoded, let answer = try understand(decoded) { return answer }
      }
      throw ProbeFailure.silence(seconds: seconds)
    }

    let welcome = try ask(.hello(hello)) { message -> ControlMessage.Welcome? in
      if case .refused(let refused) = message { throw ProbeFailure.refused(refused.reason) }
      if case .welcome(let welcome) = message { return welcome }
      return nil
    }
    var shortest = Double.infinity
    let heartbeat = ControlMessage.heartbeat(
      .init(run: welcome.run, session: welcome.session, lease: 0, isBusy: false))
    for _ in 0..<5 {
      let asked = ContinuousClock.now
      _ = try ask(heartbeat) { message -> Bool? in
        if case .beat = message { true } else { nil }
      }
      shortest = min(shortest, asked.duration(to: .now).seconds)
    }
    _ = try socket.send(
      ControlMessage.goodbye(
        .init(run: welcome.run, session: welcome.session, reason: "it only looked")
      ).encoded())
    experiment = welcome.experiment
    data = try server.forData(port: UInt16(clamping: welcome.dataPort))
    roundTripSeconds = shortest
  }
}
