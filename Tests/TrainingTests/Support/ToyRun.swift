// A run whose gradients are hashes: what the simulation computes in no time.

import Learning
import NeuralNetworks
import Tensors

@testable import Training

/// The pure functions of a toy run, and what an undisturbed run of them comes to.
struct ToyRun: Sendable {
  let experiment: Experiment
  let facts = Self.facts()
  /// The chunks of the values and of a contribution on the wire.
  let chunking = Chunking(count: 5, chunkScalars: 2)
  /// The versions of the undisturbed run.
  private(set) var versions: [TrainingState] = []

  init(steps: Int, replicas: Int, evaluationInterval: Int) {
    experiment = syntheticExperiment(
      steps: steps, replicas: replicas, evaluationInterval: evaluationInterval)
    do {
      var state = try TrainingState(experiment, layout: facts.layout)
      versions.append(state)
      for step in 1...steps {
        let results = (0..<replicas).map { replica in
          let result = result(of: .training(step: step, replica: replica), on: state.flat)
          return ReplicaResult(result.contribution!, result.measurements)
        }
        _ = try state.apply(results, of: experiment, metrics: facts.metrics)
        versions.append(state)
      }
    } catch { preconditionFailure("a toy run fails: \(error)") }
  }

  /// Five scalars, one metric beside the loss, and five and three parts to evaluate.
  private static func facts() -> TaskFacts {
    var layout = ParameterLayout()
    _ = layout.addParameter("weight", [3], .constant(1))
    _ = layout.addStatistic("mean", [2], .constant(0))
    return TaskFacts(
      layout: layout, metrics: [.accuracy()], selector: .accuracy,
      sampleCounts: [.training: 9, .validation: 9, .test: 5], evaluationPartSize: 2)
  }

  /// What a job yields on a version: any bit of either changes all of it.
  func result(of job: Job, on values: Tensor) -> JobResult {
    let numbers: [UInt64] =
      switch job {
      case .training(let step, let replica): [1, UInt64(step), UInt64(replica)]
      case .evaluation(let lease):
        [2, UInt64(lease.step), UInt64(lease.split.code), UInt64(lease.part)]
      }
    let seed = mix(values.scalars.map { UInt64($0.bitPattern) } + numbers)
    var random = CounterRandom(seed: seed, purpose: .trial, index: 0)
    let measurements = [
      Measurement(sum: Double(random.uniform()), weight: 1),
      Measurement(sum: Double(random.uniform()), weight: 1),
    ]
    guard case .training = job else { return JobResult(measurements: measurements) }
    let flat = Tensor((0..<5).map { _ in random.uniform(in: -1..<1) }, shape: [5])
    return JobResult(
      measurements: measurements,
      contribution: Contribution(layout: ContributionLayout(of: facts.layout), flat: flat))
  }

  /// What is measured in a whole evaluation of the version that the undisturbed run has at a step.
  func evaluation(of step: Int, on split: Split) -> Measurements {
    var sum = Measurements(of: facts.metrics)
    for part in 0..<facts.evaluationPartCount(of: split) {
      let lease = EvaluationLease(step: step, split: split, part: part)
      sum.add(result(of: .evaluation(lease), on: versions[step].flat).measurements)
    }
    return sum
  }

  /// A hash of some numbers.
  private func mix(_ numbers: [UInt64]) -> UInt64 {
    numbers.reduce(0x9E37_79B9_7F4A_7C15) { hash, number in
      var mixed = (hash ^ number) &* 0xBF58_476D_1CE4_E5B9
      mixed ^= mixed >> 29
      mixed &*= 0x94D0_49BB_1331_11EB
      return mixed ^ mixed >> 32
    }
  }
}
