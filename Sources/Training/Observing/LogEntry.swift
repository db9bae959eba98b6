// What a process has to say, with how important it is and what it is about.

import Learning

/// How important something is that is said.
public enum LogLevel: String, CaseIterable, Comparable, Sendable {
  /// Every step and every checkpoint.
  case debug
  /// What goes on as it should.
  case info
  /// Something was lost or took too long, and the run goes on.
  case warning
  /// The process cannot go on.
  case error

  /// Whether a level is less important.
  public static func < (less: LogLevel, more: LogLevel) -> Bool {
    allCases.firstIndex(of: less) ?? 0 < allCases.firstIndex(of: more) ?? 0
  }
}

/// Something that is said.
public struct LogEntry: Hashable, Sendable {
  /// How important it is.
  public var level: LogLevel
  /// The line that people read.
  public var message: String
  /// What programs should know of it, by name.
  public var fields: [String: JSONValue]

  /// An entry.
  public init(_ level: LogLevel, _ message: String, _ fields: [String: JSONValue] = [:]) {
    (self.level, self.message, self.fields) = (level, message, fields)
  }
}

extension RunEvent {
  /// How important the event is.
  public var level: LogLevel {
    switch self {
    case .step, .checkpoint, .evaluationProgress: .debug
    case .evaluation, .joined, .note: .info
    case .left, .dropped: .warning
    // Whoever ends says how.
    case .ended: .debug
    }
  }

  /// The event as something that is said; `nil` for mere progress.
  public var entry: LogEntry? {
    switch self {
    case .step(let record):
      var fields = record.values
      fields["step"] = .integer(record.step)
      fields["seconds"] = .number(record.seconds)
      fields["digest"] = .string(record.digest.description)
      fields["waited_for"] = record.waitedFor.map { .string($0) }
      return LogEntry(level, "Step \(record.step) was applied.", fields)
    case .evaluation(let report):
      let fields: [String: JSONValue] = [
        "step": .integer(report.step), "split": .string(report.split.rawValue),
        "metrics": .object(report.metrics.mapValues { .number($0) }),
      ]
      return LogEntry(level, "Step \(report.step) was evaluated.", fields)
    case .joined(let worker, let step):
      return LogEntry(
        level, line ?? "", ["worker": .string(worker), "step": .integer(step)])
    case .left(let worker, _): return LogEntry(level, line ?? "", ["worker": .string(worker)])
    case .checkpoint(let step):
      return LogEntry(
        level, "The checkpoint of step \(step) was written.", ["step": .integer(step)])
    case .dropped(let line), .note(let line): return LogEntry(level, line)
    case .evaluationProgress, .ended: return nil
    }
  }
}

extension StepRecord {
  /// What was measured, as JSON has it.
  fileprivate var values: [String: JSONValue] {
    var values = (metrics ?? [:]).mapValues { JSONValue.number($0) }
    values["loss"] = .number(loss)
    values["accuracy"] = accuracy.map { .number($0) }
    return values
  }
}
