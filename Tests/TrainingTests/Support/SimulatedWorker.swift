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
  let key: String?
  let clock: SimulatedClock
  var machine: WorkerState
  /// What has been computed and waits to leave.
  var results = ResultQueue(run: 0, session: 0)
  /// The addresses by which the server knows its connections; 0 before the second is made.
  var controlPeer: Int
  var dataPeer = 0
  /// The data connections that it has had.
  var connectionCount = 0
  var frozenUntil = 0.0
  /// How long the next job takes beyond the usual.
  var stall = 0.0
  /// Whether it is to be told when its data connection has room.
  var isWaitingForRoom = false
  var insider: Insider?
  var violations: [String] = []
  private(set) var welcome: ControlMessage.Welcome?
  private var values: [Int: [Range<Int>: [UInt8]]] = [:]
  private var computing: (job: Job, result: JobResult)?

  init(
    _ run: ToyRun, process: Int, key: String?, clock: SimulatedClock, controlPeer: Int, now: Double
  ) {
    self.run = run
    self.key = key
    self.clock = clock
    self.controlPeer = controlPeer
    machine = WorkerState(
      .init(server: "server:1", hello: fittingHello(process: process), deadlines: Deadlines()),
      now: clock.time(at: now))
  }

  /// The compute thread has finished.
  mutating func finishComputing(now: Double) -> [Output] {
    guard let (job, found) = computing else { return [] }
    computing = nil
    guard let insider else {
      results.insert(found, of: job)
      return perform(machine.computed(job, now: now))
    }
    if insider.conduct == .fails { return perform(machine.computationFailed(job, reason: "no")) }
    guard let result = insider.tamper(with: found, of: run) else { return [] }
    results.insert(result, of: job)
    return perform(machine.computed(job, now: now))
  }

  mutating func perform(_ actions: [WorkerAction], payload: [UInt8] = []) -> [Output] {
    var outputs: [Output] = []
    for action in actions {
      switch action {
      case .send(let message): outputs.append(.control(message))
      case .prepare(let welcome):
        self.welcome = welcome
        insider?.sessions.append(welcome.session)
        values = [:]
        results = ResultQueue(run: welcome.run, session: welcome.session)
        outputs.append(.prepare)
      case .fetch(let step, let chunks):
        for chunk in chunks.isEmpty ? [DataHeader.allChunks] : chunks {
          outputs.append(.data(header(.fetch, step: step, chunk: chunk), payload: []))
        }
      case .storeValues(let step, let range): values[step, default: [:]][range] = payload
      case .forgetValues(let step): values[step] = nil
      case .compute(let job): outputs += begin(job)
      case .sendResult(let job, let chunks):
        results.send(job, chunks: chunks, of: run.chunking)
      case .inquire(let job, let number):
        var inquiry = DataHeader(
          .inquiry, about: job, run: welcome?.run ?? 0, session: welcome?.session ?? 0)
        inquiry.number = number
        outputs.append(.data(inquiry, payload: []))
      case .knock: outputs.append(.data(header(.knock, step: 0, chunk: 0), payload: []))
      case .forgetResult(let job): results.forget(job)
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

  private func header(_ kind: DataHeader.Kind, step: Int, chunk: Int) -> DataHeader {
    DataHeader(
      kind: kind, run: welcome?.run ?? 0, session: welcome?.session ?? 0, step: step, chunk: chunk)
  }
}
