// A parameter server on this machine and those who compute for it, watched and ended together.

import Files
import Foundation
import Glibc
import Messaging
import Training

/// Those who compute for a server, wherever they are.
protocol Workforce: AnyObject {
  /// How many workers there will be.
  var workerCount: Int { get }
  /// The processes of this machine that belong to it.
  var children: [Child] { get }
  /// The address to listen on, and what else the server is told of its workers.
  ///
  /// - Parameter scratch: a directory that only this user may enter.
  func serverOptions(scratch: String) throws -> (address: String, arguments: [String])
  /// Starts the workers of a server.
  func start(at endpoint: String, of directory: RunDirectory) throws
  /// Starts again what has died, a few times; a sentence if nobody computes any more.
  func tend() throws -> String?
  /// Ends whoever is left.
  func end()
}

/// Starts a `ParameterServer` and its workers, and sees to it that none of them outlives this
/// process.
///
/// Every child reads its standard input, a pipe that only this process holds open, and ends when it
/// is closed; the kernel closes it however this process ends. A worker that dies is started again,
/// a few times; its replicas have long been computed by others. A server that is killed is started
/// again at the same address, and goes on from its last checkpoint.
final class Cluster {
  /// What the server is told beside the run.
  struct Options {
    /// Where the data are; `nil` for generated data.
    var data: String?
    /// What else the server is told, as options of its own.
    var server: [String] = []
    /// The file of a trace; a server that is started again writes one of its own beside it.
    var trace: String?
    /// What it is told beside that when the run begins, or is given more steps.
    var beginning: [String] = []
    /// How the run is gone on with.
    var hint: RunHint
  }

  private let plan: RunPlan
  private let options: Options
  private let workforce: any Workforce
  private let stop: StopRequest
  private let log: Log
  private var serverRestartsLeft = Cluster.serverRestarts
  private static let serverRestarts = 3
  private static let secondsToEnd = 15.0

  /// A cluster that is not started yet.
  init(
    _ plan: RunPlan, options: Options, workforce: any Workforce, stop: StopRequest, log: Log
  ) {
    (self.plan, self.options, self.workforce) = (plan, options, workforce)
    (self.stop, self.log) = (stop, log)
  }

  /// Runs to the end and returns the server's exit code.
  func run() throws -> Int32 {
    let scratch = try Self.makePrivateDirectory()
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    let (address, arguments) = try workforce.serverOptions(scratch: scratch)
    let always = arguments + options.server + (options.data.map { ["--data", $0] } ?? [])
    let (endpointFile, experimentFile) = (scratch + "/endpoint", scratch + "/experiment.json")
    var beginning = ["--endpoint-file", endpointFile] + options.beginning
    if let experiment = plan.beginning {
      try experiment.canonicalJSON().write(to: URL(fileURLWithPath: experimentFile))
      beginning += ["--experiment", experimentFile]
    } else {
      beginning.append("--resume")
    }
    let first = try startServer(at: address, always + beginning)
    guard waitForFile(endpointFile, of: first) else {
      first.end(within: Self.secondsToEnd)
      return exitCode(of: first)
    }
    let endpoint = String(decoding: try readFile(endpointFile, limit: 1 << 12), as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
    // Both are read by now; a launcher that is killed later leaves the sockets to its server.
    unlink(endpointFile)
    unlink(experimentFile)
    return try watch(first, at: endpoint) { [self] in
      try startServer(at: try Self.settled(address, by: endpoint), always + ["--resume"])
    }
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

  /// An address with the port that port 0 has become.
  private static func settled(_ address: String, by endpoint: String) throws -> String {
    guard address.hasSuffix(":0"), case .tcp(_, let port) = try Endpoint(endpoint).transport else {
      return address
    }
    return address.dropLast() + String(port)
  }

  /// Has the workers tended, and a killed server replaced, until the run has ended.
  private func watch(
    _ first: Child, at endpoint: String, startingAnother: () throws -> Child
  ) throws -> Int32 {
    var server = first
    defer { server.end(within: Self.secondsToEnd) }
    defer { workforce.end() }
    try workforce.start(at: endpoint, of: plan.directory)
    // Ctrl-Z is a signal to this process alone, whose children are groups of their own.
    let suspension = Suspension()
    var isStopping = false
    var hasGivenUp = false
    while true {
      guard server.isRunning else {
        guard !isStopping, mayReplace(server) else { break }
        server = try startingAnother()
        continue
      }
      usleep(20_000)
      suspension.passOn(to: [server] + workforce.children)
      if stop.isRequested && !isStopping {
        isStopping = true
        server.terminate()
      }
      guard !isStopping, let problem = try workforce.tend() else { continue }
      log.fail(problem)
      (hasGivenUp, isStopping) = (true, true)
      server.terminate()
    }
    return hasGivenUp ? ExitStatus.failed : exitCode(of: server)
  }

  private func startServer(at address: String, _ arguments: [String]) throws -> Child {
    let always = [
      "--run", plan.directory.path, "--listen", address, "--expect",
      String(workforce.workerCount), "--child",
    ]
    return try Child("ParameterServer", always + traceArguments + arguments, log: nil)
  }

  /// The first server's trace, or that of the second, beside it: what led to a crash is kept.
  private var traceArguments: [String] {
    guard let trace = options.trace else { return [] }
    let count = Self.serverRestarts - serverRestartsLeft + 1
    let stem = (trace as NSString).deletingPathExtension
    return ["--trace", count == 1 ? trace : "\(stem)-\(count)\(trace.dropFirst(stem.count))"]
  }

  /// Whether another server is to take the place of one that has ended: of one that was killed, a
  /// few times; any other has said itself why it ended.
  private func mayReplace(_ server: Child) -> Bool {
    guard server.wasEndedBySignal, serverRestartsLeft > 0, plan.directory.holdsRun else {
      return false
    }
    serverRestartsLeft -= 1
    log.warn("\(server.ending); starting another, from the last checkpoint.")
    return true
  }

  /// The code to end with.
  ///
  /// A server that was not killed has said itself why it ended.
  private func exitCode(of server: Child) -> Int32 {
    if server.wasEndedBySignal {
      let kept =
        plan.directory.checkpointSteps().isEmpty
        ? "There is no checkpoint yet"
        : "The last checkpoint is kept: " + options.hint.resuming(plan.directory.path)
      log.fail("\(server.ending). \(kept)")
    }
    return server.exitCode ?? ExitStatus.failed
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
