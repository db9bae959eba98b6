// A run whose replicas cost nothing to compute: what is left is the price of synchronising.

import Learning
import NeuralNetworks
import Tensors

/// What `relate bench sync` times: a run of a model of so many parameters, each of whose replicas
/// answers with the same gradient, which is drawn once.
///
/// Server, workers and everything between them are those of any run. A worker knows such an
/// experiment by the name of its family; no catalogue has it, since there is nothing to learn.
public struct SynchronizationTrial: Sendable {
  /// The run: as many replicas as workers.
  public let experiment: Experiment
  /// A vector of parameters, nothing measured but the loss, and nothing to evaluate.
  public let facts: TaskFacts

  private static let family = "synchronization-trial"
  private static let setting = "parameters"
  /// The most parameters: 4 GiB of them.
  public static let parameterLimit = 1 << 30

  /// A trial of the given size.
  ///
  /// - Parameters:
  ///   - parameters: from 1 to `parameterLimit`.
  ///   - engine: one that this machine has; nothing is multiplied.
  public init(parameters: Int, workers: Int, steps: Int, engine: MatrixEngine) {
    let choice = TaskChoice(
      family: Self.family, preset: "", settings: .object([Self.setting: .integer(parameters)]))
    self.init(
      Experiment(
        task: choice, seed: 1, replicas: workers, batchSize: 1, steps: steps,
        learningRate: .constant(rate: 1e-4), evaluationInterval: steps, engine: engine),
      parameters: parameters)
  }

  /// The trial that an experiment is; `nil` if it is none.
  init?(_ experiment: Experiment) {
    guard experiment.task.family == Self.family,
      case .integer(let parameters)? = experiment.task.settings.value(at: [Self.setting]),
      (1...Self.parameterLimit).contains(parameters)
    else { return nil }
    self.init(experiment, parameters: parameters)
  }

  private init(_ experiment: Experiment, parameters: Int) {
    self.experiment = experiment
    var layout = ParameterLayout()
    _ = layout.addParameter("vector", [parameters], .constant(0))
    facts = TaskFacts(
      layout: layout, metrics: [], selector: Metric.loss.path, sampleCounts: [.training: 1])
  }

  /// What answers every job at once.
  var jobs: JobComputer {
    var random = CounterRandom(seed: experiment.seed, purpose: .trial, index: 0)
    let layout = ContributionLayout(of: facts.layout)
    let gradient = Tensor(shape: [layout.count]) { scalars in
      for index in scalars.indices { scalars[index] = random.uniform(in: -1..<1) }
    }
    return JobComputer(
      of: facts,
      answering: JobResult(
        measurements: [Measurement(sum: 1, weight: 1)],
        contribution: Contribution(layout: layout, flat: gradient)))
  }
}
