// The table of accuracies at the end of a run.

import NeuralNetworks
import Training

extension EvaluationReport {
  /// The accuracies as a table: overall, each group, each category, beside what always giving the
  /// commonest answer would reach.
  public func table(categories: [NeuralNetworks.Category]) -> String {
    var groups: [String] = []
    for category in categories where !groups.contains(category.group) {
      groups.append(category.group)
    }
    var rows = [["", "accuracy", "commonest answer", "questions"]]
    func append(_ name: String, _ accuracy: Double?, _ key: String, count: Int) {
      rows.append([
        name.replacing("_", with: "-"), decimals(100 * (accuracy ?? 0), 1) + " %",
        decimals(100 * (commonestAnswer[key] ?? 0), 1) + " %", String(count),
      ])
    }
    for group in groups {
      let members = categories.filter { $0.group == group }
      append(
        group, self.groups[group], group, count: members.reduce(0) { $0 + (counts[$1.name] ?? 0) })
      for member in members {
        append(
          "  " + member.name, self.categories[member.name], member.name,
          count: counts[member.name] ?? 0)
      }
    }
    append("overall", overall, "overall", count: counts.values.reduce(0, +))
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      row.enumerated().map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 ? cell + padding : padding + cell
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}

/// Shows the results of a run that is complete already; whether it is.
///
/// Nothing is left to compute, so nothing is opened for writing.
func showIfComplete(_ directory: RunDirectory) throws -> Bool {
  guard let summary = try directory.readSummary() else { return false }
  let task = try buildTask(try directory.readExperiment().experiment)
  print("The run is complete.")
  try showResults(in: directory, summary, task: task)
  return true
}

private func showResults(in directory: RunDirectory, _ summary: RunSummary, task: any LearningTask)
  throws
{
  if let test = try directory.readEvaluations().last(where: { $0.split == .test }) {
    print("\nTest accuracy of the best version by validation, step \(test.step):\n")
    print(test.table(categories: task.categories))
  }
  print(
    "\n\(summary.steps) steps in \(readableDuration(summary.seconds)), digest "
      + "\(summary.digest), results in \(directory.path)")
}

/// What is said when a run has ended: the table, or how to go on.
func conclude(_ ending: RunEnding, of setting: RunSetting, task: any LearningTask, step: Int) throws
  -> Int32
{
  setting.progress.end()
  let directory = setting.recorder.directory
  let path = directory.path
  switch ending {
  case .completed:
    if let summary = try directory.readSummary() {
      try showResults(in: directory, summary, task: task)
    }
    return 0
  case .stopped:
    print("Stopped after step \(step). Go on with: relate train --run \(path) --resume")
    return ExitStatus.interrupted
  case .failed(let reason):
    throw TrainingError(
      "\(reason)\nThe last checkpoint is kept: relate train --run \(path) --resume")
  }
}
