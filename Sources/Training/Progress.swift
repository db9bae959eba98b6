// What people see of a run while it goes on.

import Foundation
import NeuralNetworks

#if canImport(Glibc)
  import Glibc
#endif

/// Shows a run's progress: one live line on a terminal, plain lines now and then elsewhere.
///
/// Belongs to the thread that trains.
public final class Progress {
  private let totalSteps: Int
  private let samplesPerStep: Int
  private let isTerminal: Bool
  /// The first step shown, and when it began: to wait for workers before it takes no step's time.
  private var first: (step: Int, startedAt: ContinuousClock.Instant)?
  private var lastShown: ContinuousClock.Instant?
  /// Means over the last steps, so that the numbers can be read.
  private var loss = 0.0
  private var accuracy = 0.0
  private var liveLineWidth = 0
  private var validation: Double?
  private var evaluatingSince: ContinuousClock.Instant?

  /// Progress towards a number of steps, written to standard output.
  public init(totalSteps: Int, samplesPerStep: Int) {
    self.totalSteps = totalSteps
    self.samplesPerStep = samplesPerStep
    isTerminal = isatty(STDOUT_FILENO) == 1
  }

  /// Shows a step.
  public func show(_ record: StepRecord) {
    let now = ContinuousClock.now
    if first == nil { (loss, accuracy) = (record.loss, record.accuracy) }
    let first = first ?? (record.step, now.advanced(by: .seconds(-record.seconds)))
    self.first = first
    loss += 0.1 * (record.loss - loss)
    accuracy += 0.1 * (record.accuracy - accuracy)
    let pause: Duration = isTerminal ? .milliseconds(200) : .seconds(10)
    let isLast = record.step == totalSteps
    if let lastShown, lastShown.duration(to: now) < pause, !isLast { return }
    lastShown = now
    let perStep =
      first.startedAt.duration(to: now).seconds / Double(record.step - first.step + 1)
    // The time left comes early, because a narrow terminal cuts the line off.
    var parts = [
      "step \(record.step)/\(totalSteps)",
      "\(readableDuration(perStep * Double(totalSteps - record.step))) left",
      "loss \(decimals(loss, 4))",
      "accuracy \(decimals(100 * accuracy, 1)) %",
    ]
    if let validation { parts.append("validation \(decimals(100 * validation, 1)) %") }
    parts.append("\(Int(Double(samplesPerStep) / perStep)) samples/s")
    if let workers = record.workers { parts.append("\(workers) worker\(workers == 1 ? "" : "s")") }
    write(live: parts.joined(separator: "  "))
    if isLast { end() }
  }

  /// Shows how far the evaluations are that are left when all steps are done.
  public func show(evaluatedParts done: Int, of total: Int) {
    let now = ContinuousClock.now
    let startedAt = evaluatingSince ?? now
    evaluatingSince = startedAt
    let pause: Duration = isTerminal ? .milliseconds(200) : .seconds(10)
    guard done < total, (lastShown ?? startedAt).duration(to: now) >= pause else { return }
    lastShown = now
    let left = startedAt.duration(to: now).seconds / Double(max(1, done)) * Double(total - done)
    write(live: "evaluating, part \(done)/\(total)  \(readableDuration(left)) left")
  }

  /// Leaves the live line as it is and begins a new one.
  public func end() {
    guard liveLineWidth > 0 else { return }
    liveLineWidth = 0
    print()
    fflush(nil)
  }

  deinit { end() }

  /// Shows an evaluation on the validation split in one line.
  public func show(_ report: EvaluationReport) {
    evaluatingSince = nil
    guard report.split == .validation else { return }
    validation = report.overall
    let groups = report.groups.sorted { $0.key < $1.key }
      .map { "\($0.key.replacing("_", with: "-")) \(decimals(100 * $0.value, 1)) %" }
    note(
      (["validation at step \(report.step): \(decimals(100 * report.overall, 1)) %"] + groups)
        .joined(separator: "  "))
  }

  /// Shows a line that stays, in the place of the live one, which the next step shows again.
  public func note(_ line: String) {
    let padding = String(repeating: " ", count: max(0, liveLineWidth - line.count))
    if liveLineWidth > 0 { print("\r", terminator: "") }
    liveLineWidth = 0
    print(line + padding)
    fflush(nil)
  }

  private func write(live line: String) {
    guard isTerminal else { return note(line) }
    var size = winsize()
    let columns =
      ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
      ? Int(size.ws_col) : 80
    let fitting = String(line.prefix(columns - 1))
    let padding = String(repeating: " ", count: max(0, liveLineWidth - fitting.count))
    print("\r" + fitting + padding, terminator: "")
    liveLineWidth = fitting.count
    fflush(nil)
  }
}

/// A number with a fixed count of decimals.
public func decimals(_ value: Double, _ count: Int) -> String {
  String(format: "%.\(count)f", value)
}

/// A time such as `42 s`, `3 min 20 s` or `2 h 5 min`.
public func readableDuration(_ seconds: Double) -> String {
  let total = Int(max(0, seconds).rounded())
  if total < 60 { return "\(total) s" }
  if total < 3600 { return "\(total / 60) min \(total % 60) s" }
  return "\(total / 3600) h \(total % 3600 / 60) min"
}

extension Duration {
  /// The time in seconds.
  public var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
