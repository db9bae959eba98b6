// The thread of a worker that computes, so that its other thread can always answer.

import Dispatch
import Foundation
import Learning
import Messaging
import NeuralNetworks
import Synchronization
import Tensors

import struct Learning.Measurement

/// Builds the task of an experiment; given by the program, which knows the papers.
public typealias TaskBuilder = @Sendable (Experiment) throws -> any LearningTask

/// Computes one request after another on a thread of its own, and wakes the loop for each result.
final class ComputeThread: Sendable {
  enum Request: Sendable {
    /// With the fingerprint of the samples that the run learns from, if that is known.
    case prepare(Experiment, samples: Digest?)
    case compute(Job, values: Tensor)
    case end
  }

  enum Result: Sendable {
    case prepared(TaskFacts)
    case preparationFailed(String)
    case computed(Job, JobResult)
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

  private func serve(threads: ThreadPool, builder: TaskBuilder) {
    var current: (experiment: Experiment, jobs: JobComputer)?
    while true {
      available.wait()
      let request = queues.withLock { $0.requests.removeFirst() }
      let result: Result
      switch request {
      case .end: return
      case .prepare(let experiment, let samples):
        do {
          // A worker that joins the same experiment again keeps what it has built.
          let jobs =
            if let current, current.experiment == experiment {
              current.jobs
            } else if let trial = SynchronizationTrial(experiment) {
              trial.jobs
            } else {
              JobComputer(
                of: try builder(experiment), experiment: experiment,
                context: try ComputeContext(
                  threads: threads, engine: experiment.engine, precision: experiment.precision))
            }
          current = (experiment, jobs)
          try jobs.requireSamples(samples)
          result = .prepared(jobs.facts)
        } catch { result = .preparationFailed("\(error)") }
      case .compute(let job, let values):
        guard let current else { continue }
        do { result = .computed(job, try current.jobs.compute(job, values: values)) } catch {
          result = .computationFailed(job, "\(error)")
        }
      }
      queues.withLock { $0.results.append(result) }
      wakeup.signal()
    }
  }
}
