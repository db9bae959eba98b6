// ParameterServer: the role that holds the parameters, for launchers and by hand.

import ArgumentParser
import Files
import Foundation
import Learning
import Messaging
import NeuralNetworks
import Tensors
import Training

/// The `ParameterServer` executable.
public struct ParameterServerCommand: ParsableCommand {
  /// What `--help` says.
  public static let configuration = CommandConfiguration(
    commandName: "ParameterServer",
    abstract: "Hold the parameters of a run and give its workers their work.",
    discussion: """
      Prints the address to give to workers. Waits for workers as long as --wait says, and goes on \
      with whoever is there; workers may come and go at any step. Ctrl-C finishes the step and \
      writes a checkpoint.

      Example: ParameterServer sort-of-clevr --preset quick --listen 127.0.0.1:5555
      Then:    Worker --server 127.0.0.1:5555
      """,
    version: relateVersion)

  @OptionGroup var experiment: ExperimentOptions
  @OptionGroup var place: RunOptions
  @OptionGroup var observing: ObservingOptions

  @Option(
    help: ArgumentHelp(
      "The address to listen on; port 0 takes a free one. On one machine also ipc:///PATH.",
      valueName: "host:port")
  )
  var listen = "127.0.0.1:0"

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The port for bulk data; 0 takes a free one.", valueName: "port"))
  var dataPort: UInt16 = 0

  @OptionGroup var keys: KeyOptions

  @Option(
    help: ArgumentHelp(
      "Begin when this many workers have joined, or 10 s after the start with fewer.",
      valueName: "n"))
  var expect = 1

  @Option(
    help: ArgumentHelp("How long to wait while there is no worker.", valueName: "seconds"))
  var wait = 600.0

  @Option(help: ArgumentHelp("Write the address to this file, too.", valueName: "file"))
  var endpointFile: String?

  @Option(
    help: ArgumentHelp("Give a worker's work to others after this silence.", valueName: "seconds"))
  var silence = 3.0

  @OptionGroup var audit: AuditOptions

  @Flag(help: .hidden)
  var child = false

  /// What a launcher was told, a word at a time, for whoever goes on with the run.
  @Option(parsing: .unconditionalSingleValue, help: .hidden)
  var launchedWith: [String] = []

  /// The options as given.
  public init() {}

  /// Checks what can be checked without looking at the machine.
  public func validate() throws {
    guard (0.5...3600).contains(silence), (1...1e7).contains(wait) else {
      throw ValidationError("--silence must be from 0.5 to 3600 and --wait from 1 to 1e7 seconds.")
    }
    guard (1...4096).contains(expect) else {
      throw ValidationError("--expect must be from 1 to 4096, not \(expect).")
    }
  }

  /// Serves until the run has ended.
  public func run() throws {
    try reportingErrors(to: observing.log.log) { try serve(observing.log.log) }
  }

  private func serve(_ log: Log) throws -> Int32 {
    raiseDescriptorLimit()
    let stop = StopRequest(
      endsWithParent: child, answer: child ? nil : StopRequest.finishesStep(log))
    let address = try serverEndpoint(listen, option: "--listen")
    let admission = try keys.place.directory(for: address)?.admission { log.warn($0) }
    var options = ServerOptions()
    options.expectedWorkers = expect
    options.deadlines.waitSeconds = wait
    options.deadlines.silenceSeconds = silence
    options.auditShare = audit.share
    let plan = try place.choose(experiment)
    if try showIfComplete(plan, log) { return 0 }
    let listener = try Listener(on: address, dataPort: dataPort, admission: admission)
    defer { if child { removePrivateFiles(of: address) } }
    let (metrics, trace) = (try observing.serve(plan), try observing.openTrace())
    let run = try PreparedRun(
      plan, task: try openedTask(of: plan), checkpointEvery: place.checkpointEvery)
    let settled = run.recorder.record.experiment
    let reachable = Self.reachableAddress(of: listener)
    if let endpointFile {
      try AtomicFile.write(Data((reachable + "\n").utf8), to: endpointFile)
    }
    // Both sockets listen, and everything else that threads share is open.
    separateDescriptors()
    let data = settled.data == nil ? "" : " --data DIR"
    let said = keys.arguments.map { " \(quoted($0))" }.joined()
    let (ending, step) = try run.serve(
      on: listener, options,
      watchedBy: Watchers(display: run.display(log), trace: trace, metrics: metrics),
      until: stop,
      invitation: child
        ? nil : "Listening. Start workers with: Worker --server \(reachable)\(said)\(data)")
    return try conclude(
      ending, in: plan.directory, step: step,
      hint: child
        ? .train(options: launchedWith, data: experiment.data.path)
        : .server(options: resumeOptions, data: experiment.data.path), log)
  }

  /// The task of a run that begins, whose samples are to be vouched for, if its data are here.
  private func openedTask(of plan: RunPlan) throws -> (any LearningTask)? {
    guard let begun = plan.beginning, begun.data == nil || experiment.data.place != nil else {
      return nil
    }
    return try openTask(of: begun, at: experiment.data.place)
  }

  /// What was said of how to listen, for whoever goes on with the run.
  private var resumeOptions: [String] {
    var options: [String] = []
    if !listen.hasSuffix(":0") { options += ["--listen", listen] }
    if dataPort != 0 { options += ["--data-port", String(dataPort)] }
    return options + keys.arguments
  }

  /// Removes the sockets or keys that a launcher had made in a directory of their own, for the
  /// launcher may be dead.
  private func removePrivateFiles(of address: Endpoint) {
    let directory: String
    switch (address.transport, keys.path) {
    case (.ipc(let path), _):
      for socket in [path, path + ".data"] { unlink(socket) }
      directory = (path as NSString).deletingLastPathComponent
    case (_, let path?):
      let made = KeyDirectory(path: path)
      for file in [made.secretPath, made.allowedPath] { unlink(file) }
      rmdir(path)
      directory = (path as NSString).deletingLastPathComponent
    default: return
    }
    rmdir(directory)
  }

  /// What to give to workers: a server on all addresses is reached by the name of its host.
  private static func reachableAddress(of listener: Listener) -> String {
    guard case .tcp(let host, let port) = listener.endpoint.transport,
      ["*", "::", "0.0.0.0"].contains(host)
    else { return "\(listener.endpoint)".replacing("tcp://", with: "") }
    return "\(ProcessInfo.processInfo.hostName):\(port)"
  }
}
