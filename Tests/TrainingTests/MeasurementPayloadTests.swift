// Measurements on the wire: what was measured is read to the last bit, and nothing else.

import Learning
import Tensors
import Testing

@testable import Training

@Suite struct MeasurementPayloadTests {
  private func decoded(_ bytes: [UInt8]) -> [Measurement]? {
    bytes.withUnsafeBytes { try? [Measurement](decoding: $0) }
  }

  private func travelled(_ sum: Double, _ weight: Double, isLoss: Bool = false) -> Bool {
    let other = Measurement(sum: 1, weight: 2)
    let measured = Measurement(sum: sum, weight: weight)
    return decoded((isLoss ? [measured, other] : [other, measured]).encoded()) != nil
  }

  @Test func measurementsArriveAsTheyLeft() {
    let measurements = [
      Measurement(sum: -0.1, weight: 3), Measurement(sum: 1 / 3, weight: 1 / 7), .nothing,
      Measurement(sum: .greatestFiniteMagnitude, weight: .leastNonzeroMagnitude),
    ]
    #expect(decoded(measurements.encoded()) == measurements)
    #expect(
      [Measurement(sum: 1, weight: -2)].encoded()
        == [0, 0, 0, 0, 0, 0, 0xF0, 0x3F, 0, 0, 0, 0, 0, 0, 0, 0xC0])
  }

  @Test func onlyTheSumOfTheLossMayBeNoNumber() {
    for number in [Double.nan, .infinity, -.infinity] {
      #expect(travelled(number, 2, isLoss: true))
      #expect(!travelled(number, 2))
      #expect(!travelled(1, number, isLoss: true))
      #expect(!travelled(1, number))
    }
    #expect(!travelled(1, -1, isLoss: true) && !travelled(1, -1))
    #expect(travelled(-1, 0))
  }

  @Test func otherLengthsAreRefused() {
    for count in [0, 1, 8, 15, 17, 24] {
      #expect(decoded([UInt8](repeating: 0, count: count)) == nil, "\(count)")
    }
  }

  @Test func whateverArrivesIsSoundOrRefused() {
    var random = CounterRandom(seed: 5, purpose: .trial, index: 0)
    for _ in 0..<2000 {
      let bytes = (0..<64).map { _ in UInt8(truncatingIfNeeded: random.next32()) }
      for measurement in decoded(bytes)?.dropFirst() ?? [] { #expect(measurement.isSound) }
    }
  }
}
