// What happens in a run, for those who watch it.

import Files
import Foundation
import Learning

/// Something that happened in a run.
public enum RunEvent: Sendable {
  /// A step was applied.
  case step(StepRecord)
  /// A version was evaluated.
  case evaluation(EvaluationReport)
  /// So many parts of the evaluation that is waited for are in.
  case evaluationProgress(part: Int, of: Int)
  /// A worker joined, at a step.
  case joined(worker: String, step: Int)
  /// A worker is gone, and what follows from it.
  case left(worker: String, consequence: String)
  /// A checkpoint of a step was written.
  case checkpoint(step: Int)
  /// Messages were dropped, and why.
  case dropped(String)
  /// Something else that people should read.
  case note(String)
  /// The run has ended.
  case ended(RunEnding)

  /// What people should read of it: the same words on a terminal and in the run's log; `nil` for
  /// what is shown otherwise.
  public var line: String? {
    switch self {
    case .joined(let worker, let step): "\(worker) joined at step \(step)."
    case .left(let worker, let consequence): "\(worker) \(consequence)"
    case .dropped(let line), .note(let line): line
    case .step, .evaluation, .evaluationProgress, .checkpoint, .ended: nil
    }
  }
}

/// Watches a run.
///
/// It is told what happened and asked nothing: whatever it does with it, the run goes on. What must
/// not be lost is the business of `RunRecorder`.
public protocol RunObserver {
  /// Takes note of an event, in little time.
  mutating func observe(_ event: RunEvent)
}

/// `run.log`: what the run's own process said, with the times.
public struct RunLog: RunObserver, Sendable {
  private let path: String

  /// The log in a run's directory.
  public init(_ directory: RunDirectory) { path = directory.logPath }

  /// Appends the event's line, if it has one.
  ///
  /// What cannot be written there is no reason to end a run.
  public mutating func observe(_ event: RunEvent) {
    guard let line = event.line else { return }
    try? GrowingFile(path).append(Data("\(Date().ISO8601Format()) \(line)\n".utf8))
  }
}

/// Everybody who watches a run.
public final class RunObservers {
  private var list: [any RunObserver]

  /// The given observers, to be told in this order.
  public init(_ list: [any RunObserver]) { self.list = list }

  /// Tells them all.
  public func tell(_ event: RunEvent) {
    for index in list.indices { list[index].observe(event) }
  }
}

/// What a run, however it is computed, needs from its surroundings.
public struct RunSetting {
  /// Writes the run's directory.
  public let recorder: RunRecorder
  /// Who is told what happens: those who were named, and the run's log.
  public let observers: RunObservers
  /// Whether somebody asked the run to stop.
  public let isStopRequested: @Sendable () -> Bool

  /// A setting of the given parts.
  public init(
    recorder: RunRecorder, observers: [any RunObserver],
    isStopRequested: @escaping @Sendable () -> Bool
  ) {
    self.recorder = recorder
    self.observers = RunObservers(observers + [RunLog(recorder.directory)])
    self.isStopRequested = isStopRequested
  }
}
