// Measurements as they travel: a sum and a weight for each metric, in Double.

import Learning

extension [Measurement] {
  /// The bytes of the measurements, little-endian.
  func encoded() -> [UInt8] {
    flatMap { [$0.sum, $0.weight] }.flatMap { number in
      Swift.withUnsafeBytes(of: number.bitPattern.littleEndian) { [UInt8]($0) }
    }
  }

  /// The measurements in a payload that may hold anything.
  ///
  /// The loss comes first. It alone may be infinite or no number: a run that has gone astray must
  /// learn of it.
  init(decoding payload: UnsafeRawBufferPointer) throws(WireError) {
    guard payload.count > 0, payload.count % 16 == 0 else {
      throw .malformed("measurements of \(payload.count) bytes")
    }
    func number(_ index: Int) -> Double {
      Double(
        bitPattern: UInt64(
          littleEndian: payload.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)))
    }
    self = (0..<payload.count / 16).map {
      Measurement(sum: number(2 * $0), weight: number(2 * $0 + 1))
    }
    let sound = indices.allSatisfy { index in
      self[index].isSound
        || index == 0 && Measurement(sum: 0, weight: self[index].weight).isSound
    }
    guard sound else { throw .malformed("measurements that are no sums and weights") }
  }
}
