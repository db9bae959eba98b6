// A temporary directory for one test, with what tests do in it.

import Foundation
import Learning
import Training

/// A temporary directory that is removed with the last reference to it.
final class Workspace: Sendable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/relate-tests-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of something in it.
  func path(_ name: String) -> String { path + "/" + name }

  /// A path that nothing else has.
  func freshPath(_ kind: String) -> String { path("\(kind)-\(UUID().uuidString.prefix(8))") }

  /// A run's directory in it.
  func run(_ name: String) -> RunDirectory { RunDirectory(path: path(name)) }

  /// Runs `relate` to its end.
  func relate(
    _ arguments: [String], environment: [String: String] = [:], atMost seconds: Double = 60
  ) throws -> Ended {
    try RunningProcess(.relate, arguments, in: self, environment: environment)
      .wait(atMost: seconds)
  }

  /// Runs a line of the shell to its end.
  func shell(_ line: String) throws -> Ended {
    try RunningProcess("/bin/sh", ["-c", line], in: self).wait()
  }

  /// Starts a trial by `relate train`.
  func start(_ trial: Trial, _ arguments: [String], run: String) throws -> RunningProcess {
    try RunningProcess(.relate, ["train"] + trial.options + arguments + ["--run", run], in: self)
  }

  /// Runs a trial by `relate train` to its end, which must be a good one.
  @discardableResult
  func train(_ trial: Trial, _ arguments: [String], run: String) throws -> Ended {
    try start(trial, arguments, run: run).wait().requiringSuccess()
  }

  /// Resumes a run by `relate train` to its end, which must be a good one.
  @discardableResult
  func resume(_ run: String, _ arguments: [String]) throws -> Ended {
    try relate(["train", "--run", run, "--resume"] + arguments).requiringSuccess()
  }
}

extension Ended {
  /// Throws unless the process ended well.
  @discardableResult
  func requiringSuccess() throws -> Ended {
    guard code == 0 else { throw TestFailure("Ended with \(self)") }
    return self
  }
}

extension RunDirectory {
  /// The number of steps whose line is complete, whatever state the run is in.
  var finishedSteps: Int {
    (FileManager.default.contents(atPath: stepsPath) ?? Data()).count { $0 == UInt8(ascii: "\n") }
  }

  /// The digest of each step.
  func digests() throws -> [String] { try readSteps().map(\.digest.description) }

  /// Waits until a step is done.
  func waitForStep(_ step: Int) throws {
    try waitUntil("step \(step) of \(path)") { finishedSteps >= step }
  }
}
