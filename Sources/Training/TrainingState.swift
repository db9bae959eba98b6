// The values of a run and how a step changes them: the other two pure functions of a run.

import Learning
import NeuralNetworks
import Tensors

/// Why a run cannot go on.
public struct TrainingError: Error, CustomStringConvertible, Sendable {
  /// What happened and what to do, in a sentence or two.
  public let description: String

  /// An error with the given sentence.
  public init(_ description: String) { self.description = description }
}

/// A number of a run is not finite any more: a loss, a gradient, a batch statistic.
struct Divergence: Error, CustomStringConvertible {
  /// What is not finite, whose, and at which step.
  let finding: String
  /// The replica whose number it is, if it is one's.
  let replica: Int?

  init(_ what: String, of who: Source, step: Int) {
    finding = "\(what) of \(who.name) is not finite at step \(step)."
    replica = if case .replica(let replica) = who { replica } else { nil }
  }

  /// The finding, and what helps.
  var description: String {
    """
    \(finding) Training stops here; the last checkpoint is from before. A lower learning rate or \
    --clip-norm 1 usually prevents this.
    """
  }

  /// Whose number it is.
  enum Source {
    case replica(Int)
    /// The sum of finite numbers is not finite.
    case sumOverReplicas
    case split(Split)

    var name: String {
      switch self {
      case .replica(let replica): "replica \(replica)"
      case .sumOverReplicas: "the sum over all replicas"
      case .split(let split): "the \(split.rawValue) split"
      }
    }
  }
}

/// What a step did.
public struct StepOutcome: Sendable {
  /// What was measured of all mini-batches of the step.
  public let measurements: Measurements
  /// The learning rate that was applied.
  public let learningRate: Float
  /// The digest of the values after the step.
  public let digest: Digest
}

/// Everything that a step changes.
///
/// Version 0 is the initial state, step s makes version s.
public struct TrainingState: Sendable {
  /// The number of steps applied.
  public private(set) var step: Int
  /// The digest of all versions up to this one: the hash of the hashes of its chunks, in order,
  /// chained onto the digest of the version before.
  public private(set) var digest: Digest
  /// The hash of each chunk of the values; empty while they are not known.
  private(set) var hashes: [UInt64] = []
  /// The values and moments, cut into one slice or several: no bit depends on it.
  private(set) var slices: [Slice]
  private let layout: ParameterLayout

  /// Version 0 of an experiment.
  ///
  /// - Parameter origin: the version that `experiment.origin` names; not looked at without one.
  /// - Throws: if the experiment's prefixes do not fit the model, or the origin is missing or
  ///   another than the experiment's.
  public init(
    _ experiment: Experiment, layout: ParameterLayout, origin: ParameterVector? = nil
  ) throws(TrainingError) {
    _ = try Trained(of: layout, frozen: experiment.frozen)
    var values = ParameterVector(initializing: layout, seed: experiment.seed)
    if let named = experiment.origin { try values.take(named, from: origin) }
    self.init(
      step: 0, values: values, moments: AdamMoments(count: layout.parameterCount),
      digest: Digest(rawValue: 0))
    hashes = slices.flatMap { $0.hashes() }
    digest = digest.extended(byHashes: hashes)
  }

  /// A state read from a checkpoint.
  init(step: Int, values: ParameterVector, moments: AdamMoments, digest: Digest) {
    self.step = step
    self.digest = digest
    layout = values.layout
    let chunks = 0..<Slice.chunking(of: layout).chunkCount
    slices = [Slice(chunks, of: layout, values: values.flat, moments: moments)]
  }

  /// The parameters and statistics, flat, without copying unless they are cut.
  var flat: Tensor { Self.joined(slices.map(\.values)) }

  /// The parameters and statistics.
  public var values: ParameterVector { ParameterVector(layout: layout, flat: flat) }

  /// Adam's moments.
  public var moments: AdamMoments {
    AdamMoments(
      first: Self.joined(slices.map(\.moments.first)),
      second: Self.joined(slices.map(\.moments.second)))
  }

  /// The same state in so many slices, as equal as chunks allow.
  func cut(into count: Int) -> TrainingState {
    let chunkCount = Slice.chunking(of: layout).chunkCount
    let (flat, moments) = (flat, moments)
    var state = self
    state.slices = (0..<count).map { index in
      Slice(
        index * chunkCount / count..<(index + 1) * chunkCount / count, of: layout, values: flat,
        moments: moments)
    }.filter { !$0.chunks.isEmpty }
    return state
  }

  private static func joined(_ parts: [Tensor]) -> Tensor {
    guard parts.count > 1 else { return parts[0] }
    return Tensor(shape: [parts.reduce(0) { $0 + $1.count }]) { whole in
      var start = 0
      for part in parts {
        let target = UnsafeMutableBufferPointer(rebasing: whole[start..<start + part.count])
        part.withScalars { _ = target.initialize(from: $0) }
        start += part.count
      }
    }
  }

  /// `reduce` and `update`: sums the contributions in replica order, applies Adam, folds the
  /// statistics in and extends the digest.
  ///
  /// - Parameters:
  ///   - results: one for each replica, in replica order.
  ///   - metrics: what was measured.
  ///   - summed: is called between `reduce` and `update`.
  /// - Throws: `Divergence` if a contribution or a loss is not finite; the state is then unchanged.
  public mutating func apply(
    _ results: [ReplicaResult], of experiment: Experiment, metrics: [Metric],
    summed: () -> Void = {}
  ) throws -> StepOutcome {
    let next = step + 1
    let measurements = try sum(results.map(\.measurements), of: metrics, step: next)
    let contributions = results.map(\.contribution)
    let trained = try Trained(of: layout, frozen: experiment.frozen)
    for index in slices.indices {
      let range = slices[index].range
      let parts = contributions.map {
        $0.flat.window(from: range.lowerBound, shape: [range.count])
      }
      if let position = slices[index].reduce(parts, trained) {
        throw notFinite(position, in: contributions)
      }
    }
    summed()
    let rate = experiment.learningRate.rate(atStep: next)
    let update = AdamStep(next, learningRate: rate, settings: experiment.adam)
    let coefficient = experiment.clipping.map { clipping in
      let squares = slices.flatMap { $0.squares() }
      return clipping.coefficient(forNorm: GlobalNorm.norm(fromSquares: squares))
    }
    hashes = []
    for index in slices.indices {
      hashes += slices[index].apply(update, coefficient: coefficient ?? 1, trained)
    }
    digest = digest.extended(byHashes: hashes)
    step = next
    return StepOutcome(measurements: measurements, learningRate: rate, digest: digest)
  }

  private func notFinite(_ position: Int, in contributions: [Contribution]) -> Divergence {
    let replica = contributions.firstIndex { contribution in
      !contribution.flat.withScalars { $0[position].isFinite }
    }
    let name = layout.parameter(at: position)?.name
    return Divergence(
      name.map { "The gradient of \($0)" } ?? "A batch statistic",
      of: replica.map { .replica($0) } ?? .sumOverReplicas, step: step + 1)
  }
}

/// What was measured in a step, summed in replica order.
///
/// Throws if the loss of a replica is not finite: nothing else tells that a model has gone astray
/// before its gradients do.
func sum(
  _ replicas: [[Measurement]], of metrics: [Metric], step: Int
) throws(Divergence) -> Measurements {
  if let replica = replicas.firstIndex(where: { !$0[0].sum.isFinite }) {
    throw Divergence("The loss", of: .replica(replica), step: step)
  }
  var sum = Measurements(of: metrics)
  for measurements in replicas { sum.add(measurements) }
  return sum
}
