// Dynamic physical systems: which balls are joined by springs or rods that nobody sees, and how
// many systems they make (section 3.4 and appendix F).
//
// A sample is ten balls, each a row: its colour, then x at sixteen moments, then y. Three rows of
// scene 0 of the test split of data seed 1 begin with
//
//     0     0     1       x -0.230 -0.267 -0.294 -0.308 …   y -0.831 -0.812 -0.795 -0.780 …
//     0     0    -1       x  0.845  0.858  0.867  0.869 …   y  0.472  0.390  0.305  0.216 …
//     0.64 -0.64 -0.4     x  0.047  0.025 -0.004 -0.037 …   y -0.801 -0.783 -0.767 -0.750 …
//
// and the truth is that of the colours 0 to 9 the pairs 0 6, 1 6 and 8 9 are joined by springs, 0 7
// and 6 9 by rods: five systems.
import Learning
import NeuralNetworks

/// Dynamic physical systems, simulated, and the models that find out what joins the balls.
public enum PhysicalSystemsFamily: TaskFamily {
  /// `physical`.
  public static let name = "physical"
  /// What is asked about what.
  public static let summary =
    "Which of ten moving balls are joined, or how many systems they make, from how they move."
  /// A relation network and a perceptron.
  public static let models = PhysicalSystems.ModelName.entries
  /// The data may be another than the model was trained on.
  public static let evaluationSettings =
    ["scenes.training", "scenes.validation", "scenes.test", "dataSeed", "simulator"]

  /// The model of the settings, whatever the data.
  public static func model(
    _ settings: PhysicalSystems.Settings, data: DataSetIdentity?
  ) throws(CatalogueError) -> PhysicalSystemsModel {
    try settings.check()
    return PhysicalSystemsModel(settings, sequences: try sequences(of: data).map(\.name))
  }

  /// The facts of the settings' model and data.
  public static func facts(
    _ settings: PhysicalSystems.Settings, data: DataSetIdentity?
  ) throws(CatalogueError) -> TaskFacts {
    facts(of: try model(settings, data: data), settings, data: data)
  }

  private static func facts(
    of model: PhysicalSystemsModel, _ settings: PhysicalSystems.Settings, data: DataSetIdentity?
  ) -> TaskFacts {
    let counts = Split.allCases.map { split in
      (split, data?.sampleCount(of: split) ?? settings.scenes[split])
    }
    let task = settings.task
    let known =
      data.map { baseline(of: $0, task: task) }
      ?? PhysicalSystems.LinkCounts.baseline(of: task, settings.generatedCounts)
    return TaskFacts(
      layout: model.layout, metrics: model.metrics,
      selector: task == .connections ? "scenes" : "accuracy",
      baselines: [known].compactMap(\.self),
      sampleCounts: Dictionary(uniqueKeysWithValues: counts))
  }

  /// The task of the settings.
  public static func open(
    _ settings: PhysicalSystems.Settings, data: DataSetIdentity?, at place: DataPlace?
  ) throws -> PhysicalSystemsTask {
    let model = try model(settings, data: data)
    let source: any PhysicalSystems.Source
    switch (data, place) {
    case (nil, _):
      try settings.requireSimulator()
      source = PhysicalSystems.GeneratedScenes(seed: settings.dataSeed)
    case (let data?, let place?):
      source =
        PhysicalSystems.PackedSystems.exists(at: place)
        ? try PhysicalSystems.PackedSystems(
          at: place, counts: data.counts, sequences: try sequences(of: data))
        : PhysicalSystems.SystemsDirectory(at: place, counts: data.counts)
    case (let data?, nil):
      throw CatalogueError(missing: data)
    }
    return PhysicalSystemsTask(
      model: model, facts: facts(of: model, settings, data: data), settings: settings,
      sequences: try sequences(of: data), source: source)
  }
}

extension PhysicalSystemsFamily {
  /// Those for hours on two cores, and the paper's sizes.
  public static let presets = [
    Preset(
      "small", "Which balls are joined, in hours on two cores: g of 256, f without hidden layers.",
      // So each pair's answer is a sum over the pairs, and g need not be undone by f.
      settings: small(.connections, pairLayers: 4, readoutWidths: []),
      plan: smallPlan(steps: 120_000, rate: 2e-3)),
    Preset(
      "counting", "How many systems there are, in hours on two cores: g of 256, f of 256.",
      settings: small(.counting, pairLayers: 3, readoutWidths: [256, 256]),
      plan: smallPlan(steps: 150_000, rate: 1e-3)),
    Preset(
      "paper", "Appendix F: g of 1000 and 500, f of 500 and 100.",
      settings: PhysicalSystems.Settings(
        pairWidths: [1000, 1000, 1000, 500], readoutWidths: [500, 100]),
      plan: TrainingPlan(
        steps: 500_000, learningRate: .constant(rate: 1e-4), batchSize: 50, replicas: 1,
        evaluationInterval: 1_000)),
  ]

  private static func small(
    _ task: PhysicalSystems.TaskName, pairLayers: Int, readoutWidths: [Int]
  ) -> PhysicalSystems.Settings {
    PhysicalSystems.Settings(
      task: task,
      // A colour that is a number of its own is told apart early, and one that is no larger than
      // the others leaves g to learn what a link is once for all balls.
      color: .oneHot,
      // A spring is told by changes of velocity, which are small beside the places.
      motion: .all, pairWidths: Array(repeating: 256, count: pairLayers),
      readoutWidths: readoutWidths)
  }

  private static func smallPlan(steps: Int, rate: Double) -> TrainingPlan {
    TrainingPlan(
      steps: steps,
      learningRate: .cosine(
        rate: rate, warmUpSteps: 500, totalSteps: steps, finalFraction: 0.01),
      batchSize: 25, replicas: 2, evaluationInterval: 1_000)
  }
}
