// A server process of a simulation, and the directory that outlives it.

import Learning
import Tensors

@testable import Training

/// What survives a server: its run's directory.
struct SimulatedStorage: PromptStore {
  let run: ToyRun
  /// The digest of each step.
  var digests: [Digest] = []
  var checkpoints: [Int: TrainingState] = [:]
  var validations: [EvaluationReport] = []
  var test: EvaluationReport?
  var isFinished = false
  /// How long the disk takes to write a checkpoint, and what it has taken since it was asked.
  var diskSeconds = 0.0
  var spentSeconds = 0.0
  /// What must never happen, and did.
  var violations: [String] = []

  init(_ run: ToyRun) { self.run = run }

  /// The version that a new server begins with.
  func lastState() -> TrainingState {
    checkpoints.max { $0.key < $1.key }?.value ?? run.versions[0]
  }

  /// Forgets what happened after the last checkpoint.
  mutating func rollBack() {
    let step = lastState().step
    digests.removeLast(digests.count - step)
    validations = validations.filter { $0.step <= step }
    test = nil
  }

  var unevaluatedSteps: [Int] {
    checkpoints.keys.sorted().filter { step in
      run.experiment.evaluates(step: step) && !validations.contains { $0.step == step }
    }
  }

  var best: EvaluationReport? {
    VersionChoice(by: run.facts).best(of: validations.filter { checkpoints[$0.step] != nil })
  }

  var bestEvaluated: EvaluationReport? { VersionChoice(by: run.facts).best(of: validations) }

  func state(atStep step: Int) throws -> TrainingState {
    guard let state = checkpoints[step] else { throw TrainingError("no checkpoint of \(step)") }
    return state
  }

  mutating func record(
    _ outcome: StepOutcome, state: TrainingState, seconds: Double, dataWait: Double,
    waitedFor: String?, workers: Int?
  ) -> StepRecord {
    if state.step != digests.count + 1 {
      violations.append("step \(state.step) was applied out of order")
    }
    if state.digest != run.versions[state.step].digest {
      violations.append("step \(state.step) has other bits")
    }
    digests.append(state.digest)
    return StepRecord(
      step: state.step, outcome, seconds: seconds, dataWait: dataWait, waitedFor: waitedFor,
      workers: workers)
  }

  func isCheckpointDue(atStep step: Int) -> Bool { false }

  mutating func writeCheckpoint(_ state: TrainingState) -> Bool {
    guard state.step > 0 else { return false }
    spentSeconds += diskSeconds
    return checkpoints.updateValue(state, forKey: state.step) == nil
  }

  mutating func recordEvaluation(
    step: Int, split: Split, measurements: Measurements
  ) -> EvaluationReport {
    if measurements != run.evaluation(of: step, on: split) {
      violations.append("the evaluation of step \(step) on \(split) has other bits")
    }
    let report = EvaluationReport(
      step: step, split: split, measurements: measurements, facts: run.facts)
    if split == .test {
      if test != nil { violations.append("a second evaluation on the test split") }
      test = report
    } else if validations.contains(where: { $0.step == step }) {
      violations.append("a second evaluation of step \(step)")
    } else {
      validations.append(report)
    }
    return report
  }

  mutating func finish(
    state: TrainingState, validation: EvaluationReport, test: EvaluationReport,
    activity: RunActivity?
  ) {
    if isFinished || state.step != run.experiment.steps || validation.step != test.step {
      violations.append("the run was finished with \(validation) and \(test)")
    }
    isFinished = true
  }
}

/// One server process: the run itself, of which only the sockets are made up.
struct SimulatedServer {
  typealias Live = LiveRun<Int, SimulatedStorage>

  /// What is to be sent.
  enum Output {
    case control(ControlMessage, to: Int)
    case data(DataHeader, payload: [UInt8], to: Int)
  }

  var live: Live
  let clock: SimulatedClock

  /// A process that goes on from what is stored.
  ///
  /// Where workers have keys, the numbers of sessions need not be secret.
  init(
    _ run: ToyRun, storage: SimulatedStorage, runNumber: UInt64, clock: SimulatedClock,
    audit: Double, hasKeys: Bool, lines: Lines, now: Double
  ) throws {
    self.clock = clock
    var configuration = coordinatorConfiguration(run, number: runNumber, expectedWorkers: 2)
    configuration.audit = AuditChoice(share: audit, seed: runNumber)
    if !hasKeys {
      configuration.sessionID = { count in
        var random = CounterRandom(seed: runNumber, purpose: .trial, index: UInt64(count))
        return random.next()
      }
    }
    live = try Live(
      configuration, from: storage.lastState(), store: storage, observers: RunObservers([lines]),
      now: clock.time(at: now))
  }

  /// After how long work that is not in is given to another.
  var patience: Double {
    let coordinator = live.coordinator
    return max(
      coordinator.configuration.deadlines.raceSeconds,
      5 * max(coordinator.usualStepSeconds, coordinator.replicas.longestAnswer))
  }

  func outputs(_ outgoing: [Live.Outgoing]) -> [Output] {
    outgoing.flatMap { item -> [Output] in
      switch item {
      case .control(let message, let peer): return [.control(message, to: peer)]
      case .answer(let header, let payload, let peer):
        return [.data(header, payload: payload, to: peer)]
      case .values(let step, let chunks, let session, let peer):
        guard let values = live.values(ofStep: step).map(SharedScalars.init) else { return [] }
        let configuration = live.coordinator.configuration
        return chunks.map { chunk in
          let range = configuration.chunking.range(of: chunk)
          let header = DataHeader(
            kind: .values, run: configuration.run, session: session, step: step, chunk: chunk,
            count: range.count)
          return .data(header, payload: Array(values.bytes(of: range)), to: peer)
        }
      }
    }
  }
}

/// The configuration of a coordinator of a toy run.
func coordinatorConfiguration(
  _ run: ToyRun, number: UInt64, expectedWorkers: Int = 1, deadlines: Deadlines = Deadlines()
) -> Coordinator<Int>.Configuration {
  .init(
    run: number, dataPort: 2, experiment: run.experiment, facts: run.facts,
    numerics: Digest(rawValue: 6), engine: "the engine", samples: Digest(rawValue: 8),
    chunkScalars: run.chunking.chunkScalars, expectedWorkers: expectedWorkers,
    deadlines: deadlines, sessionID: { SessionID($0) })
}

/// What a worker that fits says first.
func fittingHello(process: Int = 1) -> ControlMessage.Hello {
  .init(
    version: protocolVersion, numerics: ["openblas/fp32": Digest(rawValue: 6)],
    engine: "the engine", host: "a host", process: process)
}
