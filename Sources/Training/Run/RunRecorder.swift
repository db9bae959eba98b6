// Keeps a run's directory true to what has happened, and never ahead of it.

import Files
import Foundation
import NeuralNetworks
import Tensors

#if canImport(Glibc)
  import Glibc
#endif

/// Writes the files of a run: a line per step and evaluation, checkpoints, the summary.
///
/// A checkpoint is written at every evaluation, when a run stops, and at the latest a minute after
/// the one before; the last three, the best by validation accuracy and those that still have to be
/// evaluated are kept. When a run is resumed, lines after the checkpoint are cut off, so the files
/// read as if the run had never been interrupted.
public final class RunRecorder {
  /// Where the files are.
  public let directory: RunDirectory
  /// The experiment and what it ran on.
  public let record: ExperimentRecord
  private let categories: [Category]
  private let lock: RunLock
  private let stepsFile: LineFile
  private let evaluationsFile: LineFile
  private var validations: [EvaluationReport] = []
  private var lastCheckpointAt: ContinuousClock.Instant
  /// The wall time of all steps, those before a resumption included.
  private var seconds = 0.0

  private static let checkpointsKept = 3
  private static let timeBetweenCheckpoints = Duration.seconds(60)

  /// Starts a run in an empty directory, or one with files of another kind, and writes
  /// `experiment.json`.
  ///
  /// Throws if a run is there already.
  public convenience init(
    starting record: ExperimentRecord, in directory: RunDirectory, categories: [Category]
  ) throws(FileError) {
    try directory.create()
    let lock = try RunLock(directory)
    guard !directory.holdsRun else {
      throw FileError(
        """
        There is a run in \(directory.path) already. Go on with it by --resume, or name another \
        directory with --run.
        """)
    }
    try AtomicFile.write(try json(record, .prettyPrinted), to: directory.experimentPath)
    try self.init(
      directory, record, categories: categories, lock: lock, steps: [], evaluations: [])
  }

  /// Goes on with the run in a directory: from its last checkpoint, or from its start if there is
  /// none yet.
  ///
  /// Throws if the files are damaged or do not fit together.
  public static func resuming(
    _ directory: RunDirectory, layout: ParameterLayout, categories: [Category]
  ) throws(FileError) -> (recorder: RunRecorder, state: TrainingState) {
    let record = try directory.readExperiment()
    try directory.create()
    let lock = try RunLock(directory)
    let state = try lastState(in: directory, layout: layout, experiment: record.experiment)
    // What a crash damaged is at the end; the lines up to the checkpoint were flushed before it.
    let steps = try directory.readIntactSteps().filter { $0.step <= state.step }
    guard steps.count == state.step, steps.last.map({ $0.digest == state.digest }) ?? true else {
      throw FileError(
        """
        \(directory.stepsPath) does not fit the checkpoint of step \(state.step): it has \
        \(steps.count) steps up to there, or another digest. Was it changed by hand?
        """)
    }
    let evaluations = try directory.readIntactEvaluations().filter {
      $0.step <= state.step && $0.split == .validation
    }
    let recorder = try RunRecorder(
      directory, record, categories: categories, lock: lock, steps: steps,
      evaluations: evaluations)
    recorder.removePartialFiles()
    return (recorder, state)
  }

  private static func lastState(
    in directory: RunDirectory, layout: ParameterLayout, experiment: Experiment
  ) throws(FileError) -> TrainingState {
    guard let step = directory.checkpointSteps().last else {
      // What is evaluated has a checkpoint; to begin again would cut off all that is recorded.
      if let evaluated = try directory.readIntactEvaluations().last {
        throw FileError(
          """
          \(directory.checkpointsPath) has no checkpoint that can be read, but step \
          \(evaluated.step) was evaluated already. Put the checkpoints back, or begin again with \
          another --run.
          """)
      }
      return TrainingState(layout: layout, seed: experiment.seed)
    }
    let path = directory.checkpointPath(step: step)
    let state = try Checkpoint.read(path, layout: layout, experiment: experiment)
    guard state.step == step else {
      throw FileError("\(path) holds step \(state.step): it was renamed.")
    }
    return state
  }

  private init(
    _ directory: RunDirectory, _ record: ExperimentRecord, categories: [Category],
    lock: consuming RunLock, steps: [StepRecord], evaluations: [EvaluationReport]
  ) throws(FileError) {
    self.directory = directory
    self.record = record
    self.categories = categories
    self.lock = lock
    stepsFile = try LineFile(directory.stepsPath, keeping: steps)
    evaluationsFile = try LineFile(directory.evaluationsPath, keeping: evaluations)
    validations = evaluations
    seconds = steps.reduce(0) { $0 + $1.seconds }
    lastCheckpointAt = .now
  }

  /// The versions with a checkpoint whose evaluation was lost with the process that was to do it.
  public func unevaluatedSteps() -> [Int] {
    let evaluated = Set(validations.map(\.step))
    return directory.checkpointSteps().filter {
      record.experiment.evaluates(step: $0) && !evaluated.contains($0)
    }
  }

  /// The state of a checkpoint of this run.
  public func state(atStep step: Int, layout: ParameterLayout) throws(FileError)
    -> TrainingState
  {
    try Checkpoint.read(
      directory.checkpointPath(step: step), layout: layout, experiment: record.experiment)
  }

  /// Notes an applied step, and writes a checkpoint when one is due.
  public func recordStep(
    _ outcome: StepOutcome, state: TrainingState, seconds: Double, dataWait: Double,
    waitedFor: String? = nil, workers: Int? = nil
  ) throws(FileError) -> StepRecord {
    let line = StepRecord(
      step: state.step, loss: outcome.tally.loss, accuracy: outcome.tally.accuracy,
      learningRate: Double(outcome.learningRate), seconds: seconds, digest: outcome.digest,
      dataWait: dataWait, waitedFor: waitedFor, workers: workers)
    try stepsFile.append(line)
    self.seconds += seconds
    let isOld = lastCheckpointAt.duration(to: .now) > Self.timeBetweenCheckpoints
    if isOld || record.experiment.evaluates(step: state.step) { try writeCheckpoint(state) }
    return line
  }

  /// Appends a line of the program's words to the run's log, with the time.
  ///
  /// What cannot be written there is no reason to end a run.
  public func log(_ line: String) {
    let entry = Data("\(Date().ISO8601Format()) \(line)\n".utf8)
    try? GrowingFile(directory.logPath).append(entry)
  }

  /// Writes a checkpoint unless there is one of this step.
  public func writeCheckpoint(_ state: TrainingState) throws(FileError) {
    guard state.step > 0, !directory.checkpointSteps().contains(state.step) else { return }
    // The lines up to a checkpoint must survive whatever the checkpoint survives.
    try stepsFile.flush()
    try evaluationsFile.flush()
    try Checkpoint.write(
      state, of: record.experiment, to: directory.checkpointPath(step: state.step))
    lastCheckpointAt = .now
    removeOldCheckpoints()
  }

  /// Notes an evaluation.
  ///
  /// - Parameter guesses: the accuracy of the commonest answer of each category.
  public func recordEvaluation(
    step: Int, split: Split, tally: Tally, guesses: [Double]
  ) throws(FileError) -> EvaluationReport {
    let report = EvaluationReport(
      step: step, split: split, tally: tally, categories: categories, guesses: guesses)
    guard tally.lossSum.isFinite else {
      throw FileError(
        """
        The loss of step \(step) on the \(split.rawValue) split is not finite. A lower learning \
        rate or --clip-norm 1 usually prevents this.
        """)
    }
    try evaluationsFile.append(report)
    if split == .validation {
      validations.append(report)
      // Before the checkpoint that it is of may be removed.
      try evaluationsFile.flush()
      removeOldCheckpoints()
    }
    return report
  }

  /// The evaluation of the best version that there is a checkpoint of: the highest validation
  /// accuracy, the earliest of equals.
  ///
  /// A checkpoint that somebody removed is no reason not to finish the run.
  public var best: EvaluationReport? {
    let saved = Set(directory.checkpointSteps())
    return Self.best(of: validations.filter { saved.contains($0.step) })
  }

  /// The evaluation of the best version so far, whether or not its checkpoint is there.
  public var bestEvaluated: EvaluationReport? { Self.best(of: validations) }

  private static func best(of reports: [EvaluationReport]) -> EvaluationReport? {
    reports.max { ($0.overall, -$0.step) < ($1.overall, -$1.step) }
  }

  /// Writes `summary.json`: the run is complete.
  public func finish(state: TrainingState, validation: EvaluationReport, test: EvaluationReport)
    throws(FileError)
  {
    try stepsFile.flush()
    try evaluationsFile.flush()
    let summary = RunSummary(
      steps: state.step, seconds: seconds, digest: state.digest, bestStep: validation.step,
      validation: SplitSummary(validation), test: SplitSummary(test))
    try AtomicFile.write(try json(summary, .prettyPrinted), to: directory.summaryPath)
  }

  /// Removes what a crash left of checkpoints that were being written.
  private func removePartialFiles() {
    let names =
      (try? FileManager.default.contentsOfDirectory(atPath: directory.checkpointsPath)) ?? []
    for name in names where name.hasSuffix(".partial") {
      unlink(directory.checkpointsPath + "/" + name)
    }
  }

  private func removeOldCheckpoints() {
    let steps = directory.checkpointSteps()
    var kept = Set(steps.suffix(Self.checkpointsKept)).union(unevaluatedSteps())
    if let best { kept.insert(best.step) }
    for step in steps where !kept.contains(step) { unlink(directory.checkpointPath(step: step)) }
  }
}

/// A file of JSON lines that is appended to.
private struct LineFile: ~Copyable {
  private let file: GrowingFile

  /// Opens a file with the given lines and no others.
  init(_ path: String, keeping lines: [some Encodable]) throws(FileError) {
    var content = Data()
    for line in lines { content += try json(line) }
    try AtomicFile.write(content, to: path)
    file = try GrowingFile(path)
  }

  func append(_ line: some Encodable) throws(FileError) { try file.append(try json(line)) }

  func flush() throws(FileError) { try file.flush() }
}

/// A record as JSON, with a newline after it.
private func json(
  _ record: some Encodable, _ formatting: JSONEncoder.OutputFormatting = []
) throws(FileError) -> Data {
  let encoder = JSONEncoder()
  encoder.outputFormatting = formatting.union([.sortedKeys, .withoutEscapingSlashes])
  do { return try encoder.encode(record) + [UInt8(ascii: "\n")] } catch {
    throw FileError("A record cannot be written as JSON: \(error)")
  }
}
