// Keeps a run on a thread of its own, so that a disk that is slow holds up no worker.

import Foundation
import Learning
import NeuralNetworks
import Synchronization

/// A recorder on a thread of its own: whatever it is given is written in that order, while the loop
/// that gave it goes on.
///
/// So the files are true, and behind by what is waiting: that is bounded, and no more than a crash
/// may cost in any case, since a run that is resumed begins at a checkpoint. Nothing is written
/// after the first thing that could not be.
///
/// To be made by the thread whose descriptors it is to share (`separateDescriptors`).
final class RecorderThread: RunStore {
  /// What is to be written.
  private struct Work: Sendable {
    /// Whether it holds a version, and with it three times the memory of the parameters.
    var isVersion = false
    let write: @Sendable (RunRecorder) throws -> Void
  }

  /// What both threads see.
  private struct Queue {
    /// What is being written, and what waits behind it.
    var work: [Work] = []
    var failure: (any Error)?
    var survey: Survey?

    var versions: Int { work.count { $0.isVersion } }
  }

  /// The recorder, used on the thread alone once there is work for it, and let go of at its end.
  private final class Shared: @unchecked Sendable {
    var recorder: RunRecorder?
    let queue = Mutex(Queue())
    let available = DispatchSemaphore(value: 0)
    let isEnded = DispatchSemaphore(value: 0)

    init(_ recorder: RunRecorder) { self.recorder = recorder }

    func serve() {
      defer {
        // With it the lock of its directory.
        recorder = nil
        isEnded.signal()
      }
      while true {
        available.wait()
        guard let recorder, let next = queue.withLock({ $0.work.first }) else { return }
        var failure: (any Error)?
        do { try next.write(recorder) } catch { failure = error }
        queue.withLock { queue in
          queue.work.removeFirst()
          guard let failure else { return }
          queue.failure = failure
          queue.work = []
        }
        if failure != nil { return }
      }
    }
  }

  /// How many lines may wait, and how many versions.
  private static let lineLimit = 1000
  private static let versionLimit = 2

  private let shared: Shared
  private let observers: RunObservers
  private let facts: TaskFacts
  private var schedule: CheckpointSchedule
  private var isSurveying = false

  /// Starts the thread.
  init(_ recorder: RunRecorder, observers: RunObservers) {
    let shared = Shared(recorder)
    self.shared = shared
    self.observers = observers
    facts = recorder.facts
    schedule = recorder.schedule
    let thread = Thread { shared.serve() }
    thread.name = "recorder"
    thread.stackSize = 8 << 20
    thread.start()
  }

  deinit { shared.available.signal() }

  /// Ends the thread, when everything is written that can be.
  func end() {
    // One signal more than there is work.
    shared.available.signal()
    shared.isEnded.wait()
  }

  private func add(_ work: Work) {
    let isTaken = shared.queue.withLock { queue in
      guard queue.failure == nil else { return false }
      queue.work.append(work)
      return true
    }
    if isTaken { shared.available.signal() }
  }

  // MARK: The store of a run

  var hasRoom: Bool {
    shared.queue.withLock {
      $0.work.count < Self.lineLimit && $0.versions < Self.versionLimit
    }
  }

  var isSettled: Bool { shared.queue.withLock { $0.work.isEmpty } }

  func check() throws {
    if let failure = shared.queue.withLock({ $0.failure }) { throw failure }
  }

  /// To be asked before anything is written.
  var unevaluatedSteps: [Int] { shared.recorder?.unevaluatedSteps ?? [] }

  /// To be asked before anything is written.
  func state(atStep step: Int) throws -> TrainingState {
    guard let recorder = shared.recorder else { preconditionFailure("the recorder has ended") }
    return try recorder.state(atStep: step)
  }

  func record(
    _ outcome: StepOutcome, state: TrainingState, seconds: Double, dataWait: Double,
    waitedFor: String?, workers: Int?
  ) -> StepRecord {
    let line = StepRecord(
      step: state.step, outcome, seconds: seconds, dataWait: dataWait, waitedFor: waitedFor,
      workers: workers)
    add(Work { try $0.record(line) })
    return line
  }

  func isCheckpointDue(atStep step: Int) -> Bool {
    // Of a disk that is behind no more is asked than must be.
    schedule.isDue(atStep: step) && shared.queue.withLock { $0.versions == 0 }
  }

  /// Never says that it is kept: who watches is told when it is.
  func writeCheckpoint(_ state: TrainingState) -> Bool {
    schedule.wrote(step: state.step)
    let observers = observers
    add(
      Work(isVersion: true) { recorder in
        guard try recorder.writeCheckpoint(state) else { return }
        observers.tell(.checkpoint(step: state.step))
      })
    return false
  }

  func recordEvaluation(
    step: Int, split: Split, measurements: Measurements
  ) -> EvaluationReport {
    let report = EvaluationReport(
      step: step, split: split, measurements: measurements, facts: facts)
    add(Work { try $0.record(report) })
    return report
  }

  func survey(beside present: TrainingState) -> Survey? {
    if !isSurveying {
      isSurveying = true
      let shared = shared
      // Behind all that was evaluated.
      add(
        Work { recorder in
          let survey = try recorder.survey(beside: present)
          shared.queue.withLock { $0.survey = survey }
        })
    }
    return shared.queue.withLock { $0.survey }
  }

  func finish(
    state: TrainingState, validation: EvaluationReport, test: EvaluationReport,
    activity: RunActivity?
  ) {
    add(
      Work {
        try $0.finish(state: state, validation: validation, test: test, activity: activity)
      })
  }
}
