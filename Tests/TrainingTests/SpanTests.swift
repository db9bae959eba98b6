// What a trace is made of: spans that are kept, sent and moved to another clock.

import Foundation
import Tensors
import Testing

@testable import Training

@Suite struct SpanTests {
  private func span(
    _ start: Int64, _ end: Int64, _ activity: Activity = .receiving, step: Int = 1,
    track: Track = .messages
  ) -> Span {
    Span(track, activity, of: .init(step: step), start: start, end: end)
  }

  @Test func piecesOfOneActivityAreJoined() {
    let buffer = SpanBuffer()
    buffer.append(span(0, 10))
    buffer.append(span(5, 8, .computing, track: .computing))
    buffer.append(span(60, 70))
    buffer.append(span(300, 310))
    buffer.append(span(310, 320, step: 2))
    buffer.append(span(320, 320))
    #expect(
      buffer.take() == [
        span(0, 70), span(5, 8, .computing, track: .computing), span(300, 310),
        span(310, 320, step: 2),
      ])
    // What was taken cannot be made longer.
    buffer.append(span(320, 330, step: 2))
    #expect(buffer.take() == [span(320, 330, step: 2)] && buffer.isEmpty)
  }

  @Test func whatNobodyTakesIsDroppedAndCounted() {
    let buffer = SpanBuffer()
    for step in 0..<SpanBuffer.limit + 5 {
      buffer.append(span(Int64(step), Int64(step) + 1, step: step))
    }
    #expect(buffer.takeDropped() == 5 && buffer.takeDropped() == 0)
    #expect(buffer.take(atMost: 3).map(\.subject.step) == [0, 1, 2])
    #expect(buffer.take().count == SpanBuffer.limit - 3)
    buffer.isOpen = false
    buffer.append(span(0, 1))
    #expect(buffer.isEmpty)
  }

  @Test func spansTravelAndAreMoved() throws {
    let spans = [
      span(1_000_000, 1_500_000, .computing, step: 7, track: .computing),
      span(2_000_000, 2_000_001, .sending, step: Int(Int32.max)),
    ]
    let bytes = spans.encoded(movedBy: -0.5)
    #expect(bytes.count == 48)
    let read = try bytes.withUnsafeBytes { bytes in try [Span](decoding: bytes) }
    #expect(read.map(\.start) == [500_000, 1_500_000])
    #expect(read.map(\.end) == [1_000_000, 1_500_001])
    #expect(read.map(\.subject) == spans.map(\.subject) && read.map(\.track) == spans.map(\.track))
    #expect(read.map(\.activity) == [.computing, .sending])
  }

  @Test func damagedSpansAreRefused() {
    let good = [span(1, 2), span(3, 4)].encoded(movedBy: 0)
    func isRefused(_ bytes: [UInt8]) -> Bool {
      bytes.withUnsafeBytes { bytes in (try? [Span](decoding: bytes)) == nil }
    }
    #expect(!isRefused(good) && !isRefused([]))
    #expect(isRefused(good.dropLast()) && isRefused(good + [0]))
    #expect(isRefused(Array(repeating: 0, count: 24 * 1025)))
    for (place, byte) in [(0, 2), (1, 13), (19, 0x7F)] as [(Int, UInt8)] {
      var bad = good
      bad[place] = byte
      #expect(isRefused(bad), "byte \(place)")
    }
    var random = CounterRandom(seed: 1, purpose: .trial, index: 0)
    for count in 0..<2_000 {
      let bytes = (0..<24 * (count % 3)).map { _ in UInt8(random.uniform() * 255) }
      _ = isRefused(bytes)
    }
  }

  @Test func theShortestRoundTripTellsTheTime() throws {
    var clock = ClockOffset()
    #expect(clock.seconds == nil)
    // The server's clock is 100 s ahead; an answer waited 0.3 s at the server.
    clock.note(sentAt: 1, server: 101.001, receivedAt: 1.302)
    #expect(abs(try #require(clock.seconds) - 100) < 0.152)
    clock.note(sentAt: 2, server: 102.001, receivedAt: 2.002)
    #expect(abs(try #require(clock.seconds) - 100) < 1e-9)
    clock.note(sentAt: 3, server: 103.2, receivedAt: 3.21)
    #expect(abs(try #require(clock.seconds) - 100) < 1e-9)
    // Clocks drift: after an hour another answer is worth more.
    clock.note(sentAt: 3603, server: 3703.11, receivedAt: 3603.02)
    #expect(abs(try #require(clock.seconds) - 100.1) < 1e-6)
    // Neither of these can have been.
    clock.note(sentAt: 9000, server: 9100, receivedAt: 8000)
    clock.note(sentAt: 9000, server: .infinity, receivedAt: 9000)
    #expect(abs(try #require(clock.seconds) - 100.1) < 1e-6)
  }
}
