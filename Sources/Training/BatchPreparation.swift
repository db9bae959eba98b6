// Prepares a mini-batch while the one before it is computed, on a thread of its own.

import Foundation
import Learning
import NeuralNetworks

/// The mini-batches of a run, each drawn ahead of its time whenever it could be foreseen.
///
/// Holds at most one batch ahead. A batch is a function of its step and replica, so it does not
/// matter who drew it: what was not foreseen is drawn when it is asked for, and costs only time.
final class BatchPreparation<Task: LearningTask>: Sendable {
  /// The preparation of batches of `experiment` for `task`; its thread ends when it is released.
  init(of task: Task, experiment: Experiment) {
    let shared = Shared(task: task, experiment: experiment)
    self.shared = shared
    let thread = Thread { shared.serve() }
    thread.name = "batches"
    thread.stackSize = 8 << 20
    thread.start()
  }

  deinit { shared.stop() }

  /// The batch of a replica, and how many seconds passed until it was there; what will probably be
  /// asked for next is begun behind it.
  ///
  /// To be called by one thread. Throws what drawing the batch throws.
  func batch(step: Int, replica: Int) throws -> (batch: Task.Model.Batch, waited: Double) {
    let start = ContinuousClock.now
    let wanted = MiniBatch(step: step, replica: replica)
    let batch = try shared.take(wanted) ?? shared.draw(wanted)
    // Before the thread is woken, which on a busy processor may run at once in place of this one.
    let waited = start.duration(to: .now).seconds
    shared.prepareWhatFollows(wanted)
    return (batch, waited)
  }

  private let shared: Shared

  /// What the two threads share; the preparing one keeps it until it ends.
  ///
  /// `@unchecked Sendable`: the variables are read and written under `condition`.
  private final class Shared: @unchecked Sendable {
    private let task: Task
    private let experiment: Experiment
    private let condition = NSCondition()
    private var forecast: BatchForecast
    /// What the thread is to begin next.
    private var requested: MiniBatch?
    private var inProgress: MiniBatch?
    private var prepared: (number: MiniBatch, result: Result<Task.Model.Batch, any Error>)?
    private var isStopped = false

    init(task: Task, experiment: Experiment) {
      self.task = task
      self.experiment = experiment
      forecast = BatchForecast(replicas: experiment.replicas, steps: experiment.steps)
    }

    func draw(_ number: MiniBatch) throws -> Task.Model.Batch {
      try trainingBatch(
        of: task, step: number.step, replica: number.replica, experiment: experiment)
    }

    /// The batch if it is prepared, as soon as it is if it has been begun; nil if it has not.
    func take(_ wanted: MiniBatch) throws -> Task.Model.Batch? {
      condition.lock()
      defer { condition.unlock() }
      // Whoever asks draws what has not been begun; waiting for a thread that is busy with a wrong
      // guess could take twice as long.
      requested = nil
      while inProgress == wanted { condition.wait() }
      defer { prepared = nil }
      guard let prepared, prepared.number == wanted else { return nil }
      return try prepared.result.get()
    }

    func prepareWhatFollows(_ current: MiniBatch) {
      condition.lock()
      defer { condition.unlock() }
      let next = forecast.next(after: current)
      guard let next, prepared?.number != next, inProgress != next else { return }
      prepared = nil
      requested = next
      condition.signal()
    }

    func serve() {
      condition.lock()
      while !isStopped {
        guard let number = requested else {
          condition.wait()
          continue
        }
        requested = nil
        inProgress = number
        condition.unlock()
        let result = Result { try draw(number) }
        condition.lock()
        inProgress = nil
        // Somebody who asked for another one in the meantime has no use for this one.
        if requested == nil { prepared = (number, result) }
        condition.broadcast()
      }
      condition.unlock()
    }

    func stop() {
      condition.lock()
      isStopped = true
      condition.broadcast()
      condition.unlock()
    }
  }
}

/// The number of a mini-batch.
struct MiniBatch: Hashable, Sendable {
  /// The step, from 1.
  var step: Int
  /// The replica, from 0.
  var replica: Int
}

/// Foresees which mini-batch is asked for after another, from what was asked for before.
struct BatchForecast: Sendable {
  private let replicas: Int
  private let steps: Int
  private var last: MiniBatch?
  /// What followed each replica last time, and whether that was in the step after its own.
  private var followers: [Int: (replica: Int, isInNextStep: Bool)] = [:]

  /// A forecast for a run of so many replicas and steps.
  init(replicas: Int, steps: Int) {
    self.replicas = replicas
    self.steps = steps
  }

  /// Notes that `current` is asked for; what will probably come after it, if anything will.
  mutating func next(after current: MiniBatch) -> MiniBatch? {
    if let last {
      // What follows a rollback or a pause says nothing about the usual order.
      let isUsual = (last.step...last.step + 1).contains(current.step) && current != last
      if isUsual { followers[last.replica] = (current.replica, current.step > last.step) }
    }
    last = current
    // Who has not asked for anything twice probably computes all replicas in their order.
    let follower =
      followers[current.replica]
      ?? ((current.replica + 1) % replicas, current.replica + 1 == replicas)
    let step = current.step + (follower.isInNextStep ? 1 : 0)
    return step <= steps ? MiniBatch(step: step, replica: follower.replica) : nil
  }
}
