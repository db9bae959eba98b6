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
    case computed(Job, Contribution)
    case computationFailed(Job, String)
  }

  private struct Queues {
    var requests: [Request] = []
    var results: [Result] = []
  }

  private let queues = Mutex(Queues())
  private let available = DispatchSemaphore(value: 0)
  private let wakeup: Wakeup

  init(context: ComputeContext, builder: @escaping TaskBuilder, wakeup: Wakeup) {
    self.wakeup = wakeup
    let thread = Thread { [self] in serve(context: context, builder: builder) }
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

  private func serve(context: ComputeContext, builder: TaskBuilder) {
    var current: (experiment: Experiment, task: any LearningTask, context: ComputeContext)?
    while true {
      available.wait()
      let request = queues.withLock { $0.requests.removeFirst() }
      let result: Result
      switch request {
      case .end: return
      case .prepare(let experiment):
        do {
          // A worker that joins the same experiment again keeps what it has built.
          if current?.experiment != experiment {
            current = (
              experiment, try builder(experiment),
              try context.computing(with: experiment.engine, in: experiment.precision)
            )
          }
          guard let current else { continue }
          result = .prepared(current.task.layout)
        } catch { result = .preparationFailed("\(error)") }
      case .compute(let job, let values):
        guard let current else { continue }
        do {
          result = .computed(
            job,
            try Self.compute(
              job, of: current.task, flat: values, experiment: current.experiment,
              context: current.context))
        } catch { result = .computationFailed(job, "\(error)") }
      }
      queues.withLock { $0.results.append(result) }
      wakeup.signal()
    }
  }

  private static func compute(
    _ job: Job, of task: some LearningTask, flat: Tensor, experiment: Experiment,
    context: ComputeContext
  ) throws -> Contribution {
    let layout = task.layout
    let values = ParameterVector(
      layout: layout, parameters: flat.window(from: 0, shape: [layout.parameterCount]),
      statistics: flat.window(from: layout.parameterCount, shape: [layout.statisticCount]))
    switch job {
    case .training(let step, let replica):
      return try contribution(
        of: task, step: step, replica: replica, values: values, experiment: experiment,
        context: context)
    case .evaluation(let lease):
      return try evaluation(
        of: task, split: lease.split, part: lease.part, values: values, context: context)
    }
  }
}
