// What people see of a run while it goes on.

import Foundation
import Glibc
import Learning
import Training

/// Shows a run's events: one live line on a terminal, plain lines now and then elsewhere.
final class ProgressDisplay: RunObserver {
  private let totalSteps: Int
  private let samplesPerStep: Int
  private let facts: TaskFacts
  private let isTerminal: Bool
  private let level: LogLevel
  /// The first step shown, and when it began: to wait for workers before it takes no step's time.
  private var first: (step: Int, startedAt: ContinuousClock.Instant)?
  private var lastShown: ContinuousClock.Instant?
  /// Means over the last steps, so that the numbers can be read.
  private var means: [MetricPath: Double] = [:]
  private var liveLineWidth = 0
  private var validation: Double?
  private var evaluatingSince: ContinuousClock.Instant?

  /// Progress of an experiment, written to standard output as far as it is so important.
  init(_ experiment: Experiment, facts: TaskFacts, level: LogLevel) {
    self.level = level
    totalSteps = experiment.steps
    samplesPerStep = experiment.replicas * experiment.batchSize
    self.facts = facts
    isTerminal = isatty(STDOUT_FILENO) == 1
  }

  deinit { end() }

  /// Shows an event.
  func observe(_ event: RunEvent) {
    switch event {
    // The live line and the lines that come in its place are of one kind.
    case .step(let record) where level <= .info: show(record)
    case .evaluation(let report) where level <= .info: show(report)
    case .evaluationProgress(let part, let count) where level <= .info:
      show(evaluatedParts: part, of: count)
    case .joined, .left, .dropped, .note, .checkpoint:
      if event.level >= level, let entry = event.entry { note(entry.message) }
    case .step, .evaluation, .evaluationProgress: break
    case .ended: end()
    }
  }

  private func show(_ record: StepRecord) {
    let now = ContinuousClock.now
    let first = first ?? (record.step, now.advanced(by: .seconds(-record.seconds)))
    self.first = first
    let shown = shownPaths
    for path in shown {
      guard let value = record.value(of: path) else { continue }
      let mean = means[path] ?? value
      means[path] = mean + 0.1 * (value - mean)
    }
    let isLast = record.step == totalSteps
    guard isDue(at: now) || isLast else { return }
    let perStep =
      first.startedAt.duration(to: now).seconds / Double(record.step - first.step + 1)
    // The time left comes early, because a narrow terminal cuts the line off.
    var parts = [
      "step \(record.step)/\(totalSteps)",
      "\(readableDuration(perStep * Double(totalSteps - record.step))) left",
    ]
    parts += shown.compactMap { path in means[path].map { "\(path) \(text($0, of: path))" } }
    if let validation { parts.append("validation \(text(validation, of: facts.selector))") }
    parts.append("\(Int(Double(samplesPerStep) / perStep)) samples/s")
    if let workers = record.workers { parts.append("\(workers) worker\(workers == 1 ? "" : "s")") }
    write(live: parts.joined(separator: "  "))
    if isLast { end() }
  }

  /// The loss, and what the selector is a part of: what a step's record has.
  private var shownPaths: [MetricPath] {
    let root = facts.selector.fromRoot[0]
    return root == Metric.loss.path ? [root] : [Metric.loss.path, root]
  }

  /// Shows how far the evaluation is that is waited for.
  private func show(evaluatedParts done: Int, of total: Int) {
    let now = ContinuousClock.now
    let startedAt = evaluatingSince ?? now
    evaluatingSince = startedAt
    guard done < total, isDue(at: now, since: startedAt) else { return }
    let left = startedAt.duration(to: now).seconds / Double(max(1, done)) * Double(total - done)
    write(live: "evaluating, part \(done)/\(total)  \(readableDuration(left)) left")
  }

  /// Shows an evaluation on the validation split in one line: the selector, and what is below it.
  private func show(_ report: EvaluationReport) {
    evaluatingSince = nil
    guard report.split == .validation else { return }
    validation = report.value(of: facts.selector)
    let depth = facts.selector.names.count
    var paths: [MetricPath] = []
    for metric in facts.metrics where metric.path.isPart(of: facts.selector) {
      guard metric.path.names.count > depth else { continue }
      let path = metric.path.fromRoot[depth]
      if !paths.contains(path) { paths.append(path) }
    }
    let head = validation.map { text($0, of: facts.selector) } ?? "nothing measured"
    let below = paths.compactMap { path in
      report.value(of: path).map {
        "\(path.names[depth].replacing("_", with: "-")) \(text($0, of: path))"
      }
    }
    let derived = facts.derived.compactMap { figure in
      report.value(of: figure.path).map {
        "\(figure.path.description.replacing("_", with: " ")) \(figure.unit.shown($0))"
      }
    }
    note(
      (["validation at step \(report.step): \(head)"] + derived + below).joined(separator: "  "))
  }

  /// A value as people read it.
  private func text(_ value: Double, of path: MetricPath) -> String {
    let unit = facts.metrics.first { $0.path.isPart(of: path) }?.unit
    return unit == .share ? "\(decimals(100 * value, 1)) %" : decimals(value, 4)
  }

  /// Whether it is time to show something again.
  private func isDue(
    at now: ContinuousClock.Instant, since start: ContinuousClock.Instant? = nil
  ) -> Bool {
    let pause: Duration = isTerminal ? .milliseconds(200) : .seconds(10)
    if let before = lastShown ?? start, before.duration(to: now) < pause { return false }
    lastShown = now
    return true
  }

  /// Leaves the live line as it is and begins a new one.
  private func end() {
    guard liveLineWidth > 0 else { return }
    liveLineWidth = 0
    print()
    fflush(nil)
  }

  /// Shows a line that stays, in the place of the live one, which the next step shows again.
  private func note(_ line: String) {
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
func decimals(_ value: Double, _ count: Int) -> String {
  String(format: "%.\(count)f", value)
}

/// A time such as `42 s`, `3 min 20 s` or `2 h 5 min`.
func readableDuration(_ seconds: Double) -> String {
  let total = Int(max(0, seconds).rounded())
  if total < 60 { return "\(total) s" }
  if total < 3600 { return "\(total / 60) min \(total % 60) s" }
  return "\(total / 3600) h \(total % 3600 / 60) min"
}
