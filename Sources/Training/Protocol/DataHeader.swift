// The fixed header in front of bulk data. docs/PROTOCOL.md has the grammar.

import CXXHash
import Learning

/// The number of a session: random, so that whoever knows it is the worker that was welcomed.
typealias SessionID = UInt64

/// The header of a message on the data socket: what the payload is, checked before it is used.
struct DataHeader: Hashable, Sendable {
  enum Kind: UInt8, Sendable, CaseIterable {
    case values = 1
    case contribution = 2
    case acknowledgement = 3
    case fetch = 4
    case measurements = 5
    case inquiry = 6
    case missing = 7
    case knock = 8
    case heard = 9
    case spans = 10

    /// The bytes of each number in the payload.
    var scalarSize: Int { self == .measurements ? 8 : 4 }
  }

  var kind: Kind
  /// What a contribution or measurements are for: a training step, or an evaluation on a split.
  var purpose: Split = .training
  var run: UInt64
  var session: SessionID
  /// The step of what belongs to a training step; otherwise the version of the values.
  var step: Int
  /// The replica, or the part of an evaluation.
  var index: Int = 0
  var chunk: Int = 0
  /// The numbers in the payload.
  var count: Int = 0
  /// Which inquiry it is, or answers; in the measurements of a replica the microseconds that its
  /// computation waited for its mini-batch; with spans how many were lost; of a payload in shared
  /// memory the slot.
  var number: Int = 0
  var shard: UInt16 = 0
  /// Whether the payload lies in shared memory; of a knock, whether the worker maps it.
  var isShared = false

  /// What a message about a result is about.
  var job: Job {
    purpose == .training
      ? .training(step: step, replica: index)
      : .evaluation(EvaluationLease(step: step, split: purpose, part: index))
  }

  /// Whether there is a payload and it did not come with the message.
  var hasSharedPayload: Bool { isShared && count > 0 }

  /// The headers of all chunks of a vector that this one is about, as if each had come by itself.
  func parts(of chunking: Chunking) -> [DataHeader] {
    (0..<chunking.chunkCount).map { chunk in
      var part = self
      (part.chunk, part.count) = (chunk, chunking.range(of: chunk).count)
      (part.number, part.isShared) = (0, false)
      return part
    }
  }

  /// The bytes of a header.
  static let size = 64
  /// Where the hash of the bytes before it stands.
  static let hashOffset = 56
  /// The chunk number that asks for all chunks.
  static let allChunks = Int(UInt32.max)
  static let magic: [UInt8] = Array("RLAT".utf8)

  /// The header in front of a payload.
  func encoded(payload: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0))
    -> [UInt8]
  {
    encoded(payloadHash: Self.hash(of: payload))
  }

  /// The header in front of a payload whose hash is known.
  func encoded(payloadHash: UInt64) -> [UInt8] {
    var bytes = Self.magic
    bytes.reserveCapacity(Self.size)
    func append(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    append(UInt16(protocolVersion))
    append(kind.rawValue)
    append(purpose.code)
    append(run)
    append(session)
    append(UInt32(step))
    append(UInt32(index))
    append(UInt32(chunk))
    append(UInt32(count))
    append(UInt32(clamping: number))
    append(shard)
    append(UInt16(isShared ? 1 : 0))
    append(payloadHash)
    append(bytes.withUnsafeBytes { Self.hash(of: $0) })
    return bytes
  }

  /// The hash of some bytes; 0 of none.
  static func hash(of bytes: UnsafeRawBufferPointer) -> UInt64 {
    bytes.isEmpty ? 0 : relate_xxh3(bytes.baseAddress, bytes.count)
  }
}

extension DataHeader {
  /// The header of a message about a result.
  init(_ kind: Kind, about job: Job, run: UInt64, session: SessionID) {
    self.init(kind: kind, run: run, session: session, step: 0)
    switch job {
    case .training(let step, let replica): (self.step, index) = (step, replica)
    case .evaluation(let lease): (self.step, index, purpose) = (lease.step, lease.part, lease.split)
    }
  }

  /// The header of a message that may be anything, after all checks that need no knowledge of the
  /// run: length, magic, version, the hashes, known kinds, the payload's length.
  init(
    decoding bytes: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer
  ) throws(WireError) {
    try self.init(decoding: bytes)
    try verify(payload, saidBy: bytes)
  }

  /// The header of a message whose payload has not been looked at.
  init(decoding bytes: UnsafeRawBufferPointer) throws(WireError) {
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
    guard
      Self.hash(of: UnsafeRawBufferPointer(rebasing: bytes[..<Self.hashOffset]))
        == load(Self.hashOffset, as: UInt64.self)
    else { throw .malformed("a header with a wrong hash") }
    guard let kind = Kind(rawValue: bytes[6]), let purpose = Split(code: bytes[7]) else {
      throw .malformed("an unknown kind or purpose (\(bytes[6]), \(bytes[7]))")
    }
    let step = load(24, as: UInt32.self)
    guard step <= UInt32(Int32.max) else { throw .malformed("a step out of range") }
    self.kind = kind
    self.purpose = purpose
    run = load(8, as: UInt64.self)
    session = load(16, as: SessionID.self)
    self.step = Int(step)
    index = Int(load(28, as: UInt32.self))
    chunk = Int(load(32, as: UInt32.self))
    count = Int(load(36, as: UInt32.self))
    number = Int(load(40, as: UInt32.self))
    shard = load(44, as: UInt16.self)
    isShared = load(46, as: UInt16.self) & 1 == 1
  }

  /// The hash that a header's bytes say the payload has.
  static func payloadHash(in bytes: UnsafeRawBufferPointer) -> UInt64 {
    UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 48, as: UInt64.self))
  }

  /// Throws unless a payload has the length and the hash that the header's bytes say.
  func verify(
    _ payload: UnsafeRawBufferPointer, saidBy bytes: UnsafeRawBufferPointer
  ) throws(WireError) {
    guard payload.count == count * kind.scalarSize else {
      throw .malformed("a payload of \(payload.count) bytes for \(count) numbers")
    }
    guard Self.hash(of: payload) == Self.payloadHash(in: bytes) else {
      throw .malformed("a payload with a wrong hash")
    }
  }
}

/// The chunks that a server says are not in, as a payload.
struct MissingChunks {
  /// The chunks' numbers, rising; the number of chunks itself stands for the measurements.
  var chunks: [Int]

  /// The payload.
  var encoded: [UInt8] {
    chunks.flatMap { chunk in
      withUnsafeBytes(of: UInt32(chunk).littleEndian) { [UInt8]($0) }
    }
  }

  /// The chunks that are not in.
  init(_ chunks: [Int]) { self.chunks = chunks }

  /// The chunks in a payload that may hold anything, of a vector of so many chunks.
  init(decoding payload: UnsafeRawBufferPointer, chunkCount: Int) throws(WireError) {
    guard payload.count % 4 == 0, payload.count / 4 <= chunkCount + 1 else {
      throw .malformed("\(payload.count) bytes of missing chunks")
    }
    chunks = (0..<payload.count / 4).map {
      Int(UInt32(littleEndian: payload.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
    }
    guard zip(chunks, chunks.dropFirst()).allSatisfy({ $0 < $1 }), chunks.last ?? 0 <= chunkCount
    else { throw .malformed("missing chunks that no vector has") }
  }
}
