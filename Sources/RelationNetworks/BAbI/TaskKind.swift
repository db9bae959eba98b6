// The twenty kinds of questions of bAbI.

import Learning

extension BAbI {
  /// The number of tasks; they are numbered from 1.
  static let taskCount = 20

  /// The names of the tasks in their order, as the names of the published files have them.
  static let taskNames = [
    "single-supporting-fact", "two-supporting-facts", "three-supporting-facts",
    "two-arg-relations", "three-arg-relations", "yes-no-questions", "counting", "lists-sets",
    "simple-negation", "indefinite-knowledge", "basic-coreference", "conjunction",
    "compound-coreference", "time-reasoning", "basic-deduction", "basic-induction",
    "positional-reasoning", "size-reasoning", "path-finding", "agents-motivations",
  ]

  /// The share of right answers from which on a task counts as passed (section 3.3).
  static let passMark = 0.95

  /// The accuracy of each of some tasks, `accuracy/NAME`.
  static func metrics(of tasks: [Int]) -> [Metric] { tasks.map { .accuracy(taskNames[$0 - 1]) } }

  /// How many tasks are passed, and their mean error.
  static let derivedFigures = [
    DerivedFigure("tasks_passed", of: "accuracy", .count(atLeast: passMark)),
    DerivedFigure("mean_error", of: "accuracy", .meanShortfall),
  ]
}
