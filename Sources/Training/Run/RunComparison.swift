// Whether two runs have the same bits, and the first step where they do not.

import Files
import Learning

/// What comparing the digests of two runs shows.
public enum RunComparison: Hashable, Sendable {
  /// All steps that both runs have are the same; the count of each run's steps.
  case identical(steps: Int, otherSteps: Int)
  /// The first step whose digests differ.
  case different(step: Int, digest: Digest, otherDigest: Digest)
  /// One of the runs has no step yet.
  case nothingToCompare

  /// Compares two runs by the digests in their `steps.jsonl`.
  public init(_ directory: RunDirectory, _ other: RunDirectory) throws(FileError) {
    for run in [directory, other] { _ = try run.readExperiment() }
    let steps = try directory.readSteps()
    let otherSteps = try other.readSteps()
    if let difference = zip(steps, otherSteps).first(where: { $0.digest != $1.digest }) {
      self = .different(
        step: difference.0.step, digest: difference.0.digest, otherDigest: difference.1.digest)
    } else if steps.isEmpty || otherSteps.isEmpty {
      self = .nothingToCompare
    } else {
      self = .identical(steps: steps.count, otherSteps: otherSteps.count)
    }
  }
}
