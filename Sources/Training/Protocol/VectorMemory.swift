// Vectors that lie in memory which a server and a worker on its machine share.

import Learning
import Messaging

/// Payloads in shared memory: in each slot a whole vector, and the hashes of its chunks behind it.
///
/// A message says where its payload lies, and its hash: that of the hashes of the chunks, as the
/// digest of a version is made. What does not match was written over, and is asked for again like
/// everything that is lost.
final class VectorMemory {
  /// The memory itself.
  let memory: SharedMemory
  private let chunking: Chunking
  private let slots: Int

  /// How many versions of the values are kept: whoever is one step behind still finds its own.
  static let valueSlots = 2
  /// How many contributions of a worker: it is seldom done with the next before the last is in.
  static let contributionSlots = 1

  /// New memory for so many vectors.
  init(_ slots: Int, of chunking: Chunking, key: UInt64) throws(MessagingError) {
    memory = try SharedMemory(byteCount: slots * Self.slotByteCount(of: chunking), key: key)
    (self.slots, self.chunking) = (slots, chunking)
  }

  /// The memory that the other side has made for so many vectors.
  init(
    _ slots: Int, of chunking: Chunking, at path: String, key: UInt64
  ) throws(MessagingError) {
    memory = try SharedMemory(
      at: path, byteCount: slots * Self.slotByteCount(of: chunking), key: key)
    (self.slots, self.chunking) = (slots, chunking)
  }

  /// Puts a vector into a slot; its hash.
  func write(_ vector: UnsafeRawBufferPointer, slot: Int) -> UInt64 {
    let hashes = hashes { chunk in
      let target = bytes(of: chunk, slot: slot)
      target.copyMemory(from: UnsafeRawBufferPointer(rebasing: vector[byteRange(of: chunk)]))
      return UnsafeRawBufferPointer(target)
    }
    hashes.withUnsafeBytes { hashBytes(ofSlot: slot).copyMemory(from: $0) }
    return Self.hash(of: hashes)
  }

  /// Copies the vector in a slot; the hash of the copy.
  func read(slot: Int, into vector: UnsafeMutableRawBufferPointer) -> UInt64 {
    Self.hash(
      of: hashes { chunk in
        let target = UnsafeMutableRawBufferPointer(rebasing: vector[byteRange(of: chunk)])
        target.copyMemory(from: UnsafeRawBufferPointer(bytes(of: chunk, slot: slot)))
        return UnsafeRawBufferPointer(target)
      })
  }

  /// What the chunks of the vector in a slot should hash to; `nil` if that itself does not hash to
  /// what it should.
  func hashes(ofSlot slot: Int, hashingTo hash: UInt64) -> [UInt64]? {
    let hashes = Array(hashBytes(ofSlot: slot).bindMemory(to: UInt64.self))
    return Self.hash(of: hashes) == hash ? hashes : nil
  }

  /// The bytes of a chunk of the vector in a slot.
  func bytes(of chunk: Int, slot: Int) -> UnsafeMutableRawBufferPointer {
    precondition(slot < slots, "slot \(slot) of \(slots)")
    let range = byteRange(of: chunk)
    let start = slot * Self.slotByteCount(of: chunking)
    return UnsafeMutableRawBufferPointer(
      rebasing: memory.bytes[start + range.lowerBound..<start + range.upperBound])
  }

  /// Whether a message is about a whole vector in a slot.
  func holds(_ header: DataHeader) -> Bool {
    header.chunk == DataHeader.allChunks && header.count == chunking.count && header.number < slots
  }

  private func byteRange(of chunk: Int) -> Range<Int> {
    let range = chunking.range(of: chunk)
    return range.lowerBound * 4..<range.upperBound * 4
  }

  private func hashBytes(ofSlot slot: Int) -> UnsafeMutableRawBufferPointer {
    let end = (slot + 1) * Self.slotByteCount(of: chunking)
    return UnsafeMutableRawBufferPointer(
      rebasing: memory.bytes[end - chunking.chunkCount * 8..<end])
  }

  /// The bytes of a vector, filled up to cache lines, and of its hashes.
  private static func slotByteCount(of chunking: Chunking) -> Int {
    ((chunking.count * 4 + 63) & ~63) + ((chunking.chunkCount * 8 + 63) & ~63)
  }

  /// The hash of each chunk, which is looked at while it is in the cache.
  private func hashes(_ chunk: (Int) -> UnsafeRawBufferPointer) -> [UInt64] {
    (0..<chunking.chunkCount).map { DataHeader.hash(of: chunk($0)) }
  }

  private static func hash(of hashes: [UInt64]) -> UInt64 {
    Digest(rawValue: 0).extended(byHashes: hashes).rawValue
  }
}
