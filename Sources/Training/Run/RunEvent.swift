// What happens in a run, for those who watch it.

import Dispatch
import Files
import Foundation
import Learning
import Synchronization

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
///
/// They are told on a thread of their own: a terminal that was stopped, or a disk that is slow,
/// holds up no step.
public final class RunObservers: Sendable {
  /// The observers, used on the queue alone.
  private final class List: @unchecked Sendable {
    var observers: [any RunObserver]
    init(_ observers: [any RunObserver]) { self.observers = observers }
  }

  private let list: List
  private let queue = DispatchQueue(label: "observers")
  /// How many events they have not been told yet.
  private let waiting = Mutex(0)
  /// How many may wait before steps are no longer told: each is one line of `steps.jsonl` anyway.
  private static let waitingLimit = 10_000
  /// How long the end of a run waits for them.
  private static let drainSeconds = 2

  /// The given observers, to be told in this order.
  public init(_ list: [any RunObserver]) { self.list = List(list) }

  /// Tells them all, soon.
  ///
  /// Of the end of a run they have heard, unless they are stuck, when this returns.
  public func tell(_ event: RunEvent) {
    let isTooMany = waiting.withLock { waiting in
      if case .step = event, waiting >= Self.waitingLimit { return true }
      waiting += 1
      return false
    }
    guard !isTooMany else { return }
    queue.async { [self] in
      for index in list.observers.indices { list.observers[index].observe(event) }
      waiting.withLock { $0 -= 1 }
    }
    if case .ended = event { drain() }
  }

  /// Waits, not for long, until they have heard everything.
  public func drain() {
    let isTold = DispatchSemaphore(value: 0)
    queue.async { isTold.signal() }
    _ = isTold.wait(timeout: .now() + .seconds(Self.drainSeconds))
  }
}

/// What a run, however it is computed, needs from its surroundings.
public struct RunSetting {
  /// Writes the run's directory.
  public let recorder: RunRecorder
  /// Who is told what happens: those who were named, and the run's log.
  public let observers: RunObservers
  /// Where a server tells what it knows of itself, if somebody wants to know.
  let metrics: RunMetrics?
  /// Where it is written what each thread did, if somebody wants to know.
  let trace: TraceFile?
  /// Whether somebody asked the run to stop.
  public let isStopRequested: @Sendable () -> Bool

  /// A setting of the given parts.
  public init(
    recorder: RunRecorder, observers: [any RunObserver], metrics: RunMetrics? = nil,
    trace: TraceFile? = nil, isStopRequested: @escaping @Sendable () -> Bool
  ) {
    self.recorder = recorder
    self.metrics = metrics
    self.trace = trace
    let all = observers + [RunLog(recorder.directory)]
    self.observers = RunObservers(metrics.map { all + [$0] } ?? all)
    self.isStopRequested = isStopRequested
  }
}
