// What can be set of dynamic physical systems, and the models that follow from it.

import Learning
import NeuralNetworks

extension PhysicalSystems {
  /// What is asked about a scene.
  public enum TaskName: String, SettingChoice {
    case connections
    case counting

    /// "task".
    public static let kind = "task"

    /// What is asked.
    public var summary: String {
      switch self {
      case .connections: "Which balls are joined: 10 x 10 times yes or no."
      case .counting: "How many systems of joined balls there are: 1 to 10."
      }
    }
  }

  /// The models that answer.
  public enum ModelName: String, SettingChoice {
    case rn
    case mlp

    /// "model".
    public static let kind = "model"

    /// What the model is.
    public var summary: String {
      switch self {
      case .rn: "A relation network over ten rows, a ball each."
      case .mlp: "The paper's baseline: a perceptron of the same layers over all rows at once."
      }
    }
  }

  /// What training makes of a scene beside itself.
  public enum Augmentation: String, SettingChoice {
    case none
    case symmetries

    /// "augmentation".
    public static let kind = "augmentation"

    /// What happens to a scene.
    public var summary: String {
      switch self {
      case .none: "Nothing: there are as many scenes as are asked for."
      case .symmetries: "It is turned, mirrored and given other colours, for scenes of files."
      }
    }
  }

  /// Everything that fixes a model and the data that it learns from.
  public struct Settings: Codable, Hashable, Sendable {
    /// What is asked.
    public var task = TaskName.connections
    /// What answers.
    public var model = ModelName.rn
    /// How it is told the colour of a ball.
    public var color = ColorCode.rgb
    /// What the numbers of a colour are multiplied by: there are few of them beside those of the
    /// motion, and which ball it is matters as much.
    public var colorScale: Float = 1
    /// How it is told the motion of a ball.
    public var motion = MotionCode.positions
    /// The widths of the layers of g_θ.
    public var pairWidths: [Int]
    /// The widths of the hidden layers of f_φ.
    public var readoutWidths: [Int]
    /// The share of the last hidden layer of f_φ that training drops.
    public var dropout: Float = 0
    /// What training makes of a scene beside itself.
    public var augmentation = Augmentation.none
    /// The number of scenes of each split, where the data is generated.
    public var scenes = SplitCounts(training: 100_000_000, validation: 2_000, test: 2_000)
    /// What the data is generated from; apart from the run's seed, so that runs with different
    /// initial values and orders of samples see the same data.
    public var dataSeed: UInt64 = 1
    /// The library that simulates, and its version: another may make other bits.
    public var simulator = PhysicalSystems.simulator
  }
}

extension PhysicalSystems.Settings {
  /// The most scenes of a split: more than any run would read.
  private static let sceneLimit = 1 << 32

  /// Throws a `CatalogueError` that says what to give if a number cannot be built or generated.
  func check() throws(CatalogueError) {
    try requireWidths(pairWidths, "pairWidths")
    // Without hidden layers f_φ is linear: every pair's answer is a sum over the pairs.
    try requireWidths(readoutWidths, "readoutWidths", atLeast: 0)
    try requireDropout(dropout)
    guard colorScale > 0, colorScale <= 1000 else {
      throw CatalogueError("colorScale is \(colorScale); give a number above 0, at most 1000")
    }
    for split in Split.allCases {
      try requireRange(scenes[split], 1...Self.sceneLimit, "scenes.\(split.rawValue)")
    }
    // JSON carries no larger whole numbers exactly.
    guard dataSeed <= UInt64(Int.max) else {
      throw CatalogueError("dataSeed is \(dataSeed); give at most \(Int.max)")
    }
  }

  /// Throws a `CatalogueError` if the scenes are made by another simulator than there is here.
  func requireSimulator() throws(CatalogueError) {
    guard simulator == PhysicalSystems.simulator else {
      throw CatalogueError(
        """
        the scenes are those of \(simulator), and here is \(PhysicalSystems.simulator): install \
        that, or say --set "simulator=\(PhysicalSystems.simulator)" for other scenes
        """)
    }
  }

  /// The model that the settings describe.
  var modelConfiguration: AnswerModelConfiguration {
    typealias Task = PhysicalSystems
    let answers: AnswerModelConfiguration.Answers
    switch task {
    case .connections:
      answers = .truths(
        Task.ballCount * Task.ballCount, whole: Task.wholeScenes,
        categories: Task.LinkKind.allCases.map(\.metric))
    case .counting:
      answers = .labels(Task.ballCount, categories: Task.countMetrics)
    }
    return AnswerModelConfiguration(
      scene: .objects(count: Task.ballCount, features: featureCount), question: .none,
      reasoning: model == .rn ? .relation : .perceptron, pairWidths: pairWidths,
      readoutWidths: readoutWidths, answers: answers, dropout: dropout)
  }
}

extension PhysicalSystems {
  /// The share of scenes in which every pair is right.
  static let wholeScenes = Metric("scenes", better: .higher, unit: .share)

  /// The share of right counts where there are 1, 2, … systems.
  static let countMetrics = (1...ballCount).map { Metric.accuracy("\($0)") }
}

extension PhysicalSystems.LinkKind {
  /// The share of right answers about pairs that are joined so.
  var metric: Metric { Metric(MetricPath(["pairs", name]), better: .higher, unit: .share) }
}
