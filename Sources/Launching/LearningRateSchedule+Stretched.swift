// A schedule for another number of steps.

import NeuralNetworks

extension LearningRateSchedule {
  /// The highest rate of any step.
  var highest: Double {
    switch self {
    case .constant(let rate), .warmUp(let rate, _), .doubling(_, _, let rate),
      .cosine(let rate, _, _, _), .cosineRestarts(let rate, _, _, _):
      rate
    }
  }

  /// The schedule of `steps` steps, made for another number of them, and with another highest rate
  /// if one is given.
  func stretched(from steps: Int, to newSteps: Int, highest: Double?) -> LearningRateSchedule {
    let stretch = Double(newSteps) / Double(steps)
    func scaled(_ warmUpSteps: Int) -> Int {
      min(max(0, newSteps - 1), Int((Double(warmUpSteps) * min(1, stretch)).rounded()))
    }
    switch self {
    case .constant(let rate): return .constant(rate: highest ?? rate)
    case .warmUp(let rate, let warmUpSteps):
      return .warmUp(rate: highest ?? rate, warmUpSteps: scaled(warmUpSteps))
    case .doubling(let start, let interval, let maximum):
      return .doubling(start: start, interval: interval, maximum: highest ?? maximum)
    case .cosine(let rate, let warmUpSteps, _, let finalFraction):
      return .cosine(
        rate: highest ?? rate, warmUpSteps: scaled(warmUpSteps), totalSteps: newSteps,
        finalFraction: finalFraction)
    case .cosineRestarts(let rate, let warmUpSteps, let cycles, let finalFraction):
      let ends = cycles.indices.map {
        Int((Double(cycles[...$0].reduce(0, +)) * stretch).rounded())
      }
      let stretched = zip(ends, [0] + ends).map { $0 - $1 }.filter { $0 > 0 }
      return .cosineRestarts(
        rate: highest ?? rate, warmUpSteps: min(scaled(warmUpSteps), stretched[0] - 1),
        cycles: stretched, finalFraction: finalFraction)
    }
  }
}
