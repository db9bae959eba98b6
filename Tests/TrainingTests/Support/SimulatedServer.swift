// A server process of a simulation, and the directory that outlives it.

import NeuralNetworks

@testable import Training

/// What survives a server: its run's directory.
struct SimulatedStorage {
  /// The digest of each version.
  var versions: [UInt64] = [1]
  var checkpoints: [Int] = []
  var validations: [Int: UInt64] = [:]
  var test: (step: Int, result: UInt64)?

  /// Forgets what happened after the last checkpoint.
  mutating func rollBack() {
    let step = checkpoints.last ?? 0
    versions.removeLast(versions.count - 1 - step)
    validations = validations.filter { $0.key <= step }
    test = nil
  }

  /// The version with the best result, the earliest of equals.
  var best: Int? {
    validations.max { ($0.value % 100, $1.key) < ($1.value % 100, $0.key) }?.key
  }
}

/// One server process: the state machine, and what the loop around it keeps.
struct SimulatedServer {
  /// What is to be sent.
  enum Output {
    case control(ControlMessage, to: Int)
    case data(DataHeader, payload: UInt64, to: Int)
    case ended(RunEnding)
  }

  let run: ToyRun
  var machine: ServerState<Int>
  var storage: SimulatedStorage
  /// What must never happen, and did.
  var violations: [String] = []
  private var values: [Int: UInt64] = [:]
  private var chunks: [Int: [Int: UInt64]] = [:]
  private var results: [EvaluationLease: UInt64] = [:]

  /// A process that goes on from what is stored.
  init(_ run: ToyRun, storage: SimulatedStorage, runNumber: UInt64, now: Double) {
    self.run = run
    self.storage = storage
    let step = storage.versions.count - 1
    machine = ServerState(
      serverConfiguration(run, number: runNumber, expectedWorkers: 2), step: step + 1, now: now)
    values[step] = storage.versions[step]
    for step in storage.checkpoints
    where run.experiment.evaluates(step: step) && storage.validations[step] == nil {
      values[step] = storage.versions[step]
      machine.addEvaluation(of: step, on: .validation)
    }
  }

  mutating func perform(_ actions: [ServerAction<Int>], payload: UInt64 = 0, now: Double)
    -> [Output]
  {
    var outputs: [Output] = []
    for action in actions {
      switch action {
      case .send(let message, let peer): outputs.append(.control(message, to: peer))
      case .sendValues(let step, let chunks, let session, let peer):
        guard let version = values[step] else { continue }
        for chunk in chunks {
          let header = DataHeader(
            kind: .values, run: machine.configuration.run, step: step, session: session,
            chunk: chunk, count: run.values.range(of: chunk).count)
          outputs.append(.data(header, payload: version, to: peer))
        }
      case .acknowledge(var header, let peer):
        header.kind = .acknowledgement
        header.count = 0
        outputs.append(.data(header, payload: 0, to: peer))
      case .store(let job, let chunk): store(payload, chunk: chunk, of: job)
      case .applyStep(let step, _, _):
        outputs += perform(apply(step, now: now), now: now)
      case .finishEvaluation(let step, let split): finishEvaluation(of: step, on: split)
      case .chooseBest:
        guard let best = storage.best else {
          violations.append("there is no best version")
          continue
        }
        values[best] = storage.versions[best]
        outputs += perform(machine.evaluateOnTest(step: best, now: now), now: now)
      case .log: continue
      case .end(let ending):
        if ending == .stopped, storage.versions.count > 1 { writeCheckpoint() }
        outputs.append(.ended(ending))
      }
    }
    return outputs
  }

  private mutating func store(_ payload: UInt64, chunk: Int, of job: Job) {
    switch job {
    case .training(let step, let replica):
      if step != storage.versions.count { violations.append("a chunk of step \(step) was kept") }
      if chunks[replica]?[chunk] != nil { violations.append("a chunk was kept twice") }
      chunks[replica, default: [:]][chunk] = payload
    case .evaluation(let lease):
      if results[lease] != nil { violations.append("\(lease) was kept twice") }
      results[lease] = payload
    }
  }

  private mutating func apply(_ step: Int, now: Double) -> [ServerAction<Int>] {
    if step != storage.versions.count { violations.append("step \(step) was applied out of order") }
    let contributions = (0..<run.experiment.replicas).map { replica -> UInt64 in
      let received = chunks[replica] ?? [:]
      if received.count != run.contribution.chunkCount || Set(received.values).count != 1 {
        violations.append("step \(step) was applied with \(received) of replica \(replica)")
      }
      return received[0] ?? 0
    }
    chunks = [:]
    let version = run.next(storage.versions[step - 1], contributions)
    if version != run.versions[step] { violations.append("step \(step) has other bits") }
    storage.versions.append(version)
    if run.experiment.evaluates(step: step) { writeCheckpoint() }
    values[step] = version
    let actions = machine.stepApplied(now: now)
    forgetUnusedValues()
    return actions
  }

  private mutating func writeCheckpoint() {
    let step = storage.versions.count - 1
    if storage.checkpoints.last != step { storage.checkpoints.append(step) }
  }

  private mutating func finishEvaluation(of step: Int, on split: Split) {
    let parts = (0..<run.partCounts[split, default: 0]).map { part in
      results.removeValue(forKey: EvaluationLease(step: step, split: split, part: part)) ?? 0
    }
    let result = run.mix([4] + parts)
    if result != run.evaluation(of: step, on: split) {
      violations.append("the evaluation of step \(step) on \(split) has other bits")
    }
    if split == .test {
      if storage.test != nil { violations.append("a second evaluation on the test split") }
      storage.test = (step, result)
    } else if storage.validations.updateValue(result, forKey: step) != nil {
      violations.append("a second evaluation of step \(step)")
    }
    forgetUnusedValues()
  }

  private mutating func forgetUnusedValues() {
    let used = Set(machine.evaluations.map(\.step) + [storage.versions.count - 1])
    values = values.filter { used.contains($0.key) }
  }
}

/// The configuration of a server of a toy run.
func serverConfiguration(
  _ run: ToyRun, number: UInt64, expectedWorkers: Int = 1, deadlines: Deadlines = Deadlines()
) -> ServerState<Int>.Configuration {
  .init(
    run: number, dataPort: 2, experiment: run.experiment, layout: Digest(rawValue: 5),
    numerics: Digest(rawValue: 6), engine: "the engine", contribution: run.contribution,
    evaluationScalars: run.evaluationScalars, values: run.values, partCounts: run.partCounts,
    expectedWorkers: expectedWorkers, deadlines: deadlines)
}

/// What a worker that fits says first.
func fittingHello(process: Int = 1) -> ControlMessage.Hello {
  .init(
    version: protocolVersion, numerics: ["openblas/fp32": Digest(rawValue: 6)],
    engine: "the engine", host: "a host", process: process)
}
