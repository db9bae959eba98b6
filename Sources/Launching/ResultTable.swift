// Results as a table for people.

import Foundation
import Learning
import Training

extension EvaluationReport {
  /// All metrics as a table, parents before their parts, beside what the baselines reach; then what
  /// follows from them.
  func table(of facts: TaskFacts) -> String {
    let names = baselines.keys.sorted()
    var rows = [["", "result"] + names + ["samples"]]
    let shown =
      Measurements(of: facts.metrics).rows.map { ($0.path, $0.unit) }
      + facts.derived.map { ($0.path, $0.unit) }
    for (metric, unit) in shown {
      guard let value = value(of: metric) else { continue }
      let path = metric.description
      let name = metric.names[metric.names.count - 1].replacing("_", with: "-")
      rows.append(
        [
          String(repeating: "  ", count: metric.names.count - 1) + name, unit.shown(value),
        ] + names.map { baselines[$0]?[path].map(unit.shown) ?? "" }
          + [decimals(counts[path] ?? 0, 0)])
    }
    return aligned(rows)
  }
}

/// Rows of cells as lines of text: the first column begins at the left, the others end at the
/// right.
func aligned(_ rows: [[String]]) -> String {
  let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
  return rows.map { row in
    row.enumerated().map { column, cell in
      let padding = String(repeating: " ", count: widths[column] - cell.count)
      return column == 0 ? cell + padding : padding + cell
    }.joined(separator: "  ")
  }.joined(separator: "\n")
}

extension Metric.Unit {
  /// A value as people read it.
  func shown(_ value: Double) -> String {
    switch self {
    case .share: decimals(100 * value, 1) + " %"
    case .number: decimals(value, 4)
    case .count: decimals(value, 0)
    }
  }
}
