// The header of bulk data: what was written is read, and nothing else.

import Learning
import Tensors
import Testing

@testable import Training

@Suite struct DataHeaderTests {
  private let payload: [UInt8] = (0..<12).map { $0 }
  private let header = DataHeader(
    kind: .contribution, purpose: .validation, run: 0x0123_4567_89AB_CDEF,
    session: 0xFEDC_BA98_7654_3210, step: 77, index: 3, chunk: 2, count: 3, number: 0x010203,
    shard: 4)

  private func encoded() -> [UInt8] {
    payload.withUnsafeBytes { header.encoded(payload: $0) }
  }

  private func decoded(_ bytes: [UInt8], payload: [UInt8]? = nil) -> Result<DataHeader, WireError> {
    bytes.withUnsafeBytes { bytes in
      (payload ?? self.payload).withUnsafeBytes { payload in
        do throws(WireError) {
          return .success(try DataHeader(decoding: bytes, payload: payload))
        } catch {
          return .failure(error)
        }
      }
    }
  }

  private func complaint(_ bytes: [UInt8], payload: [UInt8]? = nil) -> String? {
    guard case .failure(.malformed(let reason)) = decoded(bytes, payload: payload) else {
      return nil
    }
    return reason
  }

  @Test(
    arguments: DataHeader.Kind.allCases, Split.allCases)
  func everyKindIsReadAsItWasWritten(kind: DataHeader.Kind, purpose: Split) {
    var random = CounterRandom(seed: 1, purpose: .trial, index: UInt64(kind.rawValue))
    for _ in 0..<100 {
      let count = Int(random.integer(below: 9))
      let payload = (0..<count * kind.scalarSize).map { _ in
        UInt8(truncatingIfNeeded: random.next32())
      }
      let header = DataHeader(
        kind: kind, purpose: purpose, run: random.next(), session: random.next(),
        step: Int(random.integer(below: 1 << 31)), index: Int(random.next32()),
        chunk: Int(random.next32()), count: count, number: Int(random.next32()),
        shard: UInt16(truncatingIfNeeded: random.next32()))
      let bytes = payload.withUnsafeBytes { header.encoded(payload: $0) }
      #expect(bytes.count == DataHeader.size)
      #expect(decoded(bytes, payload: payload) == .success(header))
    }
  }

  @Test func theFieldsLieWhereTheGrammarSays() {
    let bytes = encoded()
    #expect(Array(bytes[0..<8]) == Array("RLAT".utf8) + [3, 0, 2, 1])
    #expect(Array(bytes[8..<16]) == [0xEF, 0xCD, 0xAB, 0x89, 0x67, 0x45, 0x23, 0x01])
    #expect(Array(bytes[16..<24]) == [0x10, 0x32, 0x54, 0x76, 0x98, 0xBA, 0xDC, 0xFE])
    #expect(Array(bytes[24..<36]) == [77, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0])
    #expect(Array(bytes[36..<48]) == [3, 0, 0, 0, 3, 2, 1, 0, 4, 0, 0, 0])
    #expect(bytes.count == 64)
  }

  /// The header with some bytes changed and the hash made to fit again.
  private func forged(_ offset: Int, _ bytes: [UInt8]) -> [UInt8] {
    var forged = encoded()
    forged.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    let hash = forged[..<DataHeader.hashOffset].withUnsafeBytes { DataHeader.hash(of: $0) }
    withUnsafeBytes(of: hash.littleEndian) { forged.replaceSubrange(56..<64, with: $0) }
    return forged
  }

  @Test func malformedHeadersAreRefusedWithTheReason() {
    #expect(complaint([]) == "a header of 0 bytes")
    #expect(complaint(encoded() + [0]) == "a header of 65 bytes")
    #expect(complaint(forged(0, [0])) == "a header without this protocol's magic")
    #expect(complaint(forged(4, [1])) == "version 1 of the protocol instead of 3")
    #expect(complaint(forged(6, [0])) == "an unknown kind or purpose (0, 1)")
    #expect(complaint(forged(6, [11])) == "an unknown kind or purpose (11, 1)")
    #expect(complaint(forged(7, [3])) == "an unknown kind or purpose (2, 3)")
    #expect(complaint(forged(24, [0, 0, 0, 0x80])) == "a step out of range")
    #expect(complaint(forged(36, [4])) == "a payload of 12 bytes for 4 numbers")
    #expect(
      complaint(forged(36, [0xFF, 0xFF, 0xFF, 0xFF]))
        == "a payload of 12 bytes for 4294967295 numbers")
    #expect(complaint(encoded(), payload: []) == "a payload of 0 bytes for 3 numbers")
    #expect(complaint(forged(6, [5])) == "a payload of 12 bytes for 3 numbers")
    #expect(complaint(encoded(), payload: payload.reversed()) == "a payload with a wrong hash")
  }

  @Test func everyFlippedBitIsNoticed() {
    let bytes = encoded()
    for bit in 0..<bytes.count * 8 {
      var damaged = bytes
      damaged[bit / 8] ^= 1 << (bit % 8)
      #expect(complaint(damaged) != nil, "bit \(bit)")
    }
    for bit in 0..<payload.count * 8 {
      var damaged = payload
      damaged[bit / 8] ^= 1 << (bit % 8)
      #expect(complaint(bytes, payload: damaged) == "a payload with a wrong hash", "bit \(bit)")
    }
  }

  @Test func whateverArrivesIsOnlyReadOrRefused() {
    var random = CounterRandom(seed: 2, purpose: .trial, index: 0)
    let original = encoded()
    for _ in 0..<20_000 {
      var bytes = original
      for _ in 0..<random.integer(below: 4) {
        bytes[Int(random.integer(below: UInt32(bytes.count)))] = UInt8(random.integer(below: 256))
      }
      if random.integer(below: 4) == 0 {
        bytes.removeLast(Int(random.integer(below: UInt32(bytes.count + 1))))
      }
      if case .success(let header) = decoded(bytes) { #expect(header == self.header) }
    }
  }

  @Test func missingChunksAreReadOrRefused() throws {
    func read(_ bytes: [UInt8]) -> [Int]? {
      bytes.withUnsafeBytes { try? MissingChunks(decoding: $0, chunkCount: 3).chunks }
    }
    for chunks in [[], [0], [1, 3], [0, 1, 2, 3]] {
      #expect(read(MissingChunks(chunks).encoded) == chunks)
    }
    for chunks in [[4], [1, 1], [2, 1], [0, 1, 2, 3, 4]] {
      #expect(read(MissingChunks(chunks).encoded) == nil, "\(chunks)")
    }
    #expect(read([1, 0, 0]) == nil)
  }
}
