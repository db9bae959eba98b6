// The workers of this machine: as many processes as asked for, started again when they die.

import Foundation
import Training

/// Workers on this machine for one server.
final class Crew: Workforce {
  /// The number of workers.
  let workerCount: Int
  /// What each of them is told beside where the server is.
  private let arguments: [String]
  private let log: Log
  private var place: [String] = []
  private var logs: String?
  private(set) var children: [Child] = []
  private var restartsLeft: Int
  private var startedWorkers = 0
  private static let secondsToEnd = 15.0
  /// How long after a worker has ended the server may still be running because the run is ending.
  private static let secondsFromDeathToRestart = 0.5
  /// A worker has nothing to save, and a frozen one will not answer.
  private static let secondsForWorkerToEnd = 2.0

  /// Workers that are not started yet.
  init(workerCount: Int, threads: Int, arguments: [String], log: Log) {
    (self.workerCount, self.log) = (workerCount, log)
    self.arguments = ["--threads", String(threads), "--child"] + arguments
    restartsLeft = 3 + workerCount
  }

  /// A Unix socket, which only this user reaches.
  func serverOptions(scratch: String) -> (address: String, arguments: [String]) {
    ("ipc://\(scratch)/server", ["--wait", "60"])
  }

  func start(at endpoint: String, of directory: RunDirectory) throws {
    try start(["--server", endpoint], logs: directory.logsPath)
  }

  /// Starts the workers.
  ///
  /// - Parameters:
  ///   - place: the options that say where their server is.
  ///   - logs: the directory of the files that their words go to; without one they share this
  ///     terminal.
  func start(_ place: [String], logs: String?) throws {
    (self.place, self.logs) = (place, logs)
    children = try (0..<workerCount).map { _ in try startWorker() }
  }

  func tend() throws -> String? {
    for index in children.indices where restartsLeft > 0 && Self.isMissing(children[index]) {
      restartsLeft -= 1
      log.warn("\(children[index].ending); starting another.")
      children[index] = try startWorker()
    }
    guard restartsLeft == 0, children.allSatisfy(Self.isMissing) else { return nil }
    return "No worker stays alive. \(children[0].ending)."
  }

  func end() {
    for child in children { child.closeInput() }
    for child in children { child.end(within: Self.secondsForWorkerToEnd) }
  }

  /// The exit code of them all once the server has told all of them that the run is over.
  var exitCode: Int32? {
    let codes = children.compactMap(\.exitCode)
    guard codes.count == children.count, codes.allSatisfy(Self.isInOrder) else { return nil }
    return codes.max()
  }

  /// Whether a worker has ended although the run has not: when the run does, the workers end a
  /// little before the server.
  private static func isMissing(_ worker: Child) -> Bool {
    let isInOrder = worker.exitCode.map(isInOrder) ?? false
    return worker.secondsSinceEnd > (isInOrder ? secondsToEnd : secondsFromDeathToRestart)
  }

  /// Whether a worker ended with this code because the server told it to.
  static func isInOrder(_ code: Int32) -> Bool {
    [0, ExitStatus.runFailed, ExitStatus.interrupted].contains(code)
  }

  private func startWorker() throws -> Child {
    startedWorkers += 1
    return try Child(
      "Worker", place + arguments, log: logs.map { "\($0)/worker-\(startedWorkers).log" })
  }
}
