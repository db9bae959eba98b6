// What people may say of an experiment on the command line, and what it becomes.

import ArgumentParser
import Learning
import NeuralNetworks
import Training

/// The options that fix an experiment.
///
/// Whatever is left out comes from the file of `--experiment`, the run that is resumed, or the
/// preset.
public struct ExperimentOptions: ParsableArguments {
  @Argument(help: "The task, e.g. sort-of-clevr; `relate tasks` lists them.")
  var task: String?

  @Option(help: "The settings and the schedule to begin from; `relate tasks` lists them.")
  var preset: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Mini-batches per step: the paper's workers. The result depends on it.", valueName: "n"))
  var replicas: Int?

  @Option(parsing: .unconditional, help: ArgumentHelp("Samples of a mini-batch.", valueName: "n"))
  var batchSize: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Number of steps. Beside --resume, more than the run had, if its schedule allows it.",
      valueName: "n"))
  var steps: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Passes over the training data, instead of steps.", valueName: "n"))
  var epochs: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The key of everything random in the run; 1 unless said.", valueName: "n"))
  var seed: UInt64?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The highest learning rate of the schedule.", valueName: "x"))
  var learningRate: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Clip the mean gradient to this norm.", valueName: "x"))
  var clipNorm: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Steps between evaluations on the validation split.", valueName: "n"))
  var evaluateEvery: Int?

  @OptionGroup var settings: SettingOptions
  @OptionGroup var data: DataOptions
  @OptionGroup var origin: OriginOptions
  @OptionGroup var numerics: NumericsOptions

  @Option(
    help: ArgumentHelp(
      "Begin from the experiment of a file instead of a preset: the experiment.json of a run, or "
        + "its experiment alone. Other options override it.", valueName: "file"))
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
    if steps != nil && epochs != nil { throw ValidationError("Say --steps or --epochs, not both.") }
    if experiment != nil && (task != nil || preset != nil) {
      throw ValidationError(
        "--experiment names the task already: leave out the task and --preset.")
    }
  }

  /// The experiment that the options describe.
  func resolved() throws -> Experiment {
    let experiment: Experiment
    if let file = self.experiment {
      experiment = try overriding(Self.read(file))
    } else {
      experiment = try overriding(try fromPreset())
    }
    if let problem = experiment.problem() { throw ValidationError(problem) }
    return experiment
  }

  /// The experiment of the preset, with the identity of the data that were named.
  private func fromPreset() throws -> Experiment {
    guard let task else {
      throw ValidationError("Name a task, e.g. sort-of-clevr; `relate tasks` lists them.")
    }
    let choice = try catalogue.choice(task: task, preset: preset)
    let plan = try catalogue.plan(for: choice)
    return Experiment(
      task: choice, seed: 1, replicas: plan.replicas, batchSize: plan.batchSize,
      steps: plan.steps, learningRate: plan.learningRate,
      evaluationInterval: min(plan.evaluationInterval, max(1, steps ?? plan.steps)),
      engine: numerics.resolvedEngine, precision: numerics.resolvedPrecision)
  }

  /// An experiment with everything that was said put in the place of what it had.
  private func overriding(_ base: Experiment) throws -> Experiment {
    var experiment = base
    experiment.task = try catalogue.choice(base.task, edits: settings.all)
    if let identity = try data.identity() { experiment.data = identity }
    try origin.apply(to: &experiment)
    experiment.seed = seed ?? base.seed
    experiment.replicas = replicas ?? base.replicas
    experiment.batchSize = batchSize ?? base.batchSize
    experiment.evaluationInterval = evaluateEvery ?? base.evaluationInterval
    if let clipNorm { experiment.clipping = GradientClipping(maximumNorm: clipNorm) }
    numerics.apply(to: &experiment)
    experiment.steps = try stepCount(of: experiment)
    // Who says neither keeps the schedule as it is, fitting or not.
    if learningRate != nil || experiment.steps != base.steps {
      experiment.learningRate = base.learningRate.stretched(
        from: base.steps, to: experiment.steps, highest: learningRate)
    }
    return experiment
  }

  /// What a run that is resumed becomes by the options: itself, or itself with more steps.
  ///
  /// Throws, naming what differs, if an option contradicts the run's experiment.
  func resuming(_ run: Experiment) throws -> Experiment {
    if let task, task != run.task.family {
      throw disagreement(with: ["task: \(task), but the run's is \(run.task.family)"])
    }
    if let preset, preset != run.task.preset {
      throw disagreement(with: ["preset: \(preset), but the run's is \(run.task.preset)"])
    }
    let base = try experiment.map(Self.read) ?? run
    var asked = try overriding(base)
    let steps = asked.steps
    // More steps are no contradiction; whether the schedule allows them, the run says.
    if self.steps != nil || epochs != nil, steps > run.steps {
      asked.steps = run.steps
      asked.learningRate = run.learningRate
    }
    let differences = try JSONValue(encoding: asked).differences(from: JSONValue(encoding: run))
    guard differences.isEmpty else {
      throw disagreement(
        with: differences.map {
          "\($0.key): \($0.firstText), but the run's is \($0.secondText)"
        })
    }
    asked.steps = steps
    return asked
  }

  private func disagreement(with lines: [String]) -> ValidationError {
    ValidationError(
      """
      --resume goes on with the run's own experiment, and these options describe another one:
        \(lines.joined(separator: "\n  "))
      Leave them out, or begin a run of its own with another --run.
      """)
  }

  private func stepCount(of experiment: Experiment) throws -> Int {
    guard let epochs else { return steps ?? experiment.steps }
    let samples = try catalogue.facts(of: experiment.task, data: experiment.data)
      .sampleCount(of: .training)
    let steps =
      epochs * Double(samples) / Double(max(1, experiment.replicas * experiment.batchSize))
    guard steps.isFinite, steps > 0, steps < 1e9 else {
      throw ValidationError("--epochs \(epochs) is no possible number of passes.")
    }
    return Int(steps.rounded(.up))
  }

  /// Reads the experiment of a run or of a file of its own; what is unknown in it is an error.
  private static func read(_ file: String) throws -> Experiment {
    do { return try Experiment(contentsOf: file) } catch {
      throw ValidationError("\(error)")
    }
  }
}
