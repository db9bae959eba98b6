// What a server shares with the workers on its machine: the values, and room for their answers.

import Messaging
import Tensors

/// The payloads of workers on the server's own machine, in memory that both sides map.
///
/// Each worker has memory of its own to answer in, so that none can write over another's.
final class SharedPayloads {
  private struct Member {
    let contributions: VectorMemory
    /// Whether the worker has said that it maps both.
    var isMapped = false
  }

  private let run: UInt64
  private let chunking: Chunking
  private let values: VectorMemory
  private var members: [SessionID: Member] = [:]
  /// Which version is in each slot of the values, and its hash.
  private var written: [(step: Int, hash: UInt64)]

  /// Memory for the values of a run; `nil` if the system has none, and everything then travels in
  /// messages.
  init?(run: UInt64, chunking: Chunking) {
    guard let values = try? VectorMemory(VectorMemory.valueSlots, of: chunking, key: run) else {
      return nil
    }
    (self.run, self.chunking, self.values) = (run, chunking, values)
    written = Array(repeating: (-1, 0), count: VectorMemory.valueSlots)
  }

  /// What a worker is told of it when it joins; `nil` if there is no memory for it.
  func offer(to session: SessionID) -> ControlMessage.Memory? {
    if members[session] == nil {
      let made = try? VectorMemory(VectorMemory.contributionSlots, of: chunking, key: session)
      guard let made else { return nil }
      members[session] = Member(contributions: made)
    }
    return members[session].map {
      .init(values: values.memory.path, contributions: $0.contributions.memory.path)
    }
  }

  /// A worker says that it maps what it was offered.
  func noteMapped(by session: SessionID) { members[session]?.isMapped = true }

  /// Whether a worker finds the values here.
  func isMapped(by session: SessionID) -> Bool { members[session]?.isMapped == true }

  /// Forgets the workers that are gone.
  func keep(where isThere: (SessionID) -> Bool) {
    members = members.filter { isThere($0.key) }
  }

  /// Puts the newest version where every worker finds it, once.
  ///
  /// - Parameter header: of the message that says so; gets the slot.
  /// - Returns: the hash.
  func put(_ values: Tensor, announcedBy header: inout DataHeader) -> UInt64 {
    let slot = header.step % VectorMemory.valueSlots
    if written[slot].step != header.step {
      let hash = values.withScalars {
        self.values.write(UnsafeRawBufferPointer($0), slot: slot)
      }
      written[slot] = (header.step, hash)
    }
    (header.chunk, header.count, header.number) = (DataHeader.allChunks, chunking.count, slot)
    header.isShared = true
    return written[slot].hash
  }

  /// Hands over what a worker has put into its memory, chunk by chunk, each with a header of its
  /// own and while it is in the cache.
  ///
  /// It stays there until the worker hears that it is in, or that nobody needs it.
  ///
  /// Throws a `WireError` at the first chunk that is not what the message says, or what `take`
  /// throws.
  func contribution(
    _ header: DataHeader, hash: UInt64,
    take: (DataHeader, UnsafeRawBufferPointer) throws -> Void
  ) throws {
    guard header.kind == .contribution, let memory = members[header.session]?.contributions,
      memory.holds(header)
    else { throw WireError.malformed("a payload in memory that is not shared") }
    let wrong = WireError.malformed("a payload in shared memory with a wrong hash")
    guard let hashes = memory.hashes(ofSlot: header.number, hashingTo: hash) else { throw wrong }
    for (part, hash) in zip(header.parts(of: chunking), hashes) {
      let payload = UnsafeRawBufferPointer(memory.bytes(of: part.chunk, slot: header.number))
      guard DataHeader.hash(of: payload) == hash else { throw wrong }
      try take(part, payload)
    }
  }
}
