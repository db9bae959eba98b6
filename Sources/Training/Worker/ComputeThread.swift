// The thread of a worker that computes, so that its other thread can always answer.

import Dispatch
import Foundation
import Messaging
import NeuralNetworks
import Synchronization
import Tensors

/// Builds the task of an experiment; given by the program, which knows the papers.
public typealias TaskBuilder = @Sendable (Experiment) throws -> any LearningTask

/// Computes one request after another on a thread of its own, and wakes the loop for each result.
final class ComputeThread: Sendable {
  enum Request: Sendable {
    case prepare(Experiment)
    case compute(Job, values: Tensor)
    case end
  }

  enum Result: Sendable {
    case prepared(ParameterLayout)
    case preparationFailed(String)
    /// With the seconds that the computation waited for its mini-batch.
    case computed(Job, Contribution, dataWait: Double)
    case computationFailed(Job, String)
  }

  private struct Queues {
    var requests: [Request] = []
    var results: [Result] = []
  }

  private let queues = Mutex(Queues())
  private let available = DispatchSemaphore(value: 0)
  private let wakeup: Wakeup

  init(threads: ThreadPool, builder: @escaping TaskBuilder, wakeup: Wakeup) {
    self.wakeup = wakeup
    let thread = Thread { [self] in serve(threads: threads, builder: builder) }
    thread.name = "compute"
    thread.stackSize = 16 << 20
    thread.start()
  }

  func submit(_ request: Request) {
    queues.withLock { $0.requests.append(request) }
    available.signal()
  }

  func takeResults() -> [Result] {
    queues.withLock { queues in
      defer { queues.results = [] }
      return queues.results
    }
  }

  /// What the thread computes jobs with, once it has built the task of an experiment.
  private struct Prepared {
    let experiment: Experiment
    let layout: ParameterLayout
    let compute: (Job, _ values: Tensor) throws -> (Contribution, waited: Double)
  }

  private func serve(threads: ThreadPool, builder: TaskBuilder) {
    var current: Prepared?
    while true {
      available.wait()
      let request = queues.withLock { $0.requests.removeFirst() }
      let result: Result
      switch request {
      case .end: return
      case .prepare(let experiment):
        do {
          // A worker that joins the same experiment again keeps what it has built.
          let built =
            if let current, current.experiment == experiment { current } else {
              Self.prepared(
                try builder(experiment), experiment: experiment,
                context: try ComputeContext(
                  threads: threads, engine: experiment.engine, precision: experiment.precision))
            }
          current = built
          result = .prepared(built.layout)
        } catch { result = .preparationFailed("\(error)") }
      case .compute(let job, let values):
        guard let current else { continue }
        do {
          let (contribution, waited) = try current.compute(job, values)
          result = .computed(job, contribution, dataWait: waited)
        } catch { result = .computationFailed(job, "\(error)") }
      }
      queues.withLock { $0.results.append(result) }
      wakeup.signal()
    }
  }

  /// Jobs of `task`, with their mini-batches prepared ahead.
  private static func prepared<Task: LearningTask>(
    _ task: Task, experiment: Experiment, context: ComputeContext
  ) -> Prepared {
    let layout = task.layout
    let batches = BatchPreparation(of: task, experiment: experiment)
    return Prepared(experiment: experiment, layout: layout) { job, flat in
      let values = ParameterVector(
        layout: layout, parameters: flat.window(from: 0, shape: [layout.parameterCount]),
        statistics: flat.window(from: layout.parameterCount, shape: [layout.statisticCount]))
      switch job {
      case .training(let step, let replica):
        let (batch, waited) = try batches.batch(step: step, replica: replica)
        let contribution = contribution(
          of: task, batch: batch, step: step, replica: replica, values: values,
          experiment: experiment, context: context)
        return (contribution, waited)
      case .evaluation(let lease):
        let contribution = try evaluation(
          of: task, split: lease.split, part: lease.part, values: values, context: context)
        return (contribution, 0)
      }
    }
  }
}
