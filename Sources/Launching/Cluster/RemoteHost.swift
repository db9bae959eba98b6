// One host of a run: the package is brought there, and its workers are started and watched, by ssh.

import Foundation
import Training

/// A host that is reached by ssh, once for the package and once for its workers.
///
/// The second connection stays as long as the workers do. What it carries to the host is the end of
/// a pipe that only this process holds: when this process ends, however it does, the host sees the
/// end of its standard input, and its workers end.
final class RemoteHost {
  /// How far it has come.
  enum Stage {
    case away(until: ContinuousClock.Instant)
    case installing
    case greeting(since: ContinuousClock.Instant)
    case ready(HostGreeting)
    case working(since: ContinuousClock.Instant)
    /// It could not be brought to work, again and again.
    case givenUp
  }

  let line: HostLine
  private let ssh: [String]
  private let package: HostPackage?
  private(set) var stage = Stage.away(until: .now)
  private(set) var child: Child?
  private var output = LineReader()
  private var errors = LineReader()
  private var lastError = ""
  private var failures = 0
  private static let secondsToGreet = 30.0
  private static let mostFailures = 8

  init(_ line: HostLine, ssh: [String], package: HostPackage?) {
    (self.line, self.ssh, self.package) = (line, ssh, package)
  }

  /// What the host said when Relate began there, while it waits for its orders.
  var greeting: HostGreeting? {
    if case .ready(let greeting) = stage { greeting } else { nil }
  }

  /// Whether it computes.
  var isWorking: Bool {
    if case .working = stage { true } else { false }
  }

  /// Begins to bring the host to work.
  func begin() throws {
    if line.relate != nil { return try greet() }
    guard let package, let file = FileHandle(forReadingAtPath: package.path) else {
      throw TrainingError("Cannot read the package \(package?.path ?? "").")
    }
    stage = .installing
    try connect(package.installation, input: file)
  }

  private func greet() throws {
    stage = .greeting(since: .now)
    try connect(HostPackage.work(package, installed: line.relate))
  }

  /// Starts what the server's workers are there.
  func order(_ orders: HostOrders) throws {
    child?.write(try JSONEncoder().encode(orders) + Data("\n".utf8))
    stage = .working(since: .now)
  }

  /// Looks what has become of it; a sentence without its full stop if it has failed.
  func look() throws -> String? {
    passOn()
    guard let child else {
      if case .away(let moment) = stage, .now >= moment { try begin() }
      return nil
    }
    if case .greeting(let since) = stage, child.isRunning {
      guard since.duration(to: .now).seconds > Self.secondsToGreet else { return nil }
      child.end(within: 0)
      return try failed("\(line.name) has not started Relate for \(Int(Self.secondsToGreet)) s")
    }
    guard let code = child.exitCode, child.secondsSinceEnd > 0.1 else { return nil }
    passOn()
    if case .installing = stage, code == 0 {
      try greet()
      return nil
    }
    if case .working(let since) = stage {
      if Crew.isInOrder(code) {
        // Its workers were told that the run is over; if it is not, they come again.
        settle(for: 15)
        return nil
      }
      if since.duration(to: .now).seconds > 60 { failures = 0 }
    }
    return try failed(sentence(code))
  }

  /// Ends it, if it has not ended: at once when the time is up.
  func end(within seconds: Double) {
    child?.end(within: seconds)
    // Its last words are still on their way through the pipe.
    if child != nil { usleep(20_000) }
    passOn()
    child = nil
  }

  private func failed(_ reason: String) throws -> String {
    failures += 1
    let pause = min(60, Double(1 << min(failures, 6)))
    settle(for: pause)
    guard failures < Self.mostFailures else {
      stage = .givenUp
      return "\(reason); given up"
    }
    return reason
  }

  private func settle(for seconds: Double) {
    child = nil
    stage = .away(until: .now + .seconds(seconds))
  }

  private func connect(_ command: String, input: FileHandle? = nil) throws {
    (output, errors, lastError) = (LineReader(), LineReader(), "")
    let port = line.port.map { ["-p", String($0)] } ?? []
    // A shell around it: ssh closes every descriptor that it does not know, among them the one by
    // whose end Foundation knows the end of a process.
    child = try Child(
      program: ["sh", "-c", "\"$@\"; exit $?", "sh"] + ssh + port
        + ["--", line.destination, command], input: input, output: output, errors: errors)
  }

  /// Prints what the host says, with its name before it.
  private func passOn() {
    for text in output.take() {
      if case .greeting = stage, let greeting = HostGreeting(line: text) {
        stage = .ready(greeting)
      } else {
        print("\(line.name): \(text)")
      }
    }
    fflush(nil)
    for text in errors.take() {
      lastError = text
      sayOnStandardError("\(line.name): \(text)")
    }
  }

  /// Why a connection has ended, in a sentence without its full stop.
  private func sentence(_ code: Int32) -> String {
    let words = lastError.hasSuffix(".") ? lastError.dropLast() : lastError[...]
    let said = words.isEmpty ? "" : ": \(words)"
    if code == 255 { return "\(line.name) cannot be reached by ssh\(said)" }
    if isWorking { return "The workers of \(line.name) have ended with code \(code)\(said)" }
    if lastError.contains("shared librar") || lastError.contains("GLIBC") {
      return """
        \(line.name) lacks a library\(said). A package runs on Debian 12, and on systems whose C \
        library is not older
        """
    }
    return "\(line.name) cannot run Relate, code \(code)\(said)"
  }
}
