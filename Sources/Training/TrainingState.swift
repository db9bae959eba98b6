// The values of a run and how a step changes them: the other two pure functions of a run.

import NeuralNetworks
import Tensors

/// Why a run cannot go on.
public struct TrainingError: Error, CustomStringConvertible, Sendable {
  /// What happened and what to do, in a sentence or two.
  public let description: String

  /// An error with the given sentence.
  public init(_ description: String) { self.description = description }
}

/// `reduce`: the mean of the contributions, summed in replica order whoever computed what, and the
/// first position where it is not finite.
func reduce(_ contributions: [Contribution]) -> (mean: Tensor, firstNotFinite: Int?) {
  var firstNotFinite: Int?
  let mean = Tensor(shape: [contributions[0].layout.count]) { mean in
    /// All contributions are read in one pass, so all their pointers have to be valid at once.
    func open(_ index: Int, _ opened: [UnsafeBufferPointer<Float>]) {
      guard index < contributions.count else {
        firstNotFinite = Kernels.mean(of: opened, into: mean)
        return
      }
      contributions[index].flat.withScalars { open(index + 1, opened + [$0]) }
    }
    open(0, [])
  }
  return (mean, firstNotFinite)
}

/// What a step did.
public struct StepOutcome: Sendable {
  /// The tally of all mini-batches of the step.
  public let tally: Tally
  /// The learning rate that was applied.
  public let learningRate: Float
  /// The digest of the values after the step.
  public let digest: Digest
}

/// Everything that a step changes. Version 0 is the initial state, step s makes version s.
public struct TrainingState: Sendable {
  /// The number of steps applied.
  public private(set) var step: Int
  /// The parameters and statistics.
  public private(set) var values: ParameterVector
  /// Adam's moments.
  public private(set) var moments: AdamMoments
  /// The digest of all versions up to this one.
  public private(set) var digest: Digest

  /// Version 0 for a seed.
  public init(layout: ParameterLayout, seed: UInt64) {
    step = 0
    values = ParameterVector(initializing: layout, seed: seed)
    moments = AdamMoments(count: layout.parameterCount)
    digest = Digest(rawValue: 0).extended(by: values.parameters, values.statistics)
  }

  /// A state read from a checkpoint.
  init(step: Int, values: ParameterVector, moments: AdamMoments, digest: Digest) {
    self.step = step
    self.values = values
    self.moments = moments
    self.digest = digest
  }

  /// `reduce` and `update`: sums the contributions in replica order, applies Adam, folds the
  /// statistics in and extends the digest.
  ///
  /// - Parameter contributions: one for each replica, in replica order.
  /// - Throws: `TrainingError` if a contribution is not finite; the state is then unchanged.
  public mutating func apply(
    _ contributions: [Contribution], of experiment: Experiment
  ) throws(TrainingError) -> StepOutcome {
    let layout = contributions[0].layout
    var (mean, firstNotFinite) = reduce(contributions)
    if let position = firstNotFinite {
      throw notFinite(position, in: contributions, layout: layout)
    }
    let next = step + 1
    let rate = experiment.learningRate.rate(atStep: next)
    if let clipping = experiment.clipping { clip(&mean, layout.gradient, by: clipping) }
    AdamStep(next, learningRate: rate, settings: experiment.adam).update(
      &values.parameters, moments: &moments, in: layout.gradient,
      gradient: mean.window(from: 0, shape: [layout.gradientCount]))
    values.fold(
      statistics: mean.window(from: layout.gradientCount, shape: [layout.statisticCount]))
    digest = digest.extended(by: values.parameters, values.statistics)
    step = next
    var tally = Tally(categoryCount: layout.categoryCount)
    for contribution in contributions { tally.add(contribution.tally) }
    return StepOutcome(tally: tally, learningRate: rate, digest: digest)
  }

  private func clip(_ mean: inout Tensor, _ range: Range<Int>, by clipping: GradientClipping) {
    let norm = GlobalNorm.norm(of: mean.window(from: range.lowerBound, shape: [range.count]))
    let coefficient = clipping.coefficient(forNorm: norm)
    guard coefficient < 1 else { return }
    mean.withMutableScalars { scalars in
      for i in range { scalars[i] *= coefficient }
    }
  }

  private func notFinite(
    _ position: Int, in contributions: [Contribution], layout: ContributionLayout
  ) -> TrainingError {
    let replica = contributions.firstIndex { contribution in
      !contribution.flat.withScalars { $0[position].isFinite }
    }
    let what: String
    if layout.gradient.contains(position) {
      let name = values.layout.parameter(at: position)?.name ?? "position \(position)"
      what = "The gradient of \(name)"
    } else if layout.statistics.contains(position) {
      what = "A batch statistic"
    } else {
      what = "The loss"
    }
    let who = replica.map { "replica \($0)" } ?? "the sum over all replicas"
    return TrainingError(
      """
      \(what) of \(who) is not finite at step \(step + 1). Training stops here; the last \
      checkpoint is from before. A lower learning rate or --clip-norm 1 usually prevents this.
      """)
  }
}
