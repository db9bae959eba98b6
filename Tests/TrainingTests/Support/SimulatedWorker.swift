// A worker process of a simulation: the state machine, and what the loop around it keeps.

import NeuralNetworks

@testable import Training

/// One worker process.
struct SimulatedWorker {
  /// What is to be sent or to happen later.
  enum Output {
    case control(ControlMessage)
    case data(DataHeader, payload: UInt64)
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
  private var values: [Int: [Range<Int>: UInt64]] = [:]
  private var contributions: [Job: UInt64] = [:]
  private var computing: (job: Job, result: UInt64)?

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
    contributions[job] = result
    return perform(machine.computed(job, now: now))
  }

  mutating func perform(_ actions: [WorkerAction], payload: UInt64 = 0) -> [Output] {
    var outputs: [Output] = []
    for action in actions {
      switch action {
      case .send(let message): outputs.append(.control(message))
      case .prepare(let welcome):
        self.welcome = welcome
        values = [:]
        contributions = [:]
        connection += 1
        outputs.append(.prepare)
      case .fetch(let step, let chunks):
        for chunk in chunks.isEmpty ? [DataHeader.allChunks] : chunks {
          outputs.append(.data(header(.fetch, step: step, chunk: chunk), payload: 0))
        }
      case .storeValues(let step, let range): values[step, default: [:]][range] = payload
      case .forgetValues(let step): values[step] = nil
      case .compute(let job): outputs += begin(job)
      case .sendContribution(let job): outputs += send(job)
      case .forgetContribution(let job): contributions[job] = nil
      case .log: continue
      case .end(let ending): outputs.append(.ended(ending))
      }
    }
    return outputs
  }

  private mutating func begin(_ job: Job) -> [Output] {
    let received = values[job.version] ?? [:]
    if received.count != run.values.chunkCount
      || Set(received.values) != [run.versions[job.version]]
    {
      violations.append("\(job) began with \(received)")
    }
    if computing != nil { violations.append("\(job) began beside another") }
    computing = (job, run.result(of: job, on: received[run.values.range(of: 0)] ?? 0))
    return [.compute(job)]
  }

  private func send(_ job: Job) -> [Output] {
    guard let result = contributions[job] else { return [] }
    switch job {
    case .training(let step, let replica):
      return (0..<run.contribution.chunkCount).map { chunk in
        var header = header(.contribution, step: step, chunk: chunk)
        header.index = replica
        header.count = run.contribution.range(of: chunk).count
        return .data(header, payload: result)
      }
    case .evaluation(let lease):
      var header = header(.contribution, step: lease.step, chunk: 0)
      (header.index, header.purpose, header.count) =
        (lease.part, lease.split, run.evaluationScalars)
      return [.data(header, payload: result)]
    }
  }

  private func header(_ kind: DataHeader.Kind, step: Int, chunk: Int) -> DataHeader {
    DataHeader(
      kind: kind, run: welcome?.run ?? 0, step: step, session: welcome?.session ?? 0, chunk: chunk)
  }
}
