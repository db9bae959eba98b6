// How a flat vector is cut into the chunks that travel.

/// The chunks of a flat vector: equal ranges, the last one shorter.
struct Chunking: Hashable, Sendable {
  /// The scalars of the vector.
  let count: Int
  /// The scalars of a chunk.
  let chunkScalars: Int

  /// 256 KiB: large enough that a message costs little beside its copy, small enough that a peer
  /// without a key cannot make the other side allocate much, and that chunks overlap.
  static let standardScalars = 65_536

  init(count: Int, chunkScalars: Int = Chunking.standardScalars) {
    precondition(count > 0 && chunkScalars > 0, "chunks of \(chunkScalars) in \(count) scalars")
    self.count = count
    self.chunkScalars = chunkScalars
  }

  /// The number of chunks.
  var chunkCount: Int { (count + chunkScalars - 1) / chunkScalars }

  /// The scalars of a chunk.
  func range(of chunk: Int) -> Range<Int> {
    let start = chunk * chunkScalars
    return start..<min(start + chunkScalars, count)
  }
}

/// Which chunks of a vector have arrived.
struct ChunkReceipts: Hashable, Sendable {
  private var hasArrived: [Bool]
  private(set) var missingCount: Int

  init(chunkCount: Int) {
    hasArrived = Array(repeating: false, count: chunkCount)
    missingCount = chunkCount
  }

  /// Whether all chunks are in.
  var isComplete: Bool { missingCount == 0 }

  /// The chunks that are not in.
  var missing: [Int] { hasArrived.indices.filter { !hasArrived[$0] } }

  /// Notes a chunk; whether it is new.
  mutating func insert(_ chunk: Int) -> Bool {
    guard !hasArrived[chunk] else { return false }
    hasArrived[chunk] = true
    missingCount -= 1
    return true
  }
}
