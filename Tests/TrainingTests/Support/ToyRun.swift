// A run whose computation is a hash: what the simulation computes instead of gradients.

import NeuralNetworks

@testable import Training

/// The pure functions of a toy run, and what an undisturbed run of them comes to.
struct ToyRun: Sendable {
  let experiment: Experiment
  let partCounts: [Split: Int] = [.training: 1, .validation: 5, .test: 3]
  let contribution = Chunking(count: 5, chunkScalars: 2)
  let values = Chunking(count: 4, chunkScalars: 2)
  let evaluationScalars = 3
  /// The digest of each version of the undisturbed run.
  private(set) var versions: [UInt64] = [1]

  init(steps: Int, replicas: Int, evaluationInterval: Int) {
    experiment = syntheticExperiment(
      steps: steps, replicas: replicas, evaluationInterval: evaluationInterval)
    for step in 1...steps {
      let version = versions[step - 1]
      versions.append(
        next(
          version,
          (0..<replicas).map { result(of: .training(step: step, replica: $0), on: version) }))
    }
  }

  /// What a job yields on a version with the given digest.
  func result(of job: Job, on version: UInt64) -> UInt64 {
    switch job {
    case .training(let step, let replica): mix([version, 1, UInt64(step), UInt64(replica)])
    case .evaluation(let lease):
      mix([version, 2, UInt64(lease.step), UInt64(lease.split.wireCode), UInt64(lease.part)])
    }
  }

  /// The version that a step's contributions, in replica order, lead to.
  func next(_ version: UInt64, _ contributions: [UInt64]) -> UInt64 {
    mix([version, 3] + contributions)
  }

  /// The result of a whole evaluation on the version that the undisturbed run has at a step.
  func evaluation(of step: Int, on split: Split) -> UInt64 {
    let parts = (0..<partCounts[split, default: 0]).map { part in
      result(
        of: .evaluation(.init(step: step, split: split, part: part)), on: versions[step])
    }
    return mix([4] + parts)
  }

  /// A hash of some numbers.
  func mix(_ numbers: [UInt64]) -> UInt64 {
    numbers.reduce(0x9E37_79B9_7F4A_7C15) { hash, number in
      var mixed = (hash ^ number) &* 0xBF58_476D_1CE4_E5B9
      mixed ^= mixed >> 29
      mixed &*= 0x94D0_49BB_1331_11EB
      return mixed ^ mixed >> 32
    }
  }
}
