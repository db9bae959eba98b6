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
  func sendResults() throws {
    while let chunking, let piece = results.next(of: chunking) {
      guard let outcome = try send(piece) else {
        // The memory holds a contribution that the server may not have read.
        results.splitNext(of: chunking)
        continue
      }
      guard outcome == .sent else { return }
      results.removeNext()
      machine.sent(piece.job, isAll: piece.isLast, now: now)
    }
  }

  /// Sends a piece; `nil` if there is no room for a whole contribution in shared memory.
  private func send(_ piece: ResultQueue.Piece) throws -> SendOutcome? {
    guard data != nil else { return .unreachable }
    switch piece.payload {
    case .measurements(let bytes):
      return try bytes.withUnsafeBytes { payload in
        try data?.send(piece.header.encoded(payload: payload), payload: .copied(payload))
      }
    case .scalars(let tensor, let range):
      let scalars = SharedScalars(tensor)
      let payload = scalars.bytes(of: range)
      return try data?.send(
        piece.header.encoded(payload: payload), payload: .shared(payload, owner: scalars))
    case .whole(let tensor):
      var header = piece.header
      guard let hash = memory?.put(tensor, of: piece.job, announcedBy: &header) else { return nil }
      return try data?.send(header.encoded(payloadHash: hash))
    }
  }
}
