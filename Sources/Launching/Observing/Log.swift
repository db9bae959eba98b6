// What a process says: lines for people, or a piece of JSON each for programs.

import ArgumentParser
import Foundation
import Glibc
import Learning
import Training

/// How a process says things.
enum LogFormat: String, CaseIterable, ExpressibleByArgument {
  case text
  case json
}

extension LogLevel: ExpressibleByArgument {}

/// Where a process says what people or programs should read: the one place for all of it.
///
/// As text a line is its message alone. As JSON it is an object with `time`, `level`, `message` and
/// whatever fields it has.
struct Log: Sendable {
  /// Where a line goes.
  enum Stream {
    case output
    case errors
  }

  /// How lines are written.
  var format = LogFormat.text
  /// What is less important is left out.
  var level = LogLevel.info
  /// What every line of this process has: the run's directory, the worker's number.
  var fields: [String: JSONValue] = [:]

  /// Says a line at once, also into a file that somebody watches.
  func say(_ entry: LogEntry, on stream: Stream = .output) {
    guard entry.level >= level else { return }
    let line = format == .text ? entry.message : json(entry)
    switch stream {
    case .output:
      print(line)
      fflush(nil)
    case .errors: sayOnStandardError(line)
    }
  }

  /// Says on standard error what was lost or took too long.
  func warn(_ message: String) { say(LogEntry(.warning, message), on: .errors) }

  /// Says on standard error why the process cannot go on.
  func fail(_ sentence: String) {
    say(LogEntry(.error, format == .text ? "Error: \(sentence)" : sentence), on: .errors)
  }

  /// The same with another field in every line.
  func with(_ name: String, _ value: JSONValue) -> Log {
    var log = self
    log.fields[name] = value
    return log
  }

  /// The entry as a line of JSON.
  private func json(_ entry: LogEntry) -> String {
    var object = fields.merging(entry.fields) { $1 }
    object["time"] = .string(
      Date().ISO8601Format(.init(includingFractionalSeconds: true)))
    object["level"] = .string("\(entry.level)")
    object["message"] = .string(entry.message)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(object)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
  }
}

/// Says what happens in a run as JSON, step by step if the level asks for it.
struct LogDisplay: RunObserver {
  let log: Log

  /// Says an event.
  mutating func observe(_ event: RunEvent) {
    if let entry = event.entry { log.say(entry) }
  }
}
