// What a worker has computed and the server does not have yet, and which piece of it leaves next.

import Tensors

/// The results of a session, cut into the pieces that travel, in the order in which they leave.
struct ResultQueue: Sendable {
  /// One message of a result.
  struct Piece: Sendable {
    let header: DataHeader
    let payload: Payload
    /// What it is a piece of.
    let job: Job
    /// Whether nothing of what was to be sent of the job is left behind it.
    let isLast: Bool
  }

  /// What a piece carries.
  enum Payload: Sendable {
    case measurements([UInt8])
    /// A range of a contribution's scalars.
    case scalars(Tensor, Range<Int>)
    /// A contribution that is to be put into shared memory.
    case whole(Tensor)
  }

  private struct Departure: Sendable {
    let job: Job
    /// The chunks that are left, the one after the last for the measurements, and
    /// `DataHeader.allChunks` for all of them at once.
    var pieces: ArraySlice<Int>
  }

  private let run: UInt64
  private let session: SessionID
  private var results: [Job: JobResult] = [:]
  private var departures: [Departure] = []

  /// The results of a session, of which there are none yet.
  init(run: UInt64, session: SessionID) { (self.run, self.session) = (run, session) }

  /// Whether nothing waits to leave.
  var isEmpty: Bool { departures.isEmpty }

  /// Keeps what a job yielded.
  mutating func insert(_ result: JobResult, of job: Job) { results[job] = result }

  /// Frees what a job yielded; what has not left of it stays.
  mutating func forget(_ job: Job) {
    results[job] = nil
    departures.removeAll { $0.job == job }
  }

  /// Has a result leave, behind what waits already: all of it, or the chunks that are named, whose
  /// number stands for the measurements.
  ///
  /// - Parameter whole: whether a contribution leaves at once, through shared memory.
  mutating func send(
    _ job: Job, chunks: [Int]?, of chunking: Chunking, whole: Bool = false
  ) {
    guard let result = results[job] else { return }
    let measurements = chunking.chunkCount
    let all =
      switch (result.contribution, whole) {
      case (nil, _): [measurements]
      case (_, false): Array(0...measurements)
      case (_, true): [DataHeader.allChunks, measurements]
      }
    departures.append(Departure(job: job, pieces: (chunks ?? all)[...]))
  }

  /// The piece that is to leave next.
  func next(of chunking: Chunking) -> Piece? {
    guard let departure = departures.first, let chunk = departure.pieces.first,
      let result = results[departure.job]
    else { return nil }
    let isLast = departure.pieces.count == 1
    var header = DataHeader(.measurements, about: departure.job, run: run, session: session)
    if chunk == DataHeader.allChunks, let contribution = result.contribution {
      header.kind = .contribution
      return Piece(
        header: header, payload: .whole(contribution.flat), job: departure.job, isLast: isLast)
    }
    guard chunk < chunking.chunkCount, let contribution = result.contribution else {
      header.count = 2 * result.measurements.count
      if case .training = departure.job { header.number = Int(result.dataWait * 1e6) }
      return Piece(
        header: header, payload: .measurements(result.measurements.encoded()), job: departure.job,
        isLast: isLast)
    }
    let range = chunking.range(of: chunk)
    (header.kind, header.chunk, header.count) = (.contribution, chunk, range.count)
    return Piece(
      header: header, payload: .scalars(contribution.flat, range), job: departure.job,
      isLast: isLast)
  }

  /// A whole contribution leaves in chunks after all.
  mutating func splitNext(of chunking: Chunking) {
    guard departures.first?.pieces.first == DataHeader.allChunks else { return }
    let rest = departures[0].pieces.dropFirst()
    departures[0].pieces = (Array(0..<chunking.chunkCount) + rest)[...]
  }

  /// The piece has left.
  mutating func removeNext() {
    guard !departures.isEmpty else { return }
    departures[0].pieces.removeFirst()
    if departures[0].pieces.isEmpty { departures.removeFirst() }
  }
}
