// What one replica contributes to one step: the first of the three pure functions of a run.

import Autodiff
import Learning
import NeuralNetworks
import Tensors

/// Where the parts of a contribution lie in its flat vector: a gradient for each parameter, then a
/// batch statistic for each statistic, so a position means the same as in the values.
public struct ContributionLayout: Hashable, Sendable {
  /// The scalars of the gradient, which come first.
  public let gradientCount: Int
  /// The scalars of the batch statistics, which follow.
  public let statisticCount: Int

  /// The layout for a model.
  public init(of layout: ParameterLayout) {
    gradientCount = layout.parameterCount
    statisticCount = layout.statisticCount
  }

  var gradient: Range<Int> { 0..<gradientCount }
  var statistics: Range<Int> { gradientCount..<count }

  /// The scalars of the whole vector.
  public var count: Int { gradientCount + statisticCount }
}

/// The gradient and the batch statistics of one replica's mini-batch, as one flat vector.
public struct Contribution: Sendable {
  /// Where the parts lie.
  public let layout: ContributionLayout
  /// The parts, flat: `[layout.count]`.
  public let flat: Tensor

  /// A contribution from its flat vector.
  public init(layout: ContributionLayout, flat: Tensor) {
    precondition(flat.shape == [layout.count], "contribution: \(flat.shape) for \(layout.count)")
    self.layout = layout
    self.flat = flat
  }

  /// A contribution of its parts.
  init(layout: ContributionLayout, gradient: Tensor, statistics: Tensor) {
    self.init(
      layout: layout,
      flat: Tensor(shape: [layout.count]) { flat in
        func copy(_ scalars: UnsafeBufferPointer<Float>, to range: Range<Int>) {
          _ = UnsafeMutableBufferPointer(rebasing: flat[range]).initialize(from: scalars)
        }
        gradient.withScalars { copy($0, to: layout.gradient) }
        statistics.withScalars { copy($0, to: layout.statistics) }
      })
  }
}

/// What computing a replica yields: what moves the parameters, and apart from it what was measured.
public struct ReplicaResult: Sendable {
  /// The gradient and the batch statistics.
  public let contribution: Contribution
  /// A measurement of each of the task's metrics, the loss first.
  public let measurements: [Measurement]

  /// A result of the given parts.
  public init(_ contribution: Contribution, _ measurements: [Measurement]) {
    self.contribution = contribution
    self.measurements = measurements
  }
}

/// The samples of a replica's mini-batch.
///
/// - Parameters:
///   - step: the step, from 1.
///   - replica: the replica, from 0.
public func trainingDraw(
  of facts: TaskFacts, step: Int, replica: Int, experiment: Experiment
) -> Draw {
  let order = SampleOrder(
    sampleCount: facts.sampleCount(of: .training), replicas: experiment.replicas,
    batchSize: experiment.batchSize, seed: experiment.seed)
  return Draw(
    training: order.samples(step: step, replica: replica), seed: experiment.seed, step: step,
    replica: replica)
}

/// The mini-batch of a replica, which is the same whoever draws it, and when.
public func trainingBatch<Task: LearningTask>(
  of task: Task, step: Int, replica: Int, experiment: Experiment
) throws -> Task.Model.Batch {
  try task.batch(
    trainingDraw(of: task.facts, step: step, replica: replica, experiment: experiment))
}

/// `contribution(step, replica, parameters)`: the gradient of the loss of one replica's mini-batch.
///
/// Reads nothing but its arguments, so any process may compute it, any number of times.
///
/// - Parameters:
///   - batch: `trainingBatch` of the same step and replica.
///   - step: the step, from 1.
///   - replica: the replica, from 0.
///   - values: version `step - 1` of the values.
/// - Throws: a `TrainingError` if a metric other than the loss is not a number.
public func contribution<Task: LearningTask>(
  of task: Task, batch: Task.Model.Batch, step: Int, replica: Int, values: ParameterVector,
  experiment: Experiment, context: ComputeContext
) throws(TrainingError) -> ReplicaResult {
  let pass = ForwardPass(
    values, mode: .training(seed: experiment.seed, step: step, replica: replica), context: context,
    frozen: FrozenParameters(experiment.frozen))
  // What is measured is read before the gradient, which frees the values on the tape.
  let (loss, measurements) = measure(
    task.model.predict(batch, in: pass), of: task.model, batch, sampleCount: experiment.batchSize,
    in: pass)
  try require(measurements, of: task.facts.metrics)
  let gradient = pass.gradient(of: loss)
  return ReplicaResult(
    Contribution(
      layout: ContributionLayout(of: task.model.layout), gradient: gradient,
      statistics: pass.statistics()), measurements)
}

/// What is measured of one part of an evaluation.
///
/// - Parameters:
///   - part: which samples, as `TaskFacts.evaluationSamples(part:of:)` counts them.
///   - values: the version of the values that is evaluated.
///   - seed: the run's seed.
///   - observe: is given the samples, what was predicted of them, and what that was predicted from.
/// - Throws: what drawing the samples throws, or a `TrainingError` if a metric other than the loss
///   is not a number.
public func evaluation<Task: LearningTask>(
  of task: Task, split: Split, part: Int, values: ParameterVector, seed: UInt64,
  context: ComputeContext, observe: PredictionObserver<Task.Model> = { _, _, _ in }
) throws -> [Measurement] {
  let facts = task.facts
  let draw = Draw(
    evaluating: Array(facts.evaluationSamples(part: part, of: split)), of: split, seed: seed,
    part: part)
  let pass = ForwardPass(values, mode: .evaluation, context: context)
  let batch = try task.batch(draw)
  let prediction = task.model.predict(batch, in: pass)
  try observe(draw.samples, prediction, batch)
  let measurements = measure(
    prediction, of: task.model, batch, sampleCount: draw.samples.count, in: pass
  ).measurements
  try require(measurements, of: facts.metrics)
  return measurements
}

/// Who wants to see the predictions of an evaluation: samples, prediction and batch of each part.
public typealias PredictionObserver<Model: LearningModel> = (
  _ samples: [Int], _ prediction: Model.Prediction, _ batch: Model.Batch
) throws -> Void

/// The loss of a batch, and a measurement of each metric, the loss first.
func measure<Model: LearningModel>(
  _ prediction: Model.Prediction, of model: Model, _ batch: Model.Batch, sampleCount: Int,
  in pass: ForwardPass
) -> (loss: Variable, measurements: [Measurement]) {
  let loss = model.loss(of: prediction, for: batch, in: pass)
  let count = Double(sampleCount)
  return (
    loss,
    [Measurement(sum: Double(loss.value.item) * count, weight: count)]
      + model.measure(prediction, for: batch)
  )
}

/// Throws a `TrainingError` if a measurement other than the loss is none.
private func require(
  _ measurements: [Measurement], of metrics: [Metric]
) throws(TrainingError) {
  precondition(
    measurements.count == metrics.count,
    "\(measurements.count) measurements of the metrics \(metrics.map(\.path))")
  for (metric, measurement) in zip(metrics, measurements).dropFirst() where !measurement.isSound {
    throw TrainingError(
      """
      The metric \(metric.path) is \(measurement.sum) of \(measurement.weight), which is no \
      measurement: its sum must be a number and its weight must not be negative.
      """)
  }
}

/// What is measured of a whole split, summed part by part in their order, with a call after each.
public func evaluate<Task: LearningTask>(
  _ task: Task, split: Split, values: ParameterVector, seed: UInt64, context: ComputeContext,
  observe: PredictionObserver<Task.Model> = { _, _, _ in },
  progress: (_ part: Int, _ parts: Int) throws -> Void = { _, _ in }
) throws -> Measurements {
  let facts = task.facts
  var measurements = Measurements(of: facts.metrics)
  let parts = facts.evaluationPartCount(of: split)
  for part in 0..<parts {
    measurements.add(
      try evaluation(
        of: task, split: split, part: part, values: values, seed: seed, context: context,
        observe: observe))
    try progress(part + 1, parts)
  }
  return measurements
}
