// The Set Refiner Network: a set that is moved until it sums up to what was seen.

import Autodiff
import Learning
import NeuralNetworks
import Tensors

/// What an inner loop begins with, as far as the outer loss is concerned.
public enum RefinerStart: String, SettingChoice {
  case attached
  case detached

  /// "start of the refinement".
  public static let kind = "start of the refinement"

  /// Where the outer gradient goes.
  public var summary: String {
    switch self {
    case .attached: "The outer gradient passes into the first set, as Algorithm 1 reads."
    case .detached: "It does not: the first set is a constant, as in the authors' program."
    }
  }
}

/// How a set is refined.
public struct RefinerSettings: Codable, Hashable, Sendable {
  /// The inner steps, r, while training.
  public var steps = 5
  /// The inner steps in an evaluation.
  public var evaluationSteps = 5
  /// The size of an inner step, α.
  public var rate: Float = 0.1
  /// The share of the last inner step that the next one keeps; 0 in Algorithm 1, 0.5 in the
  /// authors' program.
  public var momentum: Float = 0
  /// What the loop begins with.
  public var start = RefinerStart.attached

  /// Throws unless the settings, which lie under a key, make sense.
  func check(_ key: String) throws(CatalogueError) {
    try requireRange(steps, 0...1_000, "\(key).steps")
    try requireRange(evaluationSteps, 0...1_000, "\(key).evaluationSteps")
    guard rate > 0, rate.isFinite else {
      throw CatalogueError("\(key).rate is \(rate); give a number above 0")
    }
    guard momentum >= 0, momentum < 1 else {
      throw CatalogueError("\(key).momentum is \(momentum); it must be at least 0 and below 1")
    }
  }

  /// The most steps that a pass takes.
  var mostSteps: Int { max(steps, evaluationSteps) }

  /// The inner loss before each step and after the last, and how far each step moves the set.
  var metrics: [Metric] {
    func metric(_ name: String, _ step: Int) -> Metric {
      Metric(MetricPath(["refiner", name, "\(step)"]), better: .lower, unit: .number)
    }
    return (0...mostSteps).map { metric("loss", $0) }
      + (0..<mostSteps).map { metric("moved", $0 + 1) }
  }
}

/// A set after its refinement.
public struct Refinement {
  /// The set.
  public let set: Variable
  /// The inner loss of each sample, summed up, before each step and, in an evaluation, after the
  /// last.
  let losses: [Measurement]
  /// How far each step moved the set of each sample, summed up.
  let movements: [Measurement]

  /// A measurement for each of the settings' metrics.
  func measurements(_ settings: RefinerSettings) -> [Measurement] {
    func filled(_ parts: [Measurement], _ count: Int) -> [Measurement] {
      parts + [Measurement](repeating: .nothing, count: count - parts.count)
    }
    return filled(losses, settings.mostSteps + 1) + filled(movements, settings.mostSteps)
  }
}

/// The Set Refiner Network (Huang and others 2020, Algorithm 1).
///
///     L(S) = ‖H_agg(S) − z‖²,   Sᵢ = Sᵢ₋₁ − α ∂L/∂Sᵢ₋₁,   i = 1 … r
///
/// A set S₀ that was seen at once is moved by gradient descent until it sums up to z, which was
/// seen of the same input as a whole. The loop is differentiated, so what is around it learns
/// what is good to be refined. What sums up is said by whoever refines; samples do not
/// mix, so the loss of a batch is the sum of its samples'.
public struct SetRefiner: Sendable {
  /// How it refines.
  public let settings: RefinerSettings

  /// A refiner with settings that make sense.
  public init(_ settings: RefinerSettings) { self.settings = settings }

  /// Refines `start`, `[batch, …]`, towards `target`, `[batch, features]`; `summary` is H_agg, from
  /// a set to `[batch, features]`.
  public func callAsFunction(
    _ start: Variable, towards target: Variable, in pass: ForwardPass,
    summary: (Variable) -> Variable
  ) -> Refinement {
    let recording = pass.isTraining
    var set = settings.start == .detached ? start.detached : start
    var velocity: Variable?
    var (losses, movements): ([Measurement], [Measurement]) = ([], [])
    for _ in 0..<(recording ? settings.steps : settings.evaluationSteps) {
      set = set.innerStep(recording: recording) { set in
        let distances = summary(set).squaredDistances(to: target)
        losses.append(measurement(of: distances.value))
        let slope = gradient(of: distances.sum(), withRespectTo: [set], recording: recording)[0]
        let step = velocity.map { $0 * settings.momentum + slope } ?? slope
        if settings.momentum > 0 { velocity = recording ? step : step.detached }
        movements.append(lengths(of: step.value))
        return set - settings.rate * step
      }
    }
    if !recording {
      losses.append(measurement(of: summary(set.detached).squaredDistances(to: target).value))
    }
    return Refinement(set: set, losses: losses, movements: movements)
  }

  private func measurement(of samples: Tensor) -> Measurement {
    samples.withScalars { scalars in
      scalars.reduce(.nothing) { $0 + Measurement(sum: Double($1), weight: 1) }
    }
  }

  /// How far a step of each sample goes, as a Euclidean length.
  private func lengths(of step: Tensor) -> Measurement {
    let batch = step.shape[0]
    let extent = step.count / max(batch, 1)
    return step.withScalars { scalars in
      (0..<batch).reduce(.nothing) { sum, sample in
        let squares = scalars[sample * extent..<(sample + 1) * extent].reduce(0.0) {
          $0 + Double($1) * Double($1)
        }
        return sum + Measurement(sum: Double(settings.rate) * squares.squareRoot(), weight: 1)
      }
    }
  }
}

extension Variable {
  /// The squared Euclidean distance of each row to the same row of another: `[batch, features]` to
  /// `[batch]`.
  fileprivate func squaredDistances(to other: Variable) -> Variable {
    let difference = self - other
    return (difference * difference).sum(axes: [1])
  }
}
