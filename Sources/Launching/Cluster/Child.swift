// A process that this one has started, which ends with it.

import Foundation
import Glibc
import Training

/// A process that was started here.
final class Child {
  private let process = Process()
  private let lifeline: Pipe?
  private let name: String
  private let log: String?
  private var seenEndedAt: ContinuousClock.Instant?

  /// Starts an executable that lies beside this one.
  ///
  /// - Parameter log: the file that its output goes to; without one it shares this terminal.
  convenience init(_ name: String, _ arguments: [String], log: String?) throws {
    let path = try Self.ownFolder() + "/" + name
    guard FileManager.default.isExecutableFile(atPath: path) else {
      throw TrainingError("\(path) is missing: build it with swift build -c release")
    }
    var output: FileHandle?
    if let log {
      // Appended: what an earlier process said of its end is kept when the run is resumed.
      let descriptor = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else {
        throw TrainingError("Cannot write \(log): \(String(cString: strerror(errno))).")
      }
      output = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }
    try self.init(path, arguments, name: name, log: log) { process in
      guard let output else { return }
      process.standardOutput = output
      process.standardError = output
    }
  }

  /// Starts a program that is found as a shell finds it, whose words are read here.
  ///
  /// - Parameter input: a file for its standard input, in the place of a pipe that only this
  ///   process holds open.
  convenience init(
    program: [String], input: FileHandle? = nil, output: LineReader, errors: LineReader
  ) throws {
    try self.init("/usr/bin/env", program, name: program[0], log: nil, input: input) { process in
      process.standardOutput = output.pipe
      process.standardError = errors.pipe
    }
    output.start()
    errors.start()
  }

  private init(
    _ path: String, _ arguments: [String], name: String, log: String?, input: FileHandle? = nil,
    configure: (Process) -> Void
  ) throws {
    (self.name, self.log) = (name, log)
    lifeline = input == nil ? Pipe() : nil
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    if let lifeline { process.standardInput = lifeline } else { process.standardInput = input }
    configure(process)
    try process.run()
  }

  /// The directory that this process' executable lies in.
  static func ownFolder() throws -> String {
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return (own as NSString).deletingLastPathComponent
  }

  /// Writes to its standard input what is short enough for a pipe to hold.
  func write(_ data: Data) { try? lifeline?.fileHandleForWriting.write(contentsOf: data) }

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

  /// Closes its standard input, which asks it to end.
  func closeInput() { try? lifeline?.fileHandleForWriting.close() }

  /// Closes its standard input, which asks it to end, and kills it if it does not.
  func end(within seconds: Double) {
    closeInput()
    if !waitForEnd(within: seconds) {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
  }
}
