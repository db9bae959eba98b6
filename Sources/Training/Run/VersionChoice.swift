// Which of a run's versions is the one that is reported on.

import Learning

/// The rule by which the best of the evaluated versions is chosen, the only one that there is.
public struct VersionChoice: Sendable {
  private let facts: TaskFacts

  /// The choice by a task's selector.
  public init(by facts: TaskFacts) { self.facts = facts }

  /// The report of the best version: the best value of the selector, the earliest of equals.
  ///
  /// What is not a number is never better than what is. If nothing was measured of the selector,
  /// as without any validation samples, the latest version; `nil` if there is no report.
  public func best(of reports: some Sequence<EvaluationReport>) -> EvaluationReport? {
    var best: (report: EvaluationReport, value: Double)?
    var latest: EvaluationReport?
    for report in reports {
      if report.step > latest?.step ?? -1 { latest = report }
      guard let value = report.value(of: facts.selector), !value.isNaN else { continue }
      if let current = best, !isBetter(report, value, than: current) { continue }
      best = (report, value)
    }
    return best?.report ?? latest
  }

  private func isBetter(
    _ report: EvaluationReport, _ value: Double,
    than best: (report: EvaluationReport, value: Double)
  ) -> Bool {
    value == best.value
      ? report.step < best.report.step : facts.isBetter(value, than: best.value)
  }
}
