// The fixed header in front of bulk data. docs/PROTOCOL.md has the grammar.

import CXXHash
import Learning

/// The header of a message on the data socket: what the payload is, checked before it is used.
struct DataHeader: Hashable, Sendable {
  enum Kind: UInt8, Sendable {
    case values = 1
    case contribution = 2
    case acknowledgement = 3
    case fetch = 4
    case measurements = 5

    /// The bytes of each number in the payload.
    var scalarSize: Int { self == .measurements ? 8 : 4 }
  }

  var kind: Kind
  /// What a contribution or measurements are for: a training step, or an evaluation on a split.
  var purpose: Split = .training
  var run: UInt64
  /// The step of what belongs to a training step; otherwise the version of the values.
  var step: Int
  var session: UInt32
  var shard: UInt16 = 0
  /// The replica, or the part of an evaluation.
  var index: Int = 0
  var chunk: Int = 0
  /// The numbers in the payload.
  var count: Int = 0
  /// In the measurements of a replica: how long its computation waited for its mini-batch.
  var waitedMicroseconds: Int = 0

  /// The bytes of a header.
  static let size = 56
  /// The chunk number that asks for all chunks.
  static let allChunks = Int(UInt32.max)
  static let magic: [UInt8] = Array("RLAT".utf8)

  /// The header in front of a payload, with the checksum of both.
  func encoded(payload: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0))
    -> [UInt8]
  {
    var bytes = Self.magic
    bytes.reserveCapacity(Self.size)
    func append(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    append(UInt16(protocolVersion))
    append(kind.rawValue)
    append(purpose.code)
    append(run)
    append(UInt64(step))
    append(session)
    append(shard)
    append(UInt32(index))
    append(UInt32(chunk))
    append(UInt32(count))
    append(UInt32(clamping: waitedMicroseconds))
    append(UInt16(0))
    append(Self.checksum(of: bytes[...], payload: payload))
    return bytes
  }

  static func checksum(
    of header: ArraySlice<UInt8>, payload: UnsafeRawBufferPointer
  ) -> UInt64 {
    let seed = header.withUnsafeBytes { XXH3_64bits($0.baseAddress, $0.count) }
    guard payload.count > 0 else { return seed }
    return XXH3_64bits_withSeed(payload.baseAddress, payload.count, seed)
  }
}

extension DataHeader {
  /// The header of a message that may be anything, after all checks that need no knowledge of the
  /// run: length, magic, version, known kinds, the payload's length, the checksum.
  init(
    decoding bytes: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer
  ) throws(WireError) {
    guard bytes.count == Self.size else { throw .malformed("a header of \(bytes.count) bytes") }
    guard bytes.prefix(4).elementsEqual(Self.magic) else {
      throw .malformed("a header without this protocol's magic")
    }
    func load<Value: FixedWidthInteger>(_ offset: Int, as type: Value.Type) -> Value {
      Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
    }
    let version = load(4, as: UInt16.self)
    guard version == protocolVersion else {
      throw .malformed("version \(version) of the protocol instead of \(protocolVersion)")
    }
    guard let kind = Kind(rawValue: bytes[6]), let purpose = Split(code: bytes[7]) else {
      throw .malformed("an unknown kind or purpose (\(bytes[6]), \(bytes[7]))")
    }
    let step = load(16, as: UInt64.self)
    guard step <= UInt64(Int32.max) else { throw .malformed("a step out of range") }
    self.kind = kind
    self.purpose = purpose
    run = load(8, as: UInt64.self)
    self.step = Int(step)
    session = load(24, as: UInt32.self)
    shard = load(28, as: UInt16.self)
    index = Int(load(30, as: UInt32.self))
    chunk = Int(load(34, as: UInt32.self))
    count = Int(load(38, as: UInt32.self))
    waitedMicroseconds = Int(load(42, as: UInt32.self))
    guard payload.count == count * kind.scalarSize else {
      throw .malformed("a payload of \(payload.count) bytes for \(count) numbers")
    }
    let checksum = Self.checksum(of: Array(bytes.prefix(48))[...], payload: payload)
    guard checksum == load(48, as: UInt64.self) else { throw .malformed("a wrong checksum") }
  }
}
