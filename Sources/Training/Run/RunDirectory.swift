// The directory of a run: where its files are, and that only one process writes them.

import Files
import Foundation
import Glibc
import Learning

/// The directory of a run and the names of the files in it.
public struct RunDirectory: Sendable, Hashable {
  /// The path of the directory.
  public let path: String

  /// A run's directory at a path, which need not exist yet.
  public init(path: String) {
    self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }

  /// Everything that fixes the run.
  public var experimentPath: String { path + "/experiment.json" }
  /// A line for each step.
  public var stepsPath: String { path + "/steps.jsonl" }
  /// A line for each evaluation.
  public var evaluationsPath: String { path + "/evaluations.jsonl" }
  /// How the run ended.
  public var summaryPath: String { path + "/summary.json" }
  /// The checkpoints.
  public var checkpointsPath: String { path + "/checkpoints" }
  /// What the processes of a cluster on this machine said.
  public var logsPath: String { path + "/logs" }
  /// What the run's own process said: who joined and left, what was dropped.
  public var logPath: String { logsPath + "/run.log" }
  var lockPath: String { path + "/lock" }

  /// The checkpoint of a version.
  public func checkpointPath(step: Int) -> String {
    let digits = String(step)
    let padded = String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    return checkpointsPath + "/step-\(padded).safetensors"
  }

  /// The versions that have a checkpoint, in order.
  public func checkpointSteps() -> [Int] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpointsPath)) ?? []
    return names.compactMap { name in
      guard name.hasPrefix("step-"), name.hasSuffix(".safetensors") else { return nil }
      return Int(name.dropFirst(5).dropLast(12))
    }.sorted()
  }

  /// Whether a run has been started here.
  public var holdsRun: Bool { FileManager.default.fileExists(atPath: experimentPath) }

  /// Makes the directories.
  func create() throws(FileError) {
    for directory in [path, checkpointsPath, logsPath] {
      do {
        try FileManager.default.createDirectory(
          atPath: directory, withIntermediateDirectories: true)
      } catch {
        throw FileError(
          "Cannot create the directory \(directory): \(error.localizedDescription) "
            + "Name another with --run.")
      }
    }
  }

  /// Reads `experiment.json`.
  public func readExperiment() throws(FileError) -> ExperimentRecord {
    guard holdsRun else {
      throw FileError(
        "There is no run in \(path) (no experiment.json). Name the directory of a run.")
    }
    let record = try readStrictly(ExperimentRecord.self, from: experimentPath)
    if let problem = record.experiment.problem() {
      throw FileError("\(experimentPath) is damaged: \(problem)")
    }
    guard record.fingerprint == record.experiment.fingerprint() else {
      throw FileError(
        """
        \(experimentPath) was changed: it describes another experiment than the run's. Restore it, \
        or begin a run of its own with --experiment.
        """)
    }
    return record
  }

  /// Reads `steps.jsonl`.
  public func readSteps() throws(FileError) -> [StepRecord] {
    try readLines(StepRecord.self, from: stepsPath)
  }

  /// Reads `evaluations.jsonl`.
  public func readEvaluations() throws(FileError) -> [EvaluationReport] {
    try readLines(EvaluationReport.self, from: evaluationsPath)
  }

  /// Reads `summary.json`; `nil` if the run is not finished.
  public func readSummary() throws(FileError) -> RunSummary? {
    guard FileManager.default.fileExists(atPath: summaryPath) else { return nil }
    let data = try readData(summaryPath)
    do { return try JSONDecoder().decode(RunSummary.self, from: data) } catch {
      throw FileError("\(summaryPath) is damaged or of another version: \(readable(error))")
    }
  }

  /// The lines of `steps.jsonl` up to a step; what a crash damaged after it does not matter.
  func readSteps(upTo step: Int) throws(FileError) -> [StepRecord] {
    try readLines(StepRecord.self, from: stepsPath, atMost: step)
  }

  /// The lines of `evaluations.jsonl` that can be read, and how many cannot.
  func readIntactEvaluations() throws(FileError) -> ([EvaluationReport], damaged: Int) {
    var damaged = 0
    let reports = try readLines(EvaluationReport.self, from: evaluationsPath) { damaged += 1 }
    return (reports, damaged)
  }

  /// Reads a file of JSON lines.
  ///
  /// A last line without its end, which a crash may leave, is ignored.
  private func readLines<Line: Decodable>(
    _ type: Line.Type, from path: String, atMost limit: Int = .max, skipping: (() -> Void)? = nil
  ) throws(FileError) -> [Line] {
    guard FileManager.default.fileExists(atPath: path) else { return [] }
    let data = try readData(path)
    var lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    if !lines.isEmpty { lines.removeLast() }
    var records: [Line] = []
    records.reserveCapacity(lines.count)
    let decoder = JSONDecoder()
    for (index, line) in lines.prefix(limit).enumerated() {
      do { records.append(try decoder.decode(type, from: Data(line))) } catch {
        guard let skipping else {
          throw FileError("\(path), line \(index + 1) is damaged: \(readable(error))")
        }
        skipping()
      }
    }
    return records
  }
}

extension Experiment {
  /// The experiment of a file: an `experiment.json`, or the experiment alone.
  ///
  /// Throws if it cannot be read, has a key that is not known, or numbers that make no sense.
  public init(contentsOf path: String) throws(FileError) {
    let data = try readData(path)
    let isRecord = (try? JSONDecoder().decode([String: JSONValue].self, from: data))?["experiment"]
    self =
      isRecord == nil
      ? try readStrictly(Experiment.self, from: path)
      : try readStrictly(ExperimentRecord.self, from: path).experiment
    if let problem = problem() { throw FileError("\(path): \(problem)") }
  }
}

private func readData(_ path: String) throws(FileError) -> Data {
  do { return try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
    throw FileError("Cannot read \(path): \(error.localizedDescription)")
  }
}

/// Reads what a person may have written: a key that means nothing is a mistake.
private func readStrictly<Value: Codable>(
  _ type: Value.Type, from path: String
) throws(FileError) -> Value {
  let data = try readData(path)
  do { return try JSONValue.decodeStrictly(type, from: data) } catch {
    throw FileError("\(path) is damaged or of another version: \(readable(error))")
  }
}

/// The exclusive right to write a run's files, held until it is released or the process ends.
///
/// The kernel drops the lock with the process however that ends, so a killed run never blocks its
/// own resumption.
struct RunLock: ~Copyable {
  private let descriptor: Int32

  init(_ directory: RunDirectory) throws(FileError) {
    let opened = open(directory.lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard opened >= 0 else { throw FileError("create", directory.lockPath) }
    // A server that was just told to end may hold the lock for a moment longer.
    var attemptsLeft = 50
    while flock(opened, LOCK_EX | LOCK_NB) != 0 {
      let code = errno
      attemptsLeft -= 1
      if attemptsLeft > 0 && (code == EWOULDBLOCK || code == EINTR) {
        usleep(100_000)
        continue
      }
      close(opened)
      throw code == EWOULDBLOCK
        ? FileError(
          "Another process is training in \(directory.path). Wait for it, end it, or name another "
            + "directory with --run.")
        : FileError("lock", directory.lockPath, code: code)
    }
    descriptor = opened
  }

  deinit { close(descriptor) }
}
