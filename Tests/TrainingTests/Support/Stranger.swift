// Somebody who found the ports and sends whatever comes to mind.

import Foundation
import Learning
import Messaging
import Tensors
import TestSupport

@testable import Training

/// A peer that joins for its session numbers, and then sends damaged, foreign and random messages
/// to both ports, over ZeroMQ and over plain TCP.
final class Stranger {
  private let control: Socket
  private let data: Socket
  private let welcome: ControlMessage.Welcome
  private let ports: [UInt16]
  private var random = CounterRandom(seed: 6, purpose: .trial, index: 0)
  private let corpus: FrameCorpus
  private var mutator: FrameMutator
  private(set) var shouts = 0

  init(_ server: Endpoint) throws {
    let context = try Context()
    var options = SocketOptions(maximumFrameByteCount: 1 << 22)
    options.sendsOnlyWhenConnected = false
    control = try Socket(.dealer, in: context, options: options)
    data = try Socket(.dealer, in: context, options: options)
    try control.connect(to: server)
    let numerics = Numerics.fingerprints()
    let hello = ControlMessage.Hello(
      version: protocolVersion, numerics: numerics, engine: "", host: "a stranger", process: 0)
    _ = try control.send(ControlMessage.hello(hello).encoded())
    welcome = try Self.awaitWelcome(control)
    corpus = FrameCorpus(
      ToyRun(steps: 2, replicas: 2, evaluationInterval: 1), run: welcome.run,
      session: welcome.session)
    let seed = ProcessInfo.processInfo.environment["RELATE_FUZZ_SEED"].flatMap { UInt64($0) }
    mutator = FrameMutator(seed: seed ?? 6)
    ports = [server.port ?? 0, UInt16(welcome.dataPort)]
    try data.connect(to: server.forData(port: UInt16(welcome.dataPort)))
    // It knows the numbers from now on, but nobody waits for what it computes.
    let goodbye = ControlMessage.goodbye(
      .init(run: welcome.run, session: welcome.session, reason: "it has seen enough"))
    _ = try control.send(goodbye.encoded())
  }

  private static func awaitWelcome(_ control: borrowing Socket) throws -> ControlMessage.Welcome {
    for _ in 0..<5000 {
      if case .message(let message) = try control.receive(),
        case .welcome(let welcome) = try ControlMessage(decoding: message.frames[0].bytes)
      {
        return welcome
      }
      usleep(2000)
    }
    throw TrainingError("The stranger got no welcome.")
  }

  /// Some of everything.
  func shout() {
    shouts += 1
    for _ in 0..<4 {
      _ = try? control.send(bytes(Int(random.integer(below: 300))))
      _ = try? data.send(bytes(Int(random.integer(below: 300))))
      _ = try? control.send([], payload: nil)
    }
    for _ in 0..<6 { sendDamagedHeader() }
    for _ in 0..<100 { sendChangedMessage() }
    let beat = ControlMessage.heartbeat(
      .init(run: welcome.run ^ 1, session: welcome.session, lease: .max, isBusy: false))
    _ = try? control.send(beat.encoded())
    _ = try? control.send(Array(repeating: UInt8(ascii: "["), count: 5000))
    if shouts % 8 == 1 { for port in ports { speakPlainly(to: port) } }
  }

  /// A sound checksum over a header of numbers that fit nothing.
  private func sendDamagedHeader() {
    let payload = bytes(8 * Int(random.integer(below: 5)))
    let kinds = DataHeader.Kind.allCases
    let kind = kinds[Int(random.integer(below: UInt32(kinds.count)))]
    let isOurRun = random.integer(below: 2) == 0
    let purpose = Split.allCases[Int(random.integer(below: 3))]
    let header = DataHeader(
      kind: kind,
      purpose: purpose, run: isOurRun ? welcome.run : random.next(),
      session: welcome.session, step: Int(random.integer(below: 1 << 31)),
      index: Int(random.next32()), chunk: Int(random.next32()),
      count: payload.count / kind.scalarSize)
    payload.withUnsafeBytes {
      _ = try? data.send(header.encoded(payload: $0), payload: .copied($0))
    }
  }

  /// A message that was valid once, of a session that is gone.
  private func sendChangedMessage() {
    switch mutator.next(of: corpus) {
    case .control(let bytes):
      // A worker that says hello and nothing more is waited for.
      if (try? ControlMessage(decoding: bytes)).map({ $0.session == nil }) == true { return }
      _ = try? control.send(bytes)
    case .data(let header, let payload):
      payload.withUnsafeBytes { _ = try? data.send(header, payload: .copied($0)) }
    }
  }

  private func speakPlainly(to port: UInt16) {
    guard let descriptor = connection(to: port) else { return }
    defer { close(descriptor) }
    for text in [Array("GET / HTTP/1.1\r\n\r\n".utf8), bytes(500)] {
      _ = text.withUnsafeBytes {
        send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
    }
  }

  private func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(random.integer(below: 256)) }
  }
}
