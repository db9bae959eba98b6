// What a run keeps, and what of it can be had again.

import Learning

/// Where a run keeps its steps, evaluations and versions: a directory, or a simulation of one.
///
/// What it throws ends the run.
protocol RunStore {
  /// The versions that are kept whose evaluation is still due.
  var unevaluatedSteps: [Int] { get }
  /// Whether it can take another step: one that is behind has to catch up first.
  var hasRoom: Bool { get }
  /// Whether everything that it was given is kept.
  var isSettled: Bool { get }

  /// Throws what could not be kept of that which it was given before.
  func check() throws

  /// What there is to choose from; `nil` while that is being found out.
  mutating func survey(beside present: TrainingState) throws -> Survey?

  /// A version that is kept.
  func state(atStep step: Int) throws -> TrainingState

  /// Notes an applied step.
  mutating func record(
    _ outcome: StepOutcome, state: TrainingState, seconds: Double, dataWait: Double,
    waitedFor: String?, workers: Int?
  ) throws -> StepRecord

  /// Whether the version of a step is to be kept.
  func isCheckpointDue(atStep step: Int) -> Bool

  /// Keeps a version; whether it is kept by now and was not before.
  mutating func writeCheckpoint(_ state: TrainingState) throws -> Bool

  /// Notes an evaluation.
  mutating func recordEvaluation(
    step: Int, split: Split, measurements: Measurements
  ) throws -> EvaluationReport

  /// Notes that the run is complete.
  ///
  /// - Parameter activity: what its processes did; `nil` in a single process.
  mutating func finish(
    state: TrainingState, validation: EvaluationReport, test: EvaluationReport,
    activity: RunActivity?
  ) throws
}

/// The best of the versions that are kept.
struct Survey: Sendable {
  /// The report of the best version that is kept.
  let best: EvaluationReport?
  /// The report of the best version, whether or not it is still kept.
  let bestEvaluated: EvaluationReport?
  /// The best version that is kept, unless it is the present one.
  let state: TrainingState?
}

/// A store that has kept everything when it returns.
protocol PromptStore: RunStore {
  /// The report of the best version that is kept.
  var best: EvaluationReport? { get }
  /// The report of the best version, whether or not it is still kept.
  var bestEvaluated: EvaluationReport? { get }
}

extension PromptStore {
  var hasRoom: Bool { true }
  var isSettled: Bool { true }
  func check() {}

  func survey(beside present: TrainingState) throws -> Survey? {
    let best = best
    let older = best.flatMap { $0.step == present.step ? nil : $0.step }
    return Survey(
      best: best, bestEvaluated: bestEvaluated, state: try older.map { try state(atStep: $0) })
  }
}

extension RunRecorder: PromptStore {}
