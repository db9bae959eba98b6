// A parameter server and its workers on this machine, started, watched and ended together.

import Files
import Foundation
import Glibc
import Training

/// Starts a `ParameterServer` and `Worker`s, which talk through Unix sockets in a private
/// directory, and sees to it that none of them outlives this process.
///
/// Every child reads its standard input, a pipe that only this process holds open, and ends when it
/// is closed; the kernel closes it however this process ends. A worker that dies is started again,
/// a few times; its replicas have long been computed by others. A server that is killed is started
/// again at the same address, and goes on from its last checkpoint.
final class LocalCluster {
  /// What the processes of a cluster are told beside the run.
  struct Options {
    /// The number of workers.
    var workers: Int
    /// The threads of each worker.
    var threads: Int
    /// Where the data are; `nil` for generated data.
    var data: String?
    /// What else the server is told, as options of its own.
    var server: [String] = []
    /// What else each worker is told.
    var worker: [String] = []
    /// The file of a trace; a server that is started again writes one of its own beside it.
    var trace: String?
    /// What it is told beside that when the run begins, or is given more steps.
    var beginning: [String] = []
  }

  private let plan: RunPlan
  private let options: Options
  private let log: Log
  private let stop: StopRequest
  private var restartsLeft: Int
  private var serverRestartsLeft = LocalCluster.serverRestarts
  private static let serverRestarts = 3
  private var startedWorkers = 0
  private static let secondsToEnd = 15.0
  /// How long after a worker has ended the server may still be running because the run is ending.
  private static let secondsFromDeathToRestart = 0.5
  /// A worker has nothing to save, and a frozen one will not answer.
  private static let secondsForWorkerToEnd = 2.0

  /// A cluster that is not started yet.
  init(_ plan: RunPlan, options: Options, log: Log) {
    self.plan = plan
    self.options = options
    self.log = log
    stop = StopRequest(endsWithParent: false, answer: StopRequest.finishesStep(log))
    restartsLeft = 3 + options.workers
  }

  /// Runs to the end and returns the server's exit code.
  func run() throws -> Int32 {
    let scratch = try Self.makePrivateDirectory()
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    let endpoint = "ipc://\(scratch)/server"
    let (endpointFile, experimentFile) = (scratch + "/endpoint", scratch + "/experiment.json")
    var beginning = ["--endpoint-file", endpointFile] + options.beginning
    if let experiment = plan.beginning {
      try experiment.canonicalJSON().write(to: URL(fileURLWithPath: experimentFile))
      beginning += ["--experiment", experimentFile]
    } else {
      beginning.append("--resume")
    }
    let first = try startServer(at: endpoint, beginning)
    guard waitForFile(endpointFile, of: first) else {
      first.end(within: Self.secondsToEnd)
      return exitCode(of: first)
    }
    // Both are read by now; a launcher that is killed later leaves the sockets to its server.
    unlink(endpointFile)
    unlink(experimentFile)
    return try watch(first, at: endpoint)
  }

  /// A directory that nobody else may enter, whose name leaves room for that of a socket.
  static func makePrivateDirectory() throws -> String {
    let parents = [NSTemporaryDirectory(), "/tmp"].filter { $0.utf8.count < 60 }
    for parent in parents {
      let base = parent.hasSuffix("/") ? String(parent.dropLast()) : parent
      var template = Array((base + "/relate-XXXXXX").utf8CString)
      if let made = mkdtemp(&template) { return String(cString: made) }
    }
    throw FileError("make a private directory below", parents.last ?? "/tmp")
  }

  /// Starts workers, and again whatever dies, until the run has ended.
  private func watch(_ first: Child, at endpoint: String) throws -> Int32 {
    var server = first
    defer { server.end(within: Self.secondsToEnd) }
    var children = try (0..<options.workers).map { _ in try startWorker(endpoint) }
    // Ctrl-Z is a signal to this process alone, whose children are groups of their own.
    let suspension = Suspension()
    var isStopping = false
    var hasGivenUp = false
    while true {
      guard server.isRunning else {
        guard !isStopping, let next = try replacement(of: server, at: endpoint) else { break }
        server = next
        continue
      }
      usleep(20_000)
      suspension.passOn(to: [server] + children)
      if stop.isRequested && !isStopping {
        isStopping = true
        server.terminate()
      }
      guard !isStopping else { continue }
      for index in children.indices where restartsLeft > 0 && Self.isMissing(children[index]) {
        restartsLeft -= 1
        log.warn("\(children[index].ending); starting another.")
        children[index] = try startWorker(endpoint)
      }
      if restartsLeft == 0, children.allSatisfy(Self.isMissing) {
        log.fail("No worker stays alive. \(children[0].ending).")
        hasGivenUp = true
        isStopping = true
        server.terminate()
      }
    }
    for child in children { child.end(within: Self.secondsForWorkerToEnd) }
    return hasGivenUp ? ExitStatus.failed : exitCode(of: server)
  }

  private func startServer(at address: String, _ beginning: [String]) throws -> Child {
    let always = [
      "--run", plan.directory.path, "--listen", address, "--expect", String(options.workers),
      "--wait", "60", "--child",
    ]
    let arguments = always + options.server + traceArguments + dataArguments + beginning
    return try Child("ParameterServer", arguments, log: nil)
  }

  /// Another server in the place of one that was killed, a few times; `nil` if it said itself why
  /// it ended.
  private func replacement(of server: Child, at endpoint: String) throws -> Child? {
    guard server.wasEndedBySignal, serverRestartsLeft > 0, plan.directory.holdsRun else {
      return nil
    }
    serverRestartsLeft -= 1
    log.warn("\(server.ending); starting another, from the last checkpoint.")
    return try startServer(at: endpoint, ["--resume"])
  }

  /// The code to end with.
  ///
  /// A server that was not killed has said itself why it ended.
  private func exitCode(of server: Child) -> Int32 {
    if server.wasEndedBySignal {
      let kept =
        plan.directory.checkpointSteps().isEmpty
        ? "There is no checkpoint yet"
        : "The last checkpoint is kept: "
          + RunHint.train(singleProcess: false, data: options.data).resuming(plan.directory.path)
      log.fail("\(server.ending). \(kept)")
    }
    return server.exitCode ?? ExitStatus.failed
  }

  /// Whether a worker has ended although the run has not: when the run does, the workers end a
  /// little before the server.
  private static func isMissing(_ worker: Child) -> Bool {
    let isInOrder = worker.exitCode == 0 || worker.exitCode == ExitStatus.runFailed
    return worker.secondsSinceEnd > (isInOrder ? secondsToEnd : secondsFromDeathToRestart)
  }

  /// The first server's trace, or that of the second, beside it: what led to a crash is kept.
  private var traceArguments: [String] {
    guard let trace = options.trace else { return [] }
    let count = Self.serverRestarts - serverRestartsLeft + 1
    let stem = (trace as NSString).deletingPathExtension
    return ["--trace", count == 1 ? trace : "\(stem)-\(count)\(trace.dropFirst(stem.count))"]
  }

  private var dataArguments: [String] { options.data.map { ["--data", $0] } ?? [] }

  private func startWorker(_ endpoint: String) throws -> Child {
    startedWorkers += 1
    return try Child(
      "Worker",
      ["--server", endpoint, "--threads", String(options.threads), "--child"] + options.worker
        + dataArguments,
      log: "\(plan.directory.logsPath)/worker-\(startedWorkers).log")
  }

  /// Waits until the server listens and has written its address; false if it ended before, or was
  /// told to.
  ///
  /// There is no other limit: to read a long run takes a while.
  private func waitForFile(_ file: String, of server: Child) -> Bool {
    while server.isRunning {
      if FileManager.default.fileExists(atPath: file) { return true }
      if stop.isRequested {
        server.terminate()
        _ = server.waitForEnd(within: Self.secondsToEnd)
        return false
      }
      usleep(10_000)
    }
    return false
  }
}

/// A process that was started here.
final class Child {
  private let process = Process()
  private let lifeline = Pipe()
  private let name: String
  private let log: String?
  private var seenEndedAt: ContinuousClock.Instant?

  /// Starts an executable that lies beside this one.
  ///
  /// - Parameter log: the file that its output goes to; without one it shares this terminal.
  init(_ name: String, _ arguments: [String], log: String?) throws {
    self.name = name
    self.log = log
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let path = (own as NSString).deletingLastPathComponent + "/" + name
    guard FileManager.default.isExecutableFile(atPath: path) else {
      throw TrainingError("\(path) is missing: build it with swift build -c release")
    }
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.standardInput = lifeline
    if let log {
      // Appended: what an earlier process said of its end is kept when the run is resumed.
      let descriptor = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else {
        throw TrainingError("Cannot write \(log): \(String(cString: strerror(errno))).")
      }
      let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
      process.standardOutput = handle
      process.standardError = handle
    }
    try process.run()
  }

  /// Whether it has not ended.
  var isRunning: Bool { process.isRunning }

  /// How long ago it was first seen to have ended; 0 while it runs.
  var secondsSinceEnd: Double {
    guard !process.isRunning else { return 0 }
    let seen = seenEndedAt ?? .now
    seenEndedAt = seen
    return seen.duration(to: .now).seconds
  }

  /// Its exit code once it has ended; that of a shell if a signal ended it.
  var exitCode: Int32? {
    guard !process.isRunning else { return nil }
    return wasEndedBySignal
      ? 128 + process.terminationStatus : process.terminationStatus
  }

  /// Whether it ended without being able to say why.
  var wasEndedBySignal: Bool {
    !process.isRunning && process.terminationReason == .uncaughtSignal
  }

  /// How it ended, for people, with the last thing it said.
  var ending: String {
    let how =
      wasEndedBySignal
      ? "was ended by signal \(process.terminationStatus)"
      : "ended with code \(process.terminationStatus)"
    let said = log.flatMap { try? String(contentsOfFile: $0, encoding: .utf8) }?
      .split(separator: "\n").last.map { " (\($0))" }
    return "\(name), process \(process.processIdentifier), \(how)\(said ?? "")"
  }

  /// Asks it to stop.
  func terminate() { if process.isRunning { process.terminate() } }

  /// Waits for its end; whether it came.
  func waitForEnd(within seconds: Double) -> Bool {
    let start = ContinuousClock.now
    while process.isRunning {
      if start.duration(to: .now).seconds > seconds { return false }
      usleep(5_000)
    }
    return true
  }

  /// Sends it a signal.
  func send(_ signal: Int32) { if process.isRunning { kill(process.processIdentifier, signal) } }

  /// Closes its standard input, which asks it to end, and kills it if it does not.
  func end(within seconds: Double) {
    try? lifeline.fileHandleForWriting.close()
    if !waitForEnd(within: seconds) {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
  }
}
