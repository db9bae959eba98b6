// Everything that fixes a run: the argument of the pure function that a run is.

import Foundation
import NeuralNetworks
import Tensors

/// Everything that fixes the bits of a run.
///
/// Two runs of one experiment are identical, on however many processes; what a run may vary in
/// (workers, threads, hosts, deadlines) is not in here.
public struct Experiment: Codable, Hashable, Sendable {
  /// The task and the model, as the papers' library describes them.
  public var task: JSONValue
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
    task: JSONValue, seed: UInt64, replicas: Int, batchSize: Int, steps: Int,
    learningRate: LearningRateSchedule, adam: AdamSettings = AdamSettings(),
    clipping: GradientClipping? = nil, evaluationInterval: Int, engine: MatrixEngine = .openblas,
    precision: Precision = .fp32
  ) {
    self.task = task
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

  /// What is wrong with the numbers, in one sentence; `nil` if nothing is.
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
    return learningRate.problem ?? adam.problem ?? clipping?.problem
  }
}
