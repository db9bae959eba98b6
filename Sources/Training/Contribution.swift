// What one replica contributes to one step: the first of the three pure functions of a run.

import Autodiff
import NeuralNetworks
import Tensors

/// Where the parts of a contribution lie in its flat vector.
public struct ContributionLayout: Hashable, Sendable {
  /// The scalars of the gradient, which come first.
  public let gradientCount: Int
  /// The scalars of the batch statistics, which follow.
  public let statisticCount: Int
  /// The number of categories; loss, right answers and samples of each category come last.
  public let categoryCount: Int

  /// The layout for a model's gradient and a task's categories.
  public init(of layout: ParameterLayout, categoryCount: Int) {
    gradientCount = layout.parameterCount
    statisticCount = layout.statisticCount
    self.categoryCount = categoryCount
  }

  /// The layout of an evaluation's results: a contribution without gradient and statistics.
  public init(evaluatingCategories categoryCount: Int) {
    gradientCount = 0
    statisticCount = 0
    self.categoryCount = categoryCount
  }

  var gradient: Range<Int> { 0..<gradientCount }
  var statistics: Range<Int> { gradientCount..<gradientCount + statisticCount }
  var tally: Range<Int> { gradientCount + statisticCount..<count }

  /// The scalars of the whole vector.
  public var count: Int { gradientCount + statisticCount + 1 + 2 * categoryCount }
}

/// How a model did on some samples.
public struct Tally: Hashable, Sendable {
  /// The sum of the losses of all samples.
  public var lossSum: Double
  /// The right answers of each category.
  public var correct: [Int]
  /// The samples of each category.
  public var counted: [Int]

  /// A tally of nothing.
  public init(categoryCount: Int) {
    lossSum = 0
    correct = Array(repeating: 0, count: categoryCount)
    counted = Array(repeating: 0, count: categoryCount)
  }

  /// The tally of a batch.
  init(_ outcome: Outcome) {
    counted = outcome.counted
    correct = outcome.correct
    lossSum = Double(outcome.loss.value.item) * Double(counted.reduce(0, +))
  }

  /// Adds the tally of other samples.
  ///
  /// Order matters to the last bit of the loss.
  public mutating func add(_ other: Tally) {
    lossSum += other.lossSum
    for category in correct.indices {
      correct[category] += other.correct[category]
      counted[category] += other.counted[category]
    }
  }

  /// The number of samples.
  public var sampleCount: Int { counted.reduce(0, +) }

  /// The mean loss; 0 for no samples.
  public var loss: Double { sampleCount == 0 ? 0 : lossSum / Double(sampleCount) }

  /// The share of right answers, from 0 to 1; 0 for no samples.
  public var accuracy: Double {
    sampleCount == 0 ? 0 : Double(correct.reduce(0, +)) / Double(sampleCount)
  }

  /// The scalars that travel: the loss sum, the right answers, the samples.
  var scalars: [Float] { [Float(lossSum)] + correct.map(Float.init) + counted.map(Float.init) }

  /// A tally from its scalars, which may come from anywhere: what is no count reads as 0.
  init(scalars: some RandomAccessCollection<Float>) {
    let values = Array(scalars)
    let categoryCount = (values.count - 1) / 2
    func count(_ value: Float) -> Int { value >= 0 && value < 0x1p31 ? Int(value) : 0 }
    lossSum = Double(values[0])
    correct = values[1..<1 + categoryCount].map(count)
    counted = values[(1 + categoryCount)...].map(count)
  }
}

/// The gradient, batch statistics and tally of one replica's mini-batch, as one flat vector.
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
  init(layout: ContributionLayout, gradient: Tensor, statistics: Tensor, tally: Tally) {
    self.init(
      layout: layout,
      flat: Tensor(shape: [layout.count]) { flat in
        func copy(_ scalars: UnsafeBufferPointer<Float>, to range: Range<Int>) {
          _ = UnsafeMutableBufferPointer(rebasing: flat[range]).initialize(from: scalars)
        }
        gradient.withScalars { copy($0, to: layout.gradient) }
        statistics.withScalars { copy($0, to: layout.statistics) }
        tally.scalars.withUnsafeBufferPointer { copy($0, to: layout.tally) }
      })
  }

  /// How the model did on the mini-batch.
  public var tally: Tally {
    flat.withScalars { Tally(scalars: UnsafeBufferPointer(rebasing: $0[layout.tally])) }
  }
}

/// The mini-batch of a replica, which is the same whoever draws it, and when.
///
/// - Parameters:
///   - step: the step, from 1.
///   - replica: the replica, from 0.
public func trainingBatch<Task: LearningTask>(
  of task: Task, step: Int, replica: Int, experiment: Experiment
) throws -> Task.Batch {
  let order = SampleOrder(
    sampleCount: task.sampleCount(of: .training), replicas: experiment.replicas,
    batchSize: experiment.batchSize, seed: experiment.seed)
  return try task.batch(of: order.samples(step: step, replica: replica), in: .training)
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
public func contribution<Task: LearningTask>(
  of task: Task, batch: Task.Batch, step: Int, replica: Int, values: ParameterVector,
  experiment: Experiment, context: ComputeContext
) -> Contribution {
  let pass = ForwardPass(
    values, mode: .training(seed: experiment.seed, step: step, replica: replica), context: context)
  let outcome = task.forward(batch, in: pass)
  return Contribution(
    layout: ContributionLayout(of: task.layout, categoryCount: task.categories.count),
    gradient: pass.gradient(of: outcome.loss), statistics: pass.statistics(),
    tally: Tally(outcome))
}

/// The tally of one part of an evaluation, as a contribution without gradient.
///
/// - Parameters:
///   - part: which samples: `part * evaluationPartSize` and those that follow.
///   - values: the version of the values that is evaluated.
public func evaluation<Task: LearningTask>(
  of task: Task, split: Split, part: Int, values: ParameterVector, context: ComputeContext
) throws -> Contribution {
  let samples = evaluationSamples(part: part, of: task.sampleCount(of: split))
  let pass = ForwardPass(
    values, mode: .evaluation, context: context, recordingGradients: false)
  let outcome = task.forward(try task.batch(of: Array(samples), in: split), in: pass)
  let empty = Tensor.zeros([0])
  return Contribution(
    layout: ContributionLayout(evaluatingCategories: task.categories.count), gradient: empty,
    statistics: empty, tally: Tally(outcome))
}

/// The samples that are evaluated together: few enough to fit between two steps.
public let evaluationPartSize = 200

/// The samples of one part of an evaluation.
func evaluationSamples(part: Int, of sampleCount: Int) -> Range<Int> {
  let start = min(part * evaluationPartSize, sampleCount)
  return start..<min(start + evaluationPartSize, sampleCount)
}

/// The number of parts of an evaluation.
public func evaluationPartCount(of sampleCount: Int) -> Int {
  (sampleCount + evaluationPartSize - 1) / evaluationPartSize
}
