// Valid messages, and what becomes of them when somebody changes them a little.

import Learning
import Tensors

@testable import Training

/// Frames as they travel: one of a control message, or a header and a payload.
enum WireFrames: Hashable {
  case control([UInt8])
  case data(header: [UInt8], payload: [UInt8])
}

/// One valid message of every kind, of a toy run.
struct FrameCorpus {
  let messages: [WireFrames]

  /// Messages that name a run and a session.
  init(_ toy: ToyRun, run: UInt64, session: SessionID, step: Int = 1) {
    let lease = Lease(
      number: 1, step: step, replicas: [0],
      evaluations: [EvaluationLease(step: 0, split: .validation, part: 0)])
    let controls: [ControlMessage] = [
      .hello(fittingHello()),
      .welcome(
        .init(
          run: run, session: session, worker: 1, dataPort: 2, experiment: toy.experiment,
          layout: toy.facts.fingerprint, samples: nil, chunkScalars: toy.chunking.chunkScalars,
          heartbeatSeconds: 0.5, silenceSeconds: 3)),
      .refused(.init(reason: "no")),
      .lease(.init(run: run, session: session, lease: lease)),
      .heartbeat(.init(run: run, session: session, lease: 1, isBusy: true)),
      .beat(.init(run: run, step: step)), .rejoin(.init()),
      .failed(.init(run: run, session: session, step: step, replica: 0, reason: "no")),
      .goodbye(.init(run: run, session: session, reason: "no")),
      .close(.init(run: run, reason: "done")),
    ]
    var frames = controls.map { WireFrames.control($0.encoded()) }
    for kind in DataHeader.Kind.allCases {
      for chunk in 0..<toy.chunking.chunkCount {
        var header = DataHeader(kind: kind, run: run, session: session, step: step, chunk: chunk)
        var payload: [UInt8] = []
        switch kind {
        case .values, .contribution:
          if kind == .values { header.step = step - 1 }
          payload = Array(repeating: 0, count: 4 * toy.chunking.range(of: chunk).count)
        case .measurements:
          header.purpose = chunk == 0 ? .training : .validation
          payload = [Measurement(sum: 1, weight: 1), Measurement(sum: 1, weight: 1)].encoded()
        case .missing: payload = MissingChunks([0, toy.chunking.chunkCount]).encoded
        case .spans:
          let span = Span(.messages, .receiving, of: .init(), start: 1, end: 2)
          payload = [span, span].encoded(movedBy: 0.5)
        // What is asked for is a version that is there.
        case .fetch: header.step = step - 1
        case .acknowledgement, .inquiry, .knock, .heard: break
        }
        header.count = payload.count / kind.scalarSize
        let bytes = payload.withUnsafeBytes { header.encoded(payload: $0) }
        frames.append(.data(header: bytes, payload: payload))
      }
    }
    messages = frames
  }
}

/// Changes messages as a seed says.
struct FrameMutator {
  private var random: CounterRandom
  private static let numbers = [
    "-1", "0", "1", "1.5", "1e308", "1e400", "-9223372036854775808", "9223372036854775807",
    "18446744073709551615", "18446744073709551616", "null", "true", "\"x\"", "[]", "{}", "[1,1]",
  ]

  init(seed: UInt64) { random = CounterRandom(seed: seed, purpose: .trial, index: 3) }

  mutating func integer(below bound: Int) -> Int { Int(random.integer(below: UInt32(bound))) }

  /// One of the messages, changed in one place or several, or not at all.
  mutating func next(of corpus: FrameCorpus) -> WireFrames {
    var frames = corpus.messages[integer(below: corpus.messages.count)]
    for _ in 0..<integer(below: 4) { frames = changed(frames, corpus) }
    return frames
  }

  private mutating func changed(_ frames: WireFrames, _ corpus: FrameCorpus) -> WireFrames {
    switch frames {
    case .control(let bytes):
      return .control(integer(below: 2) == 0 ? withAnotherNumber(bytes) : damaged(bytes))
    case .data(var header, var payload):
      switch integer(below: 5) {
      case 0: header = damaged(header)
      case 1: payload = damaged(payload)
      case 2:
        if case .data(_, let other) = corpus.messages[integer(below: corpus.messages.count)] {
          payload = other
        }
      default: changeField(of: &header)
      }
      // Mostly with sound hashes, or nothing behind them would ever be tried.
      return integer(below: 8) == 0
        ? .data(header: header, payload: payload) : Self.sealed(header, payload)
    }
  }

  /// A field of a header becomes another number.
  private mutating func changeField(of header: inout [UInt8]) {
    guard header.count == DataHeader.size else { return }
    let (offset, size) = [
      (4, 2), (6, 1), (7, 1), (8, 8), (16, 8), (24, 4), (28, 4), (32, 4), (36, 4), (40, 4),
      (44, 2), (46, 2),
    ][integer(below: 12)]
    let value: UInt64 = [0, 1, 2, 3, 5, 0x7FFF_FFFF, 0x8000_0000, .max][integer(below: 8)]
    for index in 0..<size {
      header[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
    }
  }

  /// The frames with hashes that fit.
  private static func sealed(_ header: [UInt8], _ payload: [UInt8]) -> WireFrames {
    guard header.count == DataHeader.size else { return .data(header: header, payload: payload) }
    var header = header
    func put(_ hash: UInt64, at offset: Int) {
      for index in 0..<8 {
        header[offset + index] = UInt8(truncatingIfNeeded: hash >> UInt64(8 * index))
      }
    }
    put(payload.withUnsafeBytes { DataHeader.hash(of: $0) }, at: 48)
    put(header[..<DataHeader.hashOffset].withUnsafeBytes { DataHeader.hash(of: $0) }, at: 56)
    return .data(header: header, payload: payload)
  }

  /// A number in a text becomes something else.
  private mutating func withAnotherNumber(_ bytes: [UInt8]) -> [UInt8] {
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    let starts = bytes.indices.filter {
      digits.contains(bytes[$0]) && ($0 == 0 || !digits.contains(bytes[$0 - 1]))
    }
    guard !starts.isEmpty else { return damaged(bytes) }
    let start = starts[integer(below: starts.count)]
    let end = bytes[start...].firstIndex { !digits.contains($0) } ?? bytes.endIndex
    return bytes[..<start] + Array(Self.numbers[integer(below: Self.numbers.count)].utf8)
      + bytes[end...]
  }

  /// Bits flipped, bytes replaced, cut out, doubled or put in.
  private mutating func damaged(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    guard !bytes.isEmpty else { return [UInt8(integer(below: 256))] }
    let place = integer(below: bytes.count)
    let length = min(bytes.count - place, 1 + integer(below: 16))
    switch integer(below: 6) {
    case 0: bytes[place] ^= 1 << UInt8(integer(below: 8))
    case 1: bytes[place] = [0, 0x7F, 0x80, 0xFF, 0x22, 0x5B, 0x7B][integer(below: 7)]
    case 2: bytes.removeSubrange(place..<place + length)
    case 3: bytes.insert(contentsOf: bytes[place..<place + length], at: place)
    case 4: bytes.removeSubrange(place...)
    default:
      bytes.insert(contentsOf: (0..<length).map { _ in UInt8(integer(below: 256)) }, at: place)
    }
    return bytes
  }
}
