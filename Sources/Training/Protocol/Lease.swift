// Who computes what.

import Learning

/// A piece of work that has the same result whoever does it.
enum Job: Hashable, Sendable {
  /// A replica's contribution to a step.
  case training(step: Int, replica: Int)
  /// A part of the evaluation of a version.
  case evaluation(EvaluationLease)

  /// The version of the values that the job reads.
  var version: Int {
    switch self {
    case .training(let step, _): step - 1
    case .evaluation(let lease): lease.step
    }
  }
}

extension Job: CustomStringConvertible {
  /// The job in words: `step 2, replica 1`.
  var description: String {
    switch self {
    case .training(let step, let replica): "step \(step), replica \(replica)"
    case .evaluation(let lease): "the evaluation of step \(lease.step), part \(lease.part)"
    }
  }
}

/// A part of the evaluation of a version.
struct EvaluationLease: Codable, Hashable, Sendable {
  /// The version of the values.
  var step: Int
  var split: Split
  var part: Int
}

/// What a session is to compute.
struct Lease: Codable, Hashable, Sendable {
  /// Counts the leases of a session from 1; the heartbeat returns it.
  var number: Int
  /// The step of the replicas.
  var step: Int
  var replicas: [Int]
  var evaluations: [EvaluationLease]

  static let none = Lease(number: 0, step: 0, replicas: [], evaluations: [])

  /// The jobs in the order they are to be done: steps wait for replicas, nothing for evaluations.
  var jobs: [Job] {
    replicas.map { .training(step: step, replica: $0) } + evaluations.map { .evaluation($0) }
  }

  /// Whether all numbers are in the range of the experiment; a lease may come from anybody.
  func isPlausible(for experiment: Experiment) -> Bool {
    // Step 0 has no version before it that replicas could be computed from.
    ((replicas.isEmpty ? 0 : 1)...experiment.steps + 1).contains(step)
      && replicas.allSatisfy { (0..<experiment.replicas).contains($0) }
      && evaluations.allSatisfy {
        (0...experiment.steps).contains($0.step) && (0...Int(Int32.max)).contains($0.part)
      }
  }

  /// The versions of the values that the jobs read.
  var versions: Set<Int> { Set(jobs.map(\.version)) }
}
