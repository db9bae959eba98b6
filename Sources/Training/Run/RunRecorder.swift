// Keeps a run's directory true to what has happened, and never ahead of it.

import Files
import Foundation
import Glibc
import Learning
import NeuralNetworks

/// When a run writes checkpoints beside those at its evaluations; not a part of its experiment.
public enum CheckpointInterval: Hashable, Sendable {
  /// When the last one is so many seconds old.
  case seconds(Double)
  /// When the last one is so many steps old.
  case steps(Int)

  /// Two minutes: what a crash may cost.
  public static let standard = CheckpointInterval.seconds(120)
}

/// When the next checkpoint is due by an interval.
struct CheckpointSchedule: Sendable {
  private let interval: CheckpointInterval
  private var last: (at: ContinuousClock.Instant, step: Int)

  /// A schedule that begins now, after a step.
  init(_ interval: CheckpointInterval, afterStep step: Int) {
    self.interval = interval
    last = (.now, step)
  }

  /// Whether one is due for the time or the steps since the last one.
  func isDue(atStep step: Int) -> Bool {
    switch interval {
    case .seconds(let seconds): last.at.duration(to: .now).seconds > seconds
    case .steps(let steps): step - last.step >= steps
    }
  }

  /// Notes that there is one of a step.
  mutating func wrote(step: Int) { last = (.now, step) }
}

/// Writes the files of a run: a line per step and evaluation, checkpoints, the summary.
///
/// A checkpoint is written at every evaluation, when a run stops, and at an interval; the last
/// three, the best by validation and those that still have to be evaluated are kept. When a run is
/// resumed, lines after the checkpoint are cut off, so the files read as if the run had never been
/// interrupted.
public final class RunRecorder {
  /// Where the files are.
  public let directory: RunDirectory
  /// The experiment and what it ran on.
  public let record: ExperimentRecord
  /// What is known of the task.
  public let facts: TaskFacts
  /// What people should know of how the run was found.
  public private(set) var notes: [String] = []
  private(set) var schedule: CheckpointSchedule
  private let lock: RunLock
  private let stepsFile: LineFile
  private let evaluationsFile: LineFile
  private var validations: [EvaluationReport] = []
  /// The wall time of all steps, those before a resumption included.
  private var seconds = 0.0

  private static let checkpointsKept = 3

  /// Starts a run in an empty directory, or one with files of another kind, and writes
  /// `experiment.json`, with version 0 as a checkpoint if it is not made of the seed alone.
  ///
  /// - Parameter origin: the version that the experiment's origin names.
  /// - Throws: if a run is there already, or the experiment has no version 0.
  public static func starting(
    _ record: ExperimentRecord, in directory: RunDirectory, facts: TaskFacts,
    origin: ParameterVector? = nil, checkpointEvery interval: CheckpointInterval = .standard
  ) throws -> (recorder: RunRecorder, state: TrainingState) {
    let state = try TrainingState(record.experiment, layout: facts.layout, origin: origin)
    guard facts.sampleCount(of: .training) > 0 else {
      throw TrainingError("The task has no samples to train on; nothing can be learnt from it.")
    }
    try directory.create()
    let lock = try RunLock(directory)
    guard !directory.holdsRun else {
      throw FileError(
        """
        There is a run in \(directory.path) already. Go on with it by --resume, or name another \
        directory with --run.
        """)
    }
    // What it was made of may be gone when the run is resumed.
    if record.experiment.origin != nil {
      try Checkpoint.write(state, of: record.experiment, to: directory.checkpointPath(step: 0))
    }
    try AtomicFile.write(try json(record, .prettyPrinted), to: directory.experimentPath)
    let recorder = try RunRecorder(
      directory, record, facts: facts, interval: interval, lock: lock, steps: [], evaluations: [])
    return (recorder, state)
  }

  /// Goes on with the run in a directory: from its last checkpoint that can be read, or from its
  /// start if there is none yet.
  ///
  /// Throws if the files do not fit together, or no checkpoint can be read.
  public static func resuming(
    _ directory: RunDirectory, facts: TaskFacts,
    checkpointEvery interval: CheckpointInterval = .standard
  ) throws -> (recorder: RunRecorder, state: TrainingState) {
    let record = try directory.readExperiment()
    try directory.create()
    let lock = try RunLock(directory)
    var (state, notes) = try lastState(in: directory, layout: facts.layout, record: record)
    // What a crash damaged is after it: the lines up to the checkpoint were flushed before it was
    // written.
    let steps = try directory.readSteps(upTo: state.step)
    guard steps.count == state.step, steps.last.map({ $0.digest == state.digest }) ?? true else {
      throw FileError(
        """
        \(directory.stepsPath) does not fit the checkpoint of step \(state.step): it has \
        \(steps.count) steps up to there, or another digest. Was it changed by hand?
        """)
    }
    // A run that was given more steps may have evaluated what was its last one.
    let (reports, damagedCount) = try directory.readIntactEvaluations()
    let evaluations = reports.filter {
      $0.step <= state.step && $0.split == .validation
        && record.experiment.evaluates(step: $0.step)
    }
    if damagedCount > 0 {
      notes.append(
        """
        \(directory.evaluationsPath) has \(damagedCount) damaged line(s), which are left out; \
        versions that are kept are evaluated again.
        """)
    }
    let recorder = try RunRecorder(
      directory, record, facts: facts, interval: interval, lock: lock, steps: steps,
      evaluations: evaluations)
    recorder.removePartialFiles()
    recorder.notes = notes
    return (recorder, state)
  }

  /// The newest version that can be read; a checkpoint that is damaged is put aside for those
  /// before it.
  private static func lastState(
    in directory: RunDirectory, layout: ParameterLayout, record: ExperimentRecord
  ) throws -> (TrainingState, notes: [String]) {
    var damaged: [(path: String, sentence: FileError)] = []
    for step in directory.checkpointSteps().reversed() {
      let path = directory.checkpointPath(step: step)
      let state: TrainingState
      do throws(Checkpoint.Problem) {
        state = try Checkpoint.load(path, layout: layout, of: record)
      } catch {
        guard error.isDamage else { throw error.sentence }
        damaged.append((path, error.sentence))
        continue
      }
      guard state.step == step else {
        throw FileError("\(path) holds step \(state.step): it was renamed.")
      }
      return (state, try damaged.map { try setAside($0, for: step) })
    }
    if let newest = damaged.first { throw newest.sentence }
    // What is evaluated has a checkpoint; to begin again would cut off all that is recorded.
    let evaluated = try directory.readIntactEvaluations().0.last
    if evaluated != nil || record.experiment.origin != nil {
      let what =
        evaluated.map { "step \($0.step) was evaluated already" }
        ?? "the run began with another one's values"
      throw FileError(
        """
        \(directory.checkpointsPath) has no checkpoint that can be read, but \(what). Put the \
        checkpoints back, or begin again with another --run.
        """)
    }
    return (try TrainingState(record.experiment, layout: layout), [])
  }

  private static func setAside(
    _ damaged: (path: String, sentence: FileError), for step: Int
  ) throws(FileError) -> String {
    guard rename(damaged.path, damaged.path + ".damaged") == 0 else {
      throw FileError("rename", damaged.path)
    }
    return """
      \(damaged.sentence) It is kept as \(damaged.path).damaged, and the run goes on from step \
      \(step).
      """
  }

  private init(
    _ directory: RunDirectory, _ record: ExperimentRecord, facts: TaskFacts,
    interval: CheckpointInterval, lock: consuming RunLock, steps: [StepRecord],
    evaluations: [EvaluationReport]
  ) throws(FileError) {
    self.directory = directory
    self.record = record
    self.facts = facts
    schedule = CheckpointSchedule(interval, afterStep: steps.count)
    self.lock = lock
    stepsFile = try LineFile(directory.stepsPath, keeping: steps)
    evaluationsFile = try LineFile(directory.evaluationsPath, keeping: evaluations)
    validations = evaluations
    seconds = steps.reduce(0) { $0 + $1.seconds }
  }

  /// The versions with a checkpoint whose evaluation was lost with the process that was to do it.
  var unevaluatedSteps: [Int] {
    let evaluated = Set(validations.map(\.step))
    return directory.checkpointSteps().filter {
      record.experiment.evaluates(step: $0) && !evaluated.contains($0)
    }
  }

  /// The state of a checkpoint of this run.
  func state(atStep step: Int) throws(FileError) -> TrainingState {
    try Checkpoint.read(directory.checkpointPath(step: step), layout: facts.layout, of: record)
  }

  /// Notes an applied step.
  func record(
    _ outcome: StepOutcome, state: TrainingState, seconds: Double, dataWait: Double,
    waitedFor: String? = nil, workers: Int? = nil
  ) throws(FileError) -> StepRecord {
    let line = StepRecord(
      step: state.step, outcome, seconds: seconds, dataWait: dataWait, waitedFor: waitedFor,
      workers: workers)
    try record(line)
    return line
  }

  /// Notes the line of an applied step.
  func record(_ line: StepRecord) throws(FileError) {
    try stepsFile.append(line)
    seconds += line.seconds
  }

  /// Whether a checkpoint is due for the time or the steps since the last one.
  func isCheckpointDue(atStep step: Int) -> Bool { schedule.isDue(atStep: step) }

  /// Writes a checkpoint unless there is one of this step; whether there was none.
  func writeCheckpoint(_ state: TrainingState) throws(FileError) -> Bool {
    guard state.step > 0, !directory.checkpointSteps().contains(state.step) else { return false }
    // The lines up to a checkpoint must survive whatever the checkpoint survives.
    try stepsFile.flush()
    try evaluationsFile.flush()
    try Checkpoint.write(
      state, of: record.experiment, to: directory.checkpointPath(step: state.step))
    schedule.wrote(step: state.step)
    removeOldCheckpoints()
    return true
  }

  /// Notes an evaluation.
  func recordEvaluation(
    step: Int, split: Split, measurements: Measurements
  ) throws(FileError) -> EvaluationReport {
    let report = EvaluationReport(
      step: step, split: split, measurements: measurements, facts: facts)
    try record(report)
    return report
  }

  /// Notes the report of an evaluation.
  func record(_ report: EvaluationReport) throws(FileError) {
    try evaluationsFile.append(report)
    guard report.split == .validation else { return }
    validations.append(report)
    // Before the checkpoint that it is of may be removed.
    try evaluationsFile.flush()
    removeOldCheckpoints()
  }

  /// The evaluation of the best version that there is a checkpoint of.
  ///
  /// A checkpoint that somebody removed is no reason not to finish the run.
  var best: EvaluationReport? {
    let saved = Set(directory.checkpointSteps())
    return VersionChoice(by: facts).best(of: validations.filter { saved.contains($0.step) })
  }

  /// The evaluation of the best version so far, whether or not its checkpoint is there.
  var bestEvaluated: EvaluationReport? { VersionChoice(by: facts).best(of: validations) }

  /// Writes `summary.json`: the run is complete.
  func finish(
    state: TrainingState, validation: EvaluationReport, test: EvaluationReport,
    activity: RunActivity?
  ) throws(FileError) {
    try stepsFile.flush()
    try evaluationsFile.flush()
    let summary = RunSummary(
      steps: state.step, seconds: seconds, digest: state.digest, bestStep: validation.step,
      validation: SplitSummary(validation), test: SplitSummary(test), activity: activity)
    try summary.write(to: directory.summaryPath)
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
    var kept = Set(steps.suffix(Self.checkpointsKept)).union(unevaluatedSteps)
    if let best { kept.insert(best.step) }
    // A run that is given more steps does not count the evaluation of what was its last one.
    let regular = validations.filter { $0.step % record.experiment.evaluationInterval == 0 }
    if let best = VersionChoice(by: facts).best(of: regular) { kept.insert(best.step) }
    for step in steps where !kept.contains(step) { unlink(directory.checkpointPath(step: step)) }
  }
}

extension RunDirectory {
  /// Gives the run in the directory more steps, whether it is finished or not; it then goes on by
  /// `RunRecorder.resuming`, to the digests of a run that was begun with so many.
  ///
  /// The summary of the shorter run is kept as `summary-STEPS.json`.
  ///
  /// Throws if there are not more steps, or those that were done would have been others.
  public func extend(toSteps steps: Int) throws -> ExperimentRecord {
    let record = try readExperiment()
    let longer = try record.extended(toSteps: steps)
    let lock = try RunLock(self)
    try withExtendedLifetime(lock) {
      // In this order a crash in between leaves the shorter run, to be finished again.
      if FileManager.default.fileExists(atPath: summaryPath) {
        let aside = path + "/summary-\(record.experiment.steps).json"
        guard rename(summaryPath, aside) == 0 else { throw FileError("rename", summaryPath) }
      }
      try AtomicFile.write(try json(longer, .prettyPrinted), to: experimentPath)
    }
    return longer
  }
}

extension RunSummary {
  /// Writes the summary to a file, whole or not at all.
  func write(to path: String) throws(FileError) {
    try AtomicFile.write(try json(self, .prettyPrinted), to: path)
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
