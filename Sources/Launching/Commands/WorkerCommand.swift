// Worker: the role that computes, for launchers and by hand.

import ArgumentParser
import Foundation
import Messaging
import Tensors
import Training

/// The `Worker` executable.
public struct WorkerCommand: ParsableCommand {
  /// What `--help` says.
  public static let configuration = CommandConfiguration(
    commandName: "Worker",
    abstract: "Compute replicas for a parameter server.",
    discussion: """
      A worker is told nothing but the server's address; it learns the rest when it joins. It may \
      join at any step and leave at any time: its work goes to others and no bit of the result \
      changes. A server that it has lost it looks for again, for ten minutes.

      Example: Worker --server 127.0.0.1:5555
      Or, on a shared folder: ParameterServer … --endpoint-file FILE; Worker --server-file FILE
      """,
    version: relateVersion)

  @OptionGroup var place: ServerPlaceOptions

  @Option(
    help: ArgumentHelp("Threads to compute on. Bits do not depend on it.", valueName: "n"))
  var threads = ThreadCount(1)

  @Option(
    help: ArgumentHelp(
      "How long to try to join before giving up; ten minutes for a server that was lost.",
      valueName: "seconds"))
  var join = 60.0

  @OptionGroup var data: DataOptions
  @OptionGroup var keys: KeyOptions
  @OptionGroup var logging: LogOptions

  @Flag(help: .hidden)
  var child = false

  /// The options as given.
  public init() {}

  /// Checks what can be checked without looking at the machine.
  public func validate() throws {
    guard (0.1...1e7).contains(join) else {
      throw ValidationError("--join must be from 0.1 to 1e7 seconds, not \(join).")
    }
  }

  /// Works until the server closes the run.
  public func run() throws {
    let log = logging.log
    try reportingErrors(to: log) {
      let stop = StopRequest(endsWithParent: child)
      var options = WorkerOptions(server: try place.resolved())
      options.deadlines.joinSeconds = join
      let keys = keys.place
      options.security = { try keys.security(for: $0) }
      let place = data.place
      let worker = try WorkerLoop(
        options, threads: ThreadPool(threadCount: threads.count),
        builder: { try openTask(of: $0, at: place) },
        log: { log.say($0) }, isLeaveRequested: { stop.isRequested })
      let ending = try worker.run()
      switch ending {
      case .closed(let reason):
        log.say(LogEntry(.info, "The server closed: \(reason)."))
        return ending == .stopped ? ExitStatus.interrupted : 0
      case .runFailed(let reason):
        log.fail("The server closed: \(reason)")
        return ExitStatus.runFailed
      case .left: return 0
      case .failed(let reason): throw TrainingError(reason)
      }
    }
  }
}
