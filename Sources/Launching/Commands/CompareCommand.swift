// relate compare: whether runs have the same bits.

import ArgumentParser
import Learning
import Training

/// `relate compare`.
struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Find the first step at which runs differ, and the settings that do.",
    discussion: """
      Compares the digests of all steps of the first run with those of each other one. Ends with 0 \
      if they are identical, 1 if one differs, 2 if they cannot be compared.

      Example: relate compare runs/one runs/other runs/third
      """)

  @Argument(help: ArgumentHelp("The directories of two runs or more.", valueName: "run"))
  var runs: [String]

  func validate() throws {
    guard runs.count >= 2 else { throw ValidationError("Name two runs or more to compare.") }
  }

  func run() throws {
    try reportingErrors(failingWith: ExitStatus.trouble) {
      let first = RunDirectory(path: runs[0])
      var code: Int32 = 0
      for path in runs.dropFirst() {
        let prefix = runs.count == 2 ? "" : "\(path): "
        let other = RunDirectory(path: path)
        let comparison = try RunComparison(first, other)
        print(prefix + (try describe(comparison, runs[0], path)))
        if case .different = comparison { code = 1 }
        for line in try differences(first, other) { print("  \(line)") }
      }
      return code
    }
  }

  private func describe(
    _ comparison: RunComparison, _ first: String, _ other: String
  ) throws -> String {
    switch comparison {
    case .identical(let steps, let otherSteps) where steps == otherSteps:
      "identical: \(steps) steps"
    case .identical(let steps, let otherSteps):
      "identical for the \(min(steps, otherSteps)) steps that both have; \(first) has \(steps), "
        + "\(other) has \(otherSteps)"
    case .different(let step, let digest, let otherDigest):
      "different from step \(step) on: \(digest) and \(otherDigest)"
    case .nothingToCompare:
      throw TrainingError("\(first) or \(other) has no step yet.")
    }
  }

  /// The settings in which two experiments differ, a line each.
  private func differences(_ first: RunDirectory, _ other: RunDirectory) throws -> [String] {
    let experiments = try [first, other].map {
      try JSONValue(encoding: $0.readExperiment().experiment)
    }
    return experiments[0].differences(from: experiments[1]).map {
      "\($0.key): \($0.firstText) and \($0.secondText)"
    }
  }
}
