// relate work: workers on this machine for a server elsewhere.

import ArgumentParser
import Files
import Foundation
import Messaging
import Training

/// `relate work`.
struct WorkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "work",
    abstract: "Start workers on this machine for a server elsewhere, and again those that die.",
    discussion: """
      As many Worker processes as said, with the same options. Ends when the server has closed the \
      run, or with Ctrl-C.

      Example: relate work --server HOST:5555 --workers 8
      """)

  @OptionGroup var place: ServerPlaceOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Worker processes; as many as cores unless said.", valueName: "n"))
  var workers: Int?

  @Option(
    help: ArgumentHelp("Threads of each worker. Bits do not depend on it.", valueName: "n"))
  var threads = ThreadCount(1)

  @OptionGroup var data: DataOptions
  @OptionGroup var keys: KeyOptions
  @OptionGroup var logging: LogOptions

  func validate() throws {
    if let workers, !(1...1024).contains(workers) {
      throw ValidationError("--workers must be from 1 to 1024, not \(workers).")
    }
  }

  func run() throws {
    try reportingErrors(to: logging.log) {
      _ = try place.resolved()
      let crew = Crew(
        workerCount: workers ?? ProcessInfo.processInfo.activeProcessorCount,
        threads: threads.count,
        arguments: keys.arguments + logging.arguments + (data.path.map { ["--data", $0] } ?? []),
        log: logging.log)
      return try crew.work(at: place.arguments, until: StopRequest(endsWithParent: false))
    }
  }
}

/// What `relate train --hosts` starts on a host: it greets the launcher, reads its orders, and
/// follows them until the launcher is gone.
struct OrderedWorkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ordered-work", abstract: "What relate train --hosts starts on a host.",
    shouldDisplay: false)

  func run() throws {
    try reportingErrors {
      print(try HostGreeting.ofThisMachine().line())
      fflush(nil)
      // A launcher that has no orders has ended, which is no mistake of this host.
      guard let line = readLine() else { return 0 }
      guard let orders = try? JSONDecoder().decode(HostOrders.self, from: Data(line.utf8)),
        let pair = KeyPair(secret: orders.secret), let serverKey = PublicKey(orders.serverKey)
      else { throw TrainingError("The launcher's orders cannot be read.") }
      let stop = StopRequest(endsWithParent: true)
      let scratch = try Cluster.makePrivateDirectory()
      defer { try? FileManager.default.removeItem(atPath: scratch) }
      let keys = KeyDirectory(path: scratch + "/keys")
      try keys.create(pair)
      try keys.setServer(serverKey)
      let data = orders.data.map { ["--data", $0] } ?? []
      let crew = Crew(
        workerCount: orders.workers, threads: orders.threads,
        arguments: ["--keys", keys.path] + data, log: Log())
      return try crew.work(at: ["--server", orders.server], until: stop)
    }
  }
}

extension Crew {
  /// Works until the server has closed the run, or somebody asks to stop; the exit code.
  fileprivate func work(at place: [String], until stop: StopRequest) throws -> Int32 {
    defer { end() }
    try start(place, logs: nil)
    while !stop.isRequested {
      if let exitCode { return exitCode }
      if let problem = try tend() { throw TrainingError(problem) }
      usleep(20_000)
    }
    return 0
  }
}
