// What a run keeps, and what of it can be had again.

import Learning

/// Where a run keeps its steps, evaluations and versions: a directory, or a simulation of one.
///
/// What it throws ends the run.
protocol RunStore {
  /// The versions that are kept whose evaluation is still due.
  var unevaluatedSteps: [Int] { get }
  /// The report of the best version that is kept.
  var best: EvaluationReport? { get }
  /// The report of the best version, whether or not it is still kept.
  var bestEvaluated: EvaluationReport? { get }

  /// A version that is kept.
  func state(atStep step: Int) throws -> TrainingState

  /// Notes an applied step.
  mutating func record(
    _ outcome: StepOutcome, state: TrainingState, seconds: Double, dataWait: Double,
    waitedFor: String?, workers: Int?
  ) throws -> StepRecord

  /// Whether the version of a step is to be kept.
  func isCheckpointDue(atStep step: Int) -> Bool

  /// Keeps a version; whether it was not kept already.
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

extension RunRecorder: RunStore {}
