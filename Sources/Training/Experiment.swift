// Everything that fixes a run: the argument of the pure function that a run is.

import Foundation
import Learning
import NeuralNetworks
import Tensors

/// The version of another run whose values a run begins with.
public struct Origin: Codable, Hashable, Sendable {
  /// The hash of the values that are taken over.
  public var digest: Digest
  /// The step of the version in its run.
  public var step: Int
  /// The prefix of the names that are taken over; `nil` for all.
  public var prefix: String?

  /// An origin of the given parts.
  public init(digest: Digest, step: Int, prefix: String? = nil) {
    self.digest = digest
    self.step = step
    self.prefix = prefix
  }
}

/// Everything that fixes the bits of a run.
///
/// Two runs of one experiment are identical, on however many processes; what a run may vary in
/// (workers, threads, hosts, deadlines) is not in here.
public struct Experiment: Codable, Hashable, Sendable {
  /// The task and the model.
  public var task: TaskChoice
  /// The data set that is learnt from; `nil` for data that the task generates.
  public var data: DataSetIdentity?
  /// The version of another run that parameters begin with; `nil` begins anew.
  public var origin: Origin?
  /// The prefixes of the parameters that stay as they begin: `conv` for `conv.….weight`.
  public var frozen: [String]
  /// The key of everything random.
  public var seed: UInt64
  /// The number of mini-batches per step (the paper's workers).
  public var replicas: Int
  /// The samples of one replica's mini-batch.
  public var batchSize: Int
  /// The number of steps.
  public var steps: Int
  /// The learning rate of each step.
  public var learningRate: LearningRateSchedule
  /// Adam's constants.
  public var adam: AdamSettings
  /// How the mean gradient is clipped, if it is.
  public var clipping: GradientClipping?
  /// Steps between evaluations on the validation split; the last step is always evaluated.
  public var evaluationInterval: Int
  /// What multiplies matrices.
  public var engine: MatrixEngine
  /// What the operands of the large products are rounded to.
  public var precision: Precision

  /// An experiment of the given parts.
  public init(
    task: TaskChoice, data: DataSetIdentity? = nil, origin: Origin? = nil, frozen: [String] = [],
    seed: UInt64, replicas: Int, batchSize: Int, steps: Int,
    learningRate: LearningRateSchedule, adam: AdamSettings = AdamSettings(),
    clipping: GradientClipping? = nil, evaluationInterval: Int, engine: MatrixEngine = .openblas,
    precision: Precision = .fp32
  ) {
    self.task = task
    self.data = data
    self.origin = origin
    self.frozen = frozen
    self.seed = seed
    self.replicas = replicas
    self.batchSize = batchSize
    self.steps = steps
    self.learningRate = learningRate
    self.adam = adam
    self.clipping = clipping
    self.evaluationInterval = evaluationInterval
    self.engine = engine
    self.precision = precision
  }

  /// The experiment as JSON with its names in order, so that equal experiments are equal texts.
  public func canonicalJSON() -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do { return try encoder.encode(self) } catch {
      preconditionFailure("an experiment holds a number that JSON cannot: \(error)")
    }
  }

  /// A hash of the canonical JSON: which experiment a checkpoint belongs to.
  public func fingerprint() -> Digest { Digest(of: canonicalJSON()) }

  /// The engine and precision, under which processes exchange their numerics fingerprint.
  public var numericsKey: String { Numerics.key(engine, precision) }

  /// Whether version `step` of the values is evaluated on the validation split.
  public func evaluates(step: Int) -> Bool {
    step > 0 && (step % evaluationInterval == 0 || step == steps)
  }

  /// What is wrong with the numbers or does not fit together, in one sentence; `nil` if nothing is.
  public func problem() -> String? {
    let positive = [
      ("replicas", replicas), ("batch size", batchSize), ("steps", steps),
      ("evaluation interval", evaluationInterval),
    ]
    for (name, value) in positive where value < 1 {
      return "\(name) must be at least 1, not \(value)"
    }
    if replicas > 4096 { return "replicas must be at most 4096, not \(replicas)" }
    if batchSize > 65_536 { return "the batch size must be at most 65536, not \(batchSize)" }
    if steps > 1_000_000_000 { return "steps must be at most 1000000000, not \(steps)" }
    if clipping?.maximumNorm == .infinity {
      return "the greatest gradient norm must be a number; leave clipping out instead"
    }
    return learningRate.problem ?? adam.problem ?? clipping?.problem ?? scheduleProblem
      ?? partsProblem ?? data?.problem
  }

  /// Why the schedule is not for so many steps.
  private var scheduleProblem: String? {
    let made: Double
    switch learningRate {
    case .constant, .warmUp, .doubling: return nil
    case .cosine(_, _, let totalSteps, _): made = Double(totalSteps)
    // As numbers that cannot overflow: an experiment may come from anybody.
    case .cosineRestarts(_, _, let cycles, _): made = cycles.reduce(0) { $0 + Double($1) }
    }
    guard made != Double(steps) else { return nil }
    let wanted = made < 1e15 ? "\(Int(made))" : "\(made)"
    return """
      steps is \(steps), but the learning rate's schedule is made for \(wanted) steps; change one \
      of them
      """
  }

  /// Why the origin or what is frozen makes no sense.
  private var partsProblem: String? {
    if frozen.contains("") || origin?.prefix == "" {
      return "a prefix of parameters is empty; write the beginning of their names, such as conv"
    }
    if let twice = frozen.first(where: { prefix in frozen.filter { $0 == prefix }.count > 1 }) {
      return "\(twice) is named twice among what is frozen"
    }
    if let origin, origin.step < 0 { return "the origin's step is \(origin.step)" }
    return nil
  }
}

extension DataSetIdentity {
  /// Why nothing can be learnt from such data.
  fileprivate var problem: String? {
    let names = Split.allCases.map(\.rawValue)
    if let unknown = counts.keys.sorted().first(where: { !names.contains($0) }) {
      return "the data set \(name) has the split \(unknown); known are "
        + names.joined(separator: ", ")
    }
    if let negative = counts.sorted(by: { $0.key < $1.key }).first(where: { $0.value < 0 }) {
      return "the data set \(name) has \(negative.value) samples in \(negative.key)"
    }
    return sampleCount(of: .training) > 0
      ? nil : "the data set \(name) has no samples to train on"
  }
}
