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
      case .sendResult(let job): outputs += send(job)
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

  private func send(_ job: Job) -> [Output] {
    guard let result = results[job] else { return [] }
    var measured = header(.measurements, step: job.version, chunk: 0)
    measured.count = 2 * run.facts.metrics.count
    let measurements = result.measurements.encoded()
    switch job {
    case .training(let step, let replica):
      (measured.step, measured.index) = (step, replica)
      let scalars = result.contribution.map { SharedScalars($0.flat) }
      let chunks = (0..<run.chunking.chunkCount).map { chunk in
        var header = header(.contribution, step: step, chunk: chunk)
        let range = run.chunking.range(of: chunk)
        (header.index, header.count) = (replica, range.count)
        return Output.data(header, payload: scalars.map { Array($0.bytes(of: range)) } ?? [])
      }
      return chunks + [.data(measured, payload: measurements)]
    case .evaluation(let lease):
      (measured.index, measured.purpose) = (lease.part, lease.split)
      return [.data(measured, payload: measurements)]
    }
  }

  private func header(_ kind: DataHeader.Kind, step: Int, chunk: Int) -> DataHeader {
    DataHeader(
      kind: kind, run: welcome?.run ?? 0, step: step, session: welcome?.session ?? 0, chunk: chunk)
  }
}
