// Spans as they travel: 24 bytes each, little-endian.

extension [Span] {
  /// The bytes of a span.
  static let byteCount = 24
  /// The spans that travel in a message at the most.
  static let limit = 1024

  /// The bytes of the spans, with their times moved to another clock.
  ///
  /// - Parameter offset: what is added to each time, in seconds.
  func encoded(movedBy offset: Double) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count * Self.byteCount)
    func append(_ value: some FixedWidthInteger) {
      Swift.withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    let microseconds = Int64(offset * 1e6)
    for span in self {
      append(span.track.rawValue)
      append(span.activity.rawValue)
      append(UInt16(0))
      append(UInt32(clamping: span.subject.step))
      append(UInt32(clamping: span.subject.index))
      append(span.start + microseconds)
      append(UInt32(clamping: span.end - span.start))
    }
    return bytes
  }

  /// The spans in a payload that may hold anything.
  init(decoding payload: UnsafeRawBufferPointer) throws(WireError) {
    guard payload.count % Self.byteCount == 0, payload.count / Self.byteCount <= Self.limit else {
      throw .malformed("spans of \(payload.count) bytes")
    }
    self = []
    reserveCapacity(payload.count / Self.byteCount)
    for offset in stride(from: 0, to: payload.count, by: Self.byteCount) {
      func load<Value: FixedWidthInteger>(_ place: Int, as type: Value.Type) -> Value {
        Value(littleEndian: payload.loadUnaligned(fromByteOffset: offset + place, as: type))
      }
      let start = load(12, as: Int64.self)
      guard let track = Track(rawValue: payload[offset]),
        let activity = Activity(rawValue: payload[offset + 1]), start.magnitude < 1 << 56
      else { throw .malformed("spans of unknown activities or times") }
      let subject = Stopwatch.Subject(
        step: Int(load(4, as: UInt32.self)), index: Int(load(8, as: UInt32.self)))
      append(
        Span(
          track, activity, of: subject, start: start,
          end: start + Int64(load(20, as: UInt32.self))))
    }
  }
}
