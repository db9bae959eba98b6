// Payloads in shared memory: found by their messages and held against their hashes.

import Learning
import Messaging
import Tensors
import Testing

@testable import Training

@Suite struct SharedPayloadTests {
  private let chunking = Chunking(count: 10, chunkScalars: 4)
  private let experiment = syntheticExperiment()

  /// The memory of a server, and what a worker makes of its offer.
  private func pair(session: SessionID = 5) throws -> (SharedPayloads, OfferedMemory) {
    let server = try #require(SharedPayloads(run: 3, chunking: chunking))
    let offer = try #require(server.offer(to: session))
    return (server, try #require(OfferedMemory(welcome(offer, session), chunking: chunking)))
  }

  private func welcome(
    _ offer: ControlMessage.Memory?, _ session: SessionID
  ) -> ControlMessage.Welcome {
    .init(
      run: 3, session: session, worker: 1, dataPort: 1, experiment: experiment,
      layout: Digest(rawValue: 1), chunkScalars: 4, heartbeatSeconds: 1, silenceSeconds: 3,
      memory: offer)
  }

  private func header(
    _ kind: DataHeader.Kind, step: Int = 1, session: SessionID = 5
  ) -> DataHeader {
    DataHeader(kind: kind, run: 3, session: session, step: step)
  }

  private func vector(_ first: Float) -> Tensor { Tensor((0..<10).map { first + Float($0) }) }

  @Test func valuesAreFoundWhereTheMessageSays() throws {
    let (server, worker) = try pair()
    var (old, new) = (header(.values, step: 7), header(.values, step: 8))
    let hash = server.put(vector(1), announcedBy: &old)
    #expect(old.isShared && old.chunk == DataHeader.allChunks && old.count == 10)
    #expect(try worker.values(old, hash: hash) == vector(1))
    // A version is written once, however many workers it is for.
    var again = header(.values, step: 7)
    #expect(server.put(vector(2), announcedBy: &again) == hash && again == old)
    // The version before is still there for whoever is behind.
    let newer = server.put(vector(3), announcedBy: &new)
    #expect(try worker.values(old, hash: hash) == vector(1))
    #expect(try worker.values(new, hash: newer) == vector(3))
  }

  @Test func contributionsAreTakenChunkByChunk() throws {
    var (server, worker) = try pair()
    var message = header(.contribution)
    let job = Job.training(step: 1, replica: 0)
    let hash = try #require(worker.put(vector(1), of: job, announcedBy: &message))
    var parts: [DataHeader] = []
    var bytes: [UInt8] = []
    try server.contribution(message, hash: hash) { part, payload in
      parts.append(part)
      bytes += payload
    }
    #expect(parts.map(\.chunk) == [0, 1, 2] && parts.map(\.count) == [4, 4, 2])
    #expect(parts.allSatisfy { !$0.isShared })
    #expect(bytes == vector(1).withScalars { Array(UnsafeRawBufferPointer($0)) })
  }

  /// What is written over while it is read has another hash, like a damaged message.
  @Test func whatWasWrittenOverDoesNotPass() throws {
    var (server, worker) = try pair()
    var (values, later) = (header(.values, step: 1), header(.values, step: 3))
    let hash = server.put(vector(1), announcedBy: &values)
    _ = server.put(vector(2), announcedBy: &later)
    let wrong = WireError.malformed("a payload in shared memory with a wrong hash")
    #expect(throws: wrong) { try worker.values(values, hash: hash) }
    var message = header(.contribution)
    let job = Job.training(step: 1, replica: 0)
    let own = try #require(worker.put(vector(1), of: job, announcedBy: &message))
    _ = worker.put(vector(2), of: job, announcedBy: &message)
    #expect(throws: wrong) { try server.contribution(message, hash: own) { _, _ in } }
  }

  @Test func aPlaceBelongsToOneContributionAtATime() throws {
    var (_, worker) = try pair()
    let (first, second) = (Job.training(step: 1, replica: 0), Job.training(step: 1, replica: 1))
    var message = header(.contribution)
    func put(_ job: Job, _ worker: inout OfferedMemory) -> Bool {
      worker.put(vector(1), of: job, announcedBy: &message) != nil
    }
    #expect(put(first, &worker))
    #expect(!put(second, &worker))
    worker.free(second)
    #expect(put(first, &worker))
    worker.free(first)
    #expect(put(second, &worker))
  }

  @Test func whatLiesNowhereIsRefused() throws {
    let (server, worker) = try pair()
    func refused(_ change: (inout DataHeader) -> Void) {
      for kind in [DataHeader.Kind.values, .contribution] {
        var message = header(kind)
        (message.chunk, message.count, message.isShared) = (DataHeader.allChunks, 10, true)
        change(&message)
        #expect(throws: WireError.self) {
          try server.contribution(message, hash: 0) { _, _ in }
        }
        #expect(throws: WireError.self) { try worker.values(message, hash: 0) }
      }
    }
    refused { $0.chunk = 0 }
    refused { $0.count = 9 }
    refused { $0.number = 2 }
    refused { $0.kind = .measurements }
    refused { ($0.session, $0.kind) = (6, .contribution) }
  }

  @Test func whoeverIsGoneSharesNothing() throws {
    let (server, _) = try pair()
    server.noteMapped(by: 5)
    server.noteMapped(by: 6)
    #expect(server.isMapped(by: 5) && !server.isMapped(by: 6))
    server.keep { $0 != 5 }
    #expect(!server.isMapped(by: 5))
    #expect(OfferedMemory(welcome(nil, 5), chunking: chunking) == nil)
    let other = ControlMessage.Memory(values: "/proc/self/fd/0", contributions: "/nowhere")
    #expect(OfferedMemory(welcome(other, 5), chunking: chunking) == nil)
  }
}
