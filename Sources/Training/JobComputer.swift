// Computes jobs of a task, in a worker or in a single process.

import Learning
import NeuralNetworks
import Tensors

/// What a job yields.
struct JobResult: Sendable {
  /// A measurement of each metric.
  var measurements: [Measurement]
  /// What moves the parameters; evaluations move nothing.
  var contribution: Contribution?
  /// The seconds that the computation waited for its mini-batch.
  var dataWait = 0.0
}

/// A task that is ready to compute jobs, with their mini-batches prepared ahead.
struct JobComputer {
  /// What is known of the task.
  let facts: TaskFacts
  private let body: (Job, ParameterVector) throws -> JobResult
  private let sampleFingerprint: () throws -> Digest

  /// Jobs of a task.
  init<Task: LearningTask>(of task: Task, experiment: Experiment, context: ComputeContext) {
    facts = task.facts
    let batches = BatchPreparation(of: task, experiment: experiment)
    body = { job, values in
      switch job {
      case .training(let step, let replica):
        let (batch, waited) = try batches.batch(step: step, replica: replica)
        let result = try contribution(
          of: task, batch: batch, step: step, replica: replica, values: values,
          experiment: experiment, context: context)
        return JobResult(
          measurements: result.measurements, contribution: result.contribution, dataWait: waited)
      case .evaluation(let lease):
        return JobResult(
          measurements: try evaluation(
            of: task, split: lease.split, part: lease.part, values: values, seed: experiment.seed,
            context: context))
      }
    }
    sampleFingerprint = {
      try Training.sampleFingerprint(of: task, experiment: experiment, context: context)
    }
  }

  /// Jobs that are answered without computing anything.
  init(of facts: TaskFacts, answering result: JobResult) {
    self.facts = facts
    body = { _, _ in result }
    sampleFingerprint = { Digest(rawValue: 0) }
  }

  /// Computes a job on a version of the values, flat.
  func compute(_ job: Job, values: Tensor) throws -> JobResult {
    try body(job, ParameterVector(layout: facts.layout, flat: values))
  }

  /// Throws a `TrainingError` if other samples are drawn here than the run learns from.
  ///
  /// - Parameter expected: the fingerprint of the run's; `nil` if that is not known.
  func requireSamples(_ expected: Digest?) throws {
    guard let expected else { return }
    let found = try sampleFingerprint()
    guard found != expected else { return }
    throw TrainingError(
      """
      This worker draws other data than the run learns from (\(found) instead of \(expected)). \
      Give it the same data set, unchanged, and the same release of Relate.
      """)
  }
}

/// A hash of what version 0 loses and is measured on a few samples of each split: whether two
/// processes draw the same data.
///
/// It takes a moment, and is taken before a run begins.
public func sampleFingerprint<Task: LearningTask>(
  of task: Task, experiment: Experiment, context: ComputeContext
) throws -> Digest {
  let facts = task.facts
  let values = ParameterVector(initializing: facts.layout, seed: experiment.seed)
  var measurements: [Measurement] = []
  for split in Split.allCases where facts.sampleCount(of: split) > 0 {
    let count = facts.sampleCount(of: split)
    let samples = Set([0, count / 3, count / 2, count - 1]).sorted()
    let draw =
      split == .training
      ? Draw(training: samples, seed: experiment.seed, step: 1, replica: 0)
      : Draw(evaluating: samples, of: split, seed: experiment.seed, part: 0)
    let pass = ForwardPass(values, mode: .evaluation, context: context)
    let batch = try task.batch(draw)
    measurements +=
      measure(
        task.model.predict(batch, in: pass), of: task.model, batch, sampleCount: samples.count,
        in: pass
      ).measurements
  }
  return Digest(of: measurements.encoded())
}
