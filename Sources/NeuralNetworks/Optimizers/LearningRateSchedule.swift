// How large each step is.

import Tensors

/// The learning rate as a function of the step.
///
/// As JSON a schedule is its name with its numbers: `{"constant":{"rate":0.0001}}`.
public enum LearningRateSchedule: Hashable, Codable, Sendable {
  /// The same rate at every step.
  case constant(rate: Double)

  /// A rate that grows in proportion to the step for `warmUpSteps`, and then stays.
  case warmUp(rate: Double, warmUpSteps: Int)

  /// A rate that is doubled every `interval` steps until it reaches `maximum`, as public
  /// re-implementations of the relation network on CLEVR raise theirs.
  case doubling(start: Double, interval: Int, maximum: Double)

  /// A rate that grows in proportion to the step for `warmUpSteps` and then falls along half a
  /// cosine, reaching `finalFraction` of its peak at `totalSteps` (Loshchilov & Hutter 2017).
  case cosine(rate: Double, warmUpSteps: Int, totalSteps: Int, finalFraction: Double)

  /// Several such falls one after another, each from the peak again: the warm restarts of the same
  /// paper (SGDR).
  ///
  /// `cycles` are the steps of each fall; the warm-up belongs to the first.
  case cosineRestarts(rate: Double, warmUpSteps: Int, cycles: [Int], finalFraction: Double)

  /// The rate of a step, counted from 1.
  public func rate(atStep step: Int) -> Float {
    require(step >= 1, "learning rate: step \(step), but steps count from 1")
    switch self {
    case .constant(let rate):
      return Float(rate)
    case .warmUp(let rate, let warmUpSteps):
      return Float(rate * Self.warmUpFraction(step, of: warmUpSteps))
    case .doubling(let start, let interval, let maximum):
      var rate = start
      // A rate cannot be doubled more often than a Double has exponents.
      for _ in 0..<min((step - 1) / max(interval, 1), 2100) where rate < maximum { rate *= 2 }
      return Float(min(rate, maximum))
    case .cosine(let rate, let warmUpSteps, let totalSteps, let finalFraction):
      if step <= warmUpSteps { return Float(rate * Self.warmUpFraction(step, of: warmUpSteps)) }
      let decaySteps = max(totalSteps - max(warmUpSteps, 0), 1)
      let progress = min(Double(step - max(warmUpSteps, 0)) / Double(decaySteps), 1)
      let fraction = finalFraction + (1 - finalFraction) * Self.halfCosine(progress)
      return Float(rate * fraction)
    case .cosineRestarts(let rate, let warmUpSteps, let cycles, let finalFraction):
      var stepInCycle = step
      var cycle = 0
      while cycle < cycles.count - 1, stepInCycle > cycles[cycle] {
        stepInCycle -= max(0, cycles[cycle])
        cycle += 1
      }
      let fall = Self.cosine(
        rate: rate, warmUpSteps: cycle == 0 ? warmUpSteps : 0,
        totalSteps: cycles.isEmpty ? 1 : cycles[cycle], finalFraction: finalFraction)
      return fall.rate(atStep: stepInCycle)
    }
  }

  /// Why this schedule cannot be trained with, in one sentence, or nil if it can.
  public var problem: String? {
    switch self {
    case .constant(let rate):
      return Self.problem(rate: rate)
    case .warmUp(let rate, let warmUpSteps):
      return Self.problem(rate: rate) ?? Self.problem(warmUpSteps: warmUpSteps)
    case .doubling(let start, let interval, let maximum):
      if interval < 1 {
        return "The learning rate's interval is \(interval); it must be at least one step."
      }
      if maximum < start {
        return "The learning rate starts at \(start), above its maximum of \(maximum)."
      }
      return Self.problem(rate: start) ?? Self.problem(rate: maximum)
    case .cosine(let rate, let warmUpSteps, let totalSteps, let finalFraction):
      if totalSteps <= warmUpSteps {
        return "The learning rate warms up for \(warmUpSteps) of \(totalSteps) steps; "
          + "leave some for the decay."
      }
      if !(0...1).contains(finalFraction) {
        return "The learning rate's final fraction is \(finalFraction); it must be in 0 ... 1."
      }
      return Self.problem(rate: rate) ?? Self.problem(warmUpSteps: warmUpSteps)
    case .cosineRestarts(let rate, let warmUpSteps, let cycles, let finalFraction):
      guard let first = cycles.first, cycles.allSatisfy({ $0 >= 1 }), cycles.count <= 1000 else {
        return "The learning rate has the cycles \(cycles); it needs 1 to 1000 of a step or more."
      }
      return Self.cosine(
        rate: rate, warmUpSteps: warmUpSteps, totalSteps: first, finalFraction: finalFraction
      ).problem
    }
  }

  private static func problem(rate: Double) -> String? {
    // It is used as a `Float`, where 1e39 is infinite.
    rate > 0 && Float(rate).isFinite
      ? nil : "The learning rate is \(rate); it must be positive and below 3e38."
  }

  private static func problem(warmUpSteps: Int) -> String? {
    warmUpSteps >= 0 ? nil : "The learning rate's warm-up has \(warmUpSteps) steps."
  }

  private static func warmUpFraction(_ step: Int, of warmUpSteps: Int) -> Double {
    step < warmUpSteps ? Double(step) / Double(warmUpSteps) : 1
  }

  /// `(1 + cos πx) / 2` for x from 0 to 1.
  ///
  /// The square of cos(πx / 2), by its power series: the C library's `cos` may round differently
  /// on another machine.
  private static func halfCosine(_ x: Double) -> Double {
    let square = (x * .pi / 2) * (x * .pi / 2)
    var cosine = 1.0
    for term in stride(from: 24, to: 0, by: -2) {
      cosine = 1 - cosine * square / Double(term * (term - 1))
    }
    return cosine * cosine
  }
}
