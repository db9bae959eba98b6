// A worker process of a simulation: the state machine, and what the loop around it keeps.

import Learning
import Tensors

@testable import Training

/// One worker process.
struct SimulatedWorker {
  /// What is to be sent or to happen later.
  enum Output {
    case control(ControlMessage)
    case data(DataHeader, payload: [UInt8])
    /// A piece of a result, after which the machine is told that it has left.
    case piece(DataHeader, payload: [UInt8], of: Job, isLast: Bool)
    case prepare
    case compute(Job)
    case ended(WorkerEnding)
  }

  let run: ToyRun
  var machine: WorkerState
  var frozenUntil = 0.0
  /// How long the next job takes beyond the usual.
  var stall = 0.0
  /// Counts the data sockets that the worker has had.
  var connection = 0
  var violations: [String] = []
  private var welcome: ControlMessage.Welcome?
  private var values: [Int: [Range<Int>: [UInt8]]] = [:]
  private var results: [Job: JobResult] = [:]
  private var computing: (job: Job, result: JobResult)?

  init(_ run: ToyRun, process: Int, now: Double) {
    self.run = run
    machine = WorkerState(
      .init(server: "server:1", hello: fittingHello(process: process), deadlines: Deadlines()),
      now: now)
  }

  /// The compute thread has finished.
  mutating func finishComputing(now: Double) -> [Output] {
    guard let (job, result) = computing else { return [] }
    computing = nil
    results[job] = result
    return perform(machine.computed(job, now: now))
  }

  mutating func perform(_ actions: [WorkerAction], payload: [UInt8] = []) -> [Output] {
    var outputs: [Output] = []
    for action in actions {
      switch action {
      case .send(let message): outputs.append(.control(message))
      case .prepare(let welcome):
        self.welcome = welcome
        values = [:]
        results = [:]
        connection += 1
        outputs.append(.prepare)
      case .fetch(let step, let chunks):
        for chunk in chunks.isEmpty ? [DataHeader.allChunks] : chunks {
          outputs.append(.data(header(.fetch, step: step, chunk: chunk), payload: []))
        }
      case .storeValues(let step, let range): values[step, default: [:]][range] = payload
      case .forgetValues(let step): values[step] = nil
      case .compute(let job): outputs += begin(job)
      case .sendResult(let job, let chunks): outputs += send(job, chunks)
      case .inquire(let job, let number):
        var inquiry = header(.inquiry, about: job)
        inquiry.number = number
        outputs.append(.data(inquiry, payload: []))
      case .knock: outputs.append(.data(header(.knock, step: 0, chunk: 0), payload: []))
      case .forgetResult(let job): results[job] = nil
      case .log: continue
      case .end(let ending): outputs.append(.ended(ending))
      }
    }
    return outputs
  }

  private mutating func begin(_ job: Job) -> [Output] {
    var flat = Tensor.zeros([run.chunking.count])
    for (range, bytes) in values[job.version] ?? [:] {
      flat.withMutableScalars { scalars in
        let target = UnsafeMutableBufferPointer(rebasing: scalars[range])
        UnsafeMutableRawBufferPointer(target).copyBytes(from: bytes)
      }
    }
    if values[job.version]?.count != run.chunking.chunkCount
      || flat != run.versions[job.version].flat
    {
      violations.append("\(job) began with other values")
    }
    if computing != nil { violations.append("\(job) began beside another") }
    computing = (job, run.result(of: job, on: flat))
    return [.compute(job)]
  }

  private func send(_ job: Job, _ chunks: [Int]?) -> [Output] {
    guard let result = results[job] else { return [] }
    let chunkCount = run.chunking.chunkCount
    let scalars = result.contribution.map { SharedScalars($0.flat) }
    let pieces = chunks ?? (scalars == nil ? [chunkCount] : Array(0...chunkCount))
    return pieces.enumerated().map { index, piece in
      var header = header(.measurements, about: job)
      header.count = 2 * run.facts.metrics.count
      var payload = result.measurements.encoded()
      if piece < chunkCount, let scalars {
        let range = run.chunking.range(of: piece)
        (header.kind, header.chunk, header.count) = (.contribution, piece, range.count)
        payload = Array(scalars.bytes(of: range))
      }
      return .piece(header, payload: payload, of: job, isLast: index == pieces.count - 1)
    }
  }

  private func header(_ kind: DataHeader.Kind, about job: Job) -> DataHeader {
    var header = header(kind, step: job.version, chunk: 0)
    switch job {
    case .training(let step, let replica): (header.step, header.index) = (step, replica)
    case .evaluation(let lease): (header.index, header.purpose) = (lease.part, lease.split)
    }
    return header
  }

  private func header(_ kind: DataHeader.Kind, step: Int, chunk: Int) -> DataHeader {
    DataHeader(
      kind: kind, run: welcome?.run ?? 0, session: welcome?.session ?? 0, step: step, chunk: chunk)
  }
}
