// A started process that no test waits for without end and that never outlives its test.

import Foundation
import Glibc

/// The executables of the build that the tests belong to.
enum Executable: String {
  case relate
  case server = "ParameterServer"
  case worker = "Worker"

  /// Where it lies: beside the executable of the tests.
  var path: String {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return (own as NSString).deletingLastPathComponent + "/" + rawValue
  }
}

/// Whether there is a python3 to run.
let hasPython = ProcessInfo.processInfo.environment["PATH", default: ""]
  .split(separator: ":")
  .contains { FileManager.default.isExecutableFile(atPath: "\($0)/python3") }

/// How a process ended and what it said.
struct Ended: CustomStringConvertible {
  /// The exit code; 128 and the signal's number if a signal ended it.
  let code: Int32
  let output: String
  let errors: String

  var description: String { "code \(code)\n--- output\n\(output)\n--- errors\n\(errors)" }
}

/// What went wrong in a test's surroundings.
struct TestFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// A process that was started by a test.
///
/// It is killed when the last reference to it is gone.
///
/// What it says goes to files rather than pipes, so that it can never stand still for want of a
/// reader.
final class RunningProcess {
  private let process = Process()
  private let outputPath: String
  private let errorsPath: String
  let command: String

  /// Starts a program in a workspace's directory, with nothing to read on its standard input.
  init(
    _ program: String, _ arguments: [String], in workspace: Workspace,
    environment: [String: String] = [:]
  ) throws {
    command = ([(program as NSString).lastPathComponent] + arguments).joined(separator: " ")
    outputPath = workspace.freshPath("output")
    errorsPath = workspace.freshPath("errors")
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: workspace.path)
    // Keys are made in the home directory when they are first needed.
    process.environment = ProcessInfo.processInfo.environment
      .merging(["HOME": workspace.path]) { $1 }.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try Self.file(outputPath)
    process.standardError = try Self.file(errorsPath)
    do { try process.run() } catch { throw TestFailure("Cannot start \(program): \(error)") }
  }

  convenience init(
    _ executable: Executable, _ arguments: [String], in workspace: Workspace,
    environment: [String: String] = [:]
  ) throws {
    try self.init(executable.path, arguments, in: workspace, environment: environment)
  }

  deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

  var identifier: Int32 { process.processIdentifier }
  var isRunning: Bool { process.isRunning }
  var output: String { (try? String(contentsOfFile: outputPath, encoding: .utf8)) ?? "" }
  var errors: String { (try? String(contentsOfFile: errorsPath, encoding: .utf8)) ?? "" }

  /// The processes that it has started and that are still there, zombies excepted.
  var children: [Int32] {
    let path = "/proc/\(identifier)/task/\(identifier)/children"
    // Threads other than the first may have started them.
    let threads =
      (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(identifier)/task")) ?? []
    let lists = threads.map { path.replacing("task/\(identifier)/", with: "task/\($0)/") }
    return lists.flatMap { file in
      ((try? String(contentsOfFile: file, encoding: .utf8)) ?? "").split(separator: " ")
        .compactMap { Int32($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }.sorted()
  }

  func send(_ signal: Int32) { if process.isRunning { kill(identifier, signal) } }

  /// Waits for the end.
  func wait(atMost seconds: Double = 60) throws -> Ended {
    do {
      try waitUntil("the end of \(command)", atMost: seconds) { !process.isRunning }
    } catch {
      send(SIGKILL)
      throw TestFailure("\(error)\n--- output\n\(output)\n--- errors\n\(errors)")
    }
    let signal = process.terminationReason == .uncaughtSignal
    return Ended(
      code: process.terminationStatus + (signal ? 128 : 0), output: output, errors: errors)
  }

  private static func file(_ path: String) throws -> FileHandle {
    guard FileManager.default.createFile(atPath: path, contents: nil),
      let handle = FileHandle(forWritingAtPath: path)
    else { throw TestFailure("Cannot write \(path)") }
    return handle
  }
}

/// Whether a process exists and is not just waiting for its parent to notice its end.
func isAlive(_ identifier: Int32) -> Bool {
  guard let status = try? String(contentsOfFile: "/proc/\(identifier)/stat", encoding: .utf8),
    let state = status.split(separator: ")").last?.split(separator: " ").first
  else { return false }
  return state != "Z" && state != "X"
}

/// Waits until a condition holds, or fails with what was waited for.
func waitUntil(_ what: String, atMost seconds: Double = 60, _ holds: () throws -> Bool) throws {
  let start = ContinuousClock.now
  while try !holds() {
    guard start.duration(to: .now) < .seconds(seconds) else {
      throw TestFailure("Waited in vain for \(what), \(Int(seconds)) s.")
    }
    usleep(3_000)
  }
}
