// What a worker's loop sends: results, in chunks or in shared memory, as the socket takes them.

import Messaging
import Tensors

extension WorkerLoop {
  /// How values and contributions are cut, once the model is known.
  var chunking: Chunking? {
    guard let welcome, let layout else { return nil }
    return Chunking(count: layout.valueCount, chunkScalars: welcome.chunkScalars)
  }

  /// Sends what waits to be sent, until the socket's queue is full.
  func sendOutgoing() throws {
    while let piece = outgoing.first?.pieces.first {
      let job = outgoing[0].job
      guard try send(piece, of: job) == .sent else { return }
      outgoing[0].pieces.removeFirst()
      let isAll = outgoing[0].pieces.isEmpty
      if isAll { outgoing.removeFirst() }
      machine.sent(job, isAll: isAll, now: now)
    }
  }

  /// Sends a chunk of a result, or, if it is the one after the last, the measurements.
  private func send(_ chunk: Int, of job: Job) throws -> SendOutcome? {
    guard let result = results[job], let chunking, var header = header(of: job, .measurements)
    else { return .sent }
    if chunk == DataHeader.allChunks, let contribution = result.contribution {
      return try sendShared(contribution, of: job)
    }
    guard chunk < chunking.chunkCount else {
      header.count = 2 * result.measurements.count
      if case .training = job { header.number = Int(result.dataWait * 1e6) }
      return try result.measurements.encoded().withUnsafeBytes { payload in
        try data?.send(header.encoded(payload: payload), payload: .copied(payload))
      }
    }
    guard let contribution = result.contribution else { return .sent }
    let range = chunking.range(of: chunk)
    (header.kind, header.chunk, header.count) = (.contribution, chunk, range.count)
    let scalars = SharedScalars(contribution.flat)
    let payload = scalars.bytes(of: range)
    return try data?.send(
      header.encoded(payload: payload), payload: .shared(payload, owner: scalars))
  }

  /// Says where a contribution lies, or, if there is no room for it, has it sent in chunks.
  private func sendShared(_ contribution: Contribution, of job: Job) throws -> SendOutcome? {
    guard var header = header(of: job, .contribution), let chunking else { return .sent }
    guard let hash = memory?.put(contribution.flat, of: job, announcedBy: &header) else {
      let next = outgoing[0].pieces.startIndex + 1
      outgoing[0].pieces.insert(contentsOf: 0..<chunking.chunkCount, at: next)
      return .sent
    }
    return try data?.send(header.encoded(payloadHash: hash))
  }

  /// The header of a message about a result.
  func header(of job: Job, _ kind: DataHeader.Kind) -> DataHeader? {
    guard let welcome else { return nil }
    var header = DataHeader(kind: kind, run: welcome.run, session: welcome.session, step: 0)
    switch job {
    case .training(let step, let replica): (header.step, header.index) = (step, replica)
    case .evaluation(let lease):
      (header.step, header.index, header.purpose) = (lease.step, lease.part, lease.split)
    }
    return header
  }

  /// A result that the socket has not taken completely.
  struct Outgoing {
    let job: Job
    /// The chunks that are left, the one after the last for the measurements.
    var pieces: ArraySlice<Int>
  }
}
