// What people may say of an experiment on the command line, and what it becomes.

import ArgumentParser
import Foundation
import NeuralNetworks
import RelationNetworks
import Training

/// The options that fix an experiment.
///
/// Whatever is left out comes from the preset.
public struct ExperimentOptions: ParsableArguments {
  @Argument(help: "The task, e.g. sort-of-clevr; `relate tasks` lists them.")
  var task: String?

  @Option(help: "The model; each preset has one.")
  var model: String?

  @Option(help: "The sizes and the schedule to begin from; `relate tasks` lists them.")
  var preset: String?

  @Option(
    help: ArgumentHelp(
      "Mini-batches per step: the paper's workers. The result depends on it.", valueName: "n"))
  var replicas: Int?

  @Option(help: ArgumentHelp("Samples of a mini-batch.", valueName: "n"))
  var batchSize: Int?

  @Option(help: ArgumentHelp("Number of steps.", valueName: "n"))
  var steps: Int?

  @Option(help: ArgumentHelp("Passes over the training data, instead of steps.", valueName: "n"))
  var epochs: Double?

  @Option(
    help: ArgumentHelp("The key of everything random in the run; 1 unless said.", valueName: "n"))
  var seed: UInt64?

  @Option(help: ArgumentHelp("The highest learning rate of the preset's schedule.", valueName: "x"))
  var learningRate: Double?

  @Option(help: ArgumentHelp("Clip the mean gradient to this norm.", valueName: "x"))
  var clipNorm: Double?

  @Option(help: ArgumentHelp("Steps between evaluations on the validation split.", valueName: "n"))
  var evaluateEvery: Int?

  @OptionGroup var data: DataOptions

  @OptionGroup var numerics: NumericsOptions

  @Option(
    help: ArgumentHelp(
      "Take the experiment from a file instead: the experiment.json of a run, or its experiment.",
      valueName: "file"))
  var experiment: String?

  /// No options.
  public init() {}

  /// Checks what is reckoned with before an experiment can be checked as a whole.
  public func validate() throws {
    for (name, value) in [
      ("replicas", replicas), ("batch-size", batchSize), ("steps", steps),
      ("evaluate-every", evaluateEvery),
    ] {
      if let value, !(1...1_000_000_000).contains(value) {
        throw ValidationError("--\(name) must be from 1 to 1000000000, not \(value).")
      }
    }
  }

  /// Whether anything was said that would fix an experiment.
  var isEmpty: Bool { experiment == nil && saysNothingBesideTheFile }

  private var saysNothingBesideTheFile: Bool {
    task == nil && model == nil && preset == nil && replicas == nil && batchSize == nil
      && steps == nil && epochs == nil && seed == nil && learningRate == nil && clipNorm == nil
      && evaluateEvery == nil && data.isEmpty && numerics.isEmpty
  }

  /// The experiment that the options describe.
  func resolved() throws -> Experiment {
    if let file = experiment {
      guard saysNothingBesideTheFile else {
        throw ValidationError(
          "--experiment takes everything from \(file): leave out the task and its options.")
      }
      return try Self.read(file)
    }
    guard let task else {
      throw ValidationError("Name a task, e.g. sort-of-clevr; `relate tasks` lists them.")
    }
    var configuration = try TaskCatalogue.configuration(task: task, model: model, preset: preset)
    data.apply(to: &configuration)
    let defaults = try TaskCatalogue.defaults(for: configuration)
    let built = try TaskCatalogue.task(configuration)
    let replicas = replicas ?? defaults.replicas
    let batchSize = batchSize ?? defaults.batchSize
    let steps = try stepCount(
      samples: built.sampleCount(of: .training), perStep: replicas * batchSize,
      default: defaults.steps)
    let experiment = Experiment(
      task: try JSONValue(encoding: configuration), seed: seed ?? 1, replicas: replicas,
      batchSize: batchSize, steps: steps,
      learningRate: schedule(from: defaults, steps: steps),
      clipping: clipNorm.map { GradientClipping(maximumNorm: $0) },
      evaluationInterval: evaluateEvery ?? min(defaults.evaluationInterval, max(1, steps)),
      engine: numerics.resolvedEngine, precision: numerics.resolvedPrecision)
    if let problem = experiment.problem() { throw ValidationError(problem) }
    return experiment
  }

  /// Throws, naming what differs, if an option contradicts the experiment of a run that is resumed.
  func requireAgreement(with run: Experiment) throws {
    guard !isEmpty else { return }
    var options = self
    if experiment == nil {
      let configuration = try run.task.decoded(as: TaskConfiguration.self)
      options.fillIn(from: run, configuration)
    }
    let asked = try options.resolved()
    guard asked != run else { return }
    let names = try asked.namesOfDifferences(from: run)
    throw ValidationError(
      """
      --resume goes on with the run's own experiment, and these options describe another one: \
      different in \(names.joined(separator: ", ")). Leave them out, or begin a run of its own \
      with another --run.
      """)
  }

  /// Takes what was not said from a run.
  private mutating func fillIn(from run: Experiment, _ configuration: TaskConfiguration) {
    task = task ?? configuration.task
    model = model ?? configuration.model
    preset = preset ?? configuration.preset
    data.fillIn(from: configuration)
    replicas = replicas ?? run.replicas
    batchSize = batchSize ?? run.batchSize
    if epochs == nil { steps = steps ?? run.steps }
    seed = seed ?? run.seed
    evaluateEvery = evaluateEvery ?? run.evaluationInterval
    clipNorm = clipNorm ?? run.clipping?.maximumNorm
    learningRate = learningRate ?? run.learningRate.highest
    numerics.fillIn(from: run)
  }

  private func stepCount(samples: Int, perStep: Int, default standard: Int) throws -> Int {
    switch (steps, epochs) {
    case (.some, .some): throw ValidationError("Say --steps or --epochs, not both.")
    case (let steps?, nil): return steps
    case (nil, let epochs?):
      let steps = epochs * Double(samples) / Double(max(1, perStep))
      guard steps.isFinite, steps >= 1, steps < 1e9 else {
        throw ValidationError("--epochs \(epochs) is no possible number of passes.")
      }
      return Int(steps.rounded(.up))
    case (nil, nil): return standard
    }
  }

  /// The preset's schedule, stretched to the steps and scaled to the rate that were asked for.
  private func schedule(from defaults: PresetDefaults, steps: Int) -> LearningRateSchedule {
    let stretch = Double(steps) / Double(defaults.steps)
    func scaled(_ warmUpSteps: Int) -> Int {
      min(max(0, steps - 1), Int((Double(warmUpSteps) * min(1, stretch)).rounded()))
    }
    switch defaults.learningRate {
    case .constant(let rate): return .constant(rate: learningRate ?? rate)
    case .warmUp(let rate, let warmUpSteps):
      return .warmUp(rate: learningRate ?? rate, warmUpSteps: scaled(warmUpSteps))
    case .doubling(let start, let interval, let maximum):
      return .doubling(start: start, interval: interval, maximum: learningRate ?? maximum)
    case .cosine(let rate, let warmUpSteps, _, let finalFraction):
      return .cosine(
        rate: learningRate ?? rate, warmUpSteps: scaled(warmUpSteps), totalSteps: steps,
        finalFraction: finalFraction)
    case .cosineRestarts(let rate, let warmUpSteps, let cycles, let finalFraction):
      let ends = cycles.indices.map {
        Int((Double(cycles[...$0].reduce(0, +)) * stretch).rounded())
      }
      let stretched = zip(ends, [0] + ends).map { $0 - $1 }.filter { $0 > 0 }
      return .cosineRestarts(
        rate: learningRate ?? rate, warmUpSteps: min(scaled(warmUpSteps), stretched[0] - 1),
        cycles: stretched, finalFraction: finalFraction)
    }
  }

  private static func read(_ file: String) throws -> Experiment {
    let data: Data
    do { data = try Data(contentsOf: URL(fileURLWithPath: file)) } catch {
      throw ValidationError("Cannot read \(file): \(error.localizedDescription)")
    }
    do {
      let record = try? JSONDecoder().decode(ExperimentRecord.self, from: data)
      let experiment =
        try record?.experiment ?? JSONDecoder().decode(Experiment.self, from: data)
      if let problem = experiment.problem() { throw ValidationError("\(file): \(problem)") }
      return experiment
    } catch let error as DecodingError {
      throw ValidationError("\(file) holds no experiment of this version: \(readable(error))")
    }
  }
}

extension LearningRateSchedule {
  /// The highest rate, which `--learning-rate` sets.
  fileprivate var highest: Double {
    switch self {
    case .constant(let rate), .warmUp(let rate, _), .cosine(let rate, _, _, _),
      .cosineRestarts(let rate, _, _, _):
      rate
    case .doubling(_, _, let maximum): maximum
    }
  }
}

extension Experiment {
  /// The names, as in `experiment.json`, of what is not the same in another experiment.
  fileprivate func namesOfDifferences(from other: Experiment) throws -> [String] {
    guard case .object(let own) = try JSONValue(encoding: self),
      case .object(let others) = try JSONValue(encoding: other)
    else { return [] }
    return Set(own.keys).union(others.keys).filter { own[$0] != others[$0] }.sorted()
  }
}

extension JSONValue {
  /// The JSON of any value.
  init(encoding value: some Encodable) throws {
    self = try JSONDecoder().decode(JSONValue.self, from: try JSONEncoder().encode(value))
  }

  /// The value that the JSON describes.
  func decoded<Value: Decodable>(as type: Value.Type) throws -> Value {
    try JSONDecoder().decode(type, from: try JSONEncoder().encode(self))
  }
}

/// The task of an experiment: where the two halves of the program meet.
@Sendable func buildTask(_ experiment: Experiment) throws -> any LearningTask {
  let configuration: TaskConfiguration
  do { configuration = try experiment.task.decoded(as: TaskConfiguration.self) } catch {
    throw TrainingError(
      "The experiment describes no task that this release knows: \(readable(error))")
  }
  return try TaskCatalogue.task(configuration)
}
