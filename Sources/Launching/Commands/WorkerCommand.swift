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
      changes.

      Example: Worker --server 127.0.0.1:5555
      """,
    version: relateVersion)

  @Option(help: ArgumentHelp("The address that the server printed.", valueName: "host:port"))
  var server: String

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
      var options = WorkerOptions(server: try serverEndpoint(server, option: "--server"))
      options.deadlines.joinSeconds = join
      options.security = try keys.security(for: options.server)
      let place = data.place
      let worker = try WorkerLoop(
        options, threads: ThreadPool(threadCount: threads.count),
        builder: { try openTask(of: $0, at: place) },
        log: { log.say($0) }, isLeaveRequested: { stop.isRequested })
      switch try worker.run() {
      case .closed(let reason):
        log.say(LogEntry(.info, "The server closed: \(reason)."))
        return 0
      case .runFailed(let reason):
        log.fail("The server closed: \(reason)")
        return ExitStatus.runFailed
      case .left: return 0
      case .failed(let reason): throw TrainingError(reason)
      }
    }
  }
}

/// The address that an option names.
func serverEndpoint(_ text: String, option: String) throws -> Endpoint {
  let endpoint: Endpoint
  do throws(MessagingError) { endpoint = try Endpoint(text) } catch {
    throw ValidationError("\(option): \(error.description)")
  }
  if case .inproc = endpoint.transport {
    throw ValidationError("\(option) takes HOST:PORT or ipc:///PATH, not \(text).")
  }
  return endpoint
}
