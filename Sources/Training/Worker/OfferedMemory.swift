// What a worker makes of the memory that a server on its machine offers.

import Messaging
import Tensors

/// The values of the server and a place for one contribution, both mapped.
struct OfferedMemory {
  private let values: VectorMemory
  private let contributions: VectorMemory
  /// Whose contribution the place holds.
  private var owner: Job?

  /// Maps what was offered; `nil` if there is nothing of that kind, as from within a container
  /// whose processes have other numbers.
  init?(_ welcome: ControlMessage.Welcome, chunking: Chunking) {
    guard let offer = welcome.memory,
      let values = try? VectorMemory(
        VectorMemory.valueSlots, of: chunking, at: offer.values, key: welcome.run),
      let contributions = try? VectorMemory(
        VectorMemory.contributionSlots, of: chunking, at: offer.contributions,
        key: welcome.session)
    else { return nil }
    (self.values, self.contributions) = (values, contributions)
  }

  /// A copy of the values that a message is about.
  ///
  /// Throws if they are not what the message says, as when they have been written over.
  func values(_ header: DataHeader, hash: UInt64) throws(WireError) -> Tensor {
    guard header.kind == .values, values.holds(header) else {
      throw .malformed("a payload in memory that is not shared")
    }
    var found: UInt64 = 0
    let copy = Tensor(shape: [header.count]) { scalars in
      found = values.read(
        slot: header.number, into: UnsafeMutableRawBufferPointer(scalars))
    }
    guard found == hash else { throw .malformed("a payload in shared memory with a wrong hash") }
    return copy
  }

  /// Puts the contribution of a job there; its hash.
  ///
  /// `nil` if the place holds that of another job, which the server may not have read.
  ///
  /// - Parameter header: of the message that says so.
  mutating func put(
    _ contribution: Tensor, of job: Job, announcedBy header: inout DataHeader
  ) -> UInt64? {
    guard owner == nil || owner == job else { return nil }
    owner = job
    (header.chunk, header.count, header.number) = (DataHeader.allChunks, contribution.count, 0)
    header.isShared = true
    return contribution.withScalars {
      contributions.write(UnsafeRawBufferPointer($0), slot: 0)
    }
  }

  /// Nobody needs the contribution of a job any more.
  mutating func free(_ job: Job) { if owner == job { owner = nil } }
}
