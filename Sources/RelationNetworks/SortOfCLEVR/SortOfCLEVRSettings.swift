// What can be set of Sort-of-CLEVR, and the models that follow from it.

import Learning
import NeuralNetworks

extension SortOfCLEVR {
  /// The models that answer the questions.
  public enum ModelName: String, SettingChoice {
    case cnnRN = "cnn-rn"
    case cnnMLP = "cnn-mlp"
    case stateRN = "state-rn"
    case stateMLP = "state-mlp"

    /// "model".
    public static let kind = "model"

    /// What the model is.
    public var summary: String {
      switch self {
      case .cnnRN: "A relation network over the cells of a convolved image."
      case .cnnMLP:
        "The paper's baseline: a perceptron of the same layers over the convolved image."
      case .stateRN: "A relation network over six rows of features."
      case .stateMLP: "A perceptron over six rows of features."
      }
    }

    /// Whether it sees the image instead of a description of its objects.
    public var seesPixels: Bool {
      switch self {
      case .cnnRN, .cnnMLP: true
      case .stateRN, .stateMLP: false
      }
    }

    /// How it finds the answer.
    public var reasoning: AnswerModelConfiguration.Reasoning {
      switch self {
      case .cnnRN, .stateRN: .relation
      case .cnnMLP, .stateMLP: .perceptron
      }
    }
  }

  /// Everything that fixes a model and the data that it learns from.
  public struct Settings: Codable, Hashable, Sendable {
    /// The model.
    public var model: ModelName
    /// The kernels of each convolution; unused by models that read state descriptions.
    public var convolutionChannels: [Int]
    /// The widths of the layers of g_θ.
    public var pairWidths: [Int]
    /// The widths of the hidden layers of f_φ.
    public var readoutWidths: [Int]
    /// The share of the last hidden layer of f_φ that training drops.
    public var dropout: Float = 0
    /// How a relation network's objects are refined before; `nil` if they are not.
    public var refinement: AnswerModelConfiguration.SetRefinement?
    /// The number of images of each split, where the data is generated.
    public var images = SortOfCLEVR.paperImages
    /// What the data is generated from; apart from the run's seed, so that runs with different
    /// initial values and orders of samples see the same data.
    public var dataSeed: UInt64 = 1
  }
}

extension SortOfCLEVR.Settings {
  /// The most images of a split: more than any run would read.
  static let imageLimit = 1 << 32

  /// Throws a `CatalogueError` that says what to give if a number cannot be built or generated.
  func check() throws(CatalogueError) {
    try requireWidths(pairWidths, "pairWidths")
    try requireWidths(readoutWidths, "readoutWidths")
    if model.seesPixels { try requireWidths(convolutionChannels, "convolutionChannels") }
    try requireDropout(dropout)
    if let refinement {
      guard model.reasoning == .relation else {
        throw CatalogueError("refinement is for relation networks; \(model.rawValue) is none")
      }
      try refinement.inner.check("refinement.inner")
      try requireWidths(refinement.summaryWidths, "refinement.summaryWidths")
    }
    for split in Split.allCases {
      let count = images[split]
      guard count >= 1 else {
        throw CatalogueError("images.\(split.rawValue) is \(count); give at least 1")
      }
      guard count <= Self.imageLimit else {
        throw CatalogueError(
          "images.\(split.rawValue) is \(count); give at most \(Self.imageLimit)")
      }
    }
    // JSON carries no larger whole numbers exactly.
    guard dataSeed <= UInt64(Int.max) else {
      throw CatalogueError("dataSeed is \(dataSeed); give at most \(Int.max)")
    }
  }

  /// The model that the settings describe.
  var modelConfiguration: AnswerModelConfiguration {
    AnswerModelConfiguration(
      scene: model.seesPixels
        ? .image(extent: SortOfCLEVR.imageExtent, channels: convolutionChannels)
        : .objects(count: SortOfCLEVR.objectCount, features: SortOfCLEVR.featureCount),
      question: .bits(SortOfCLEVR.Question.bitCount), reasoning: model.reasoning,
      refinement: refinement, pairWidths: pairWidths, readoutWidths: readoutWidths,
      answers: .labels(
        SortOfCLEVR.Answer.allCases.count, categories: SortOfCLEVR.Kind.allCases.map(\.metric)),
      dropout: dropout)
  }
}

extension SortOfCLEVRFamily {
  /// The sizes of public re-implementations, the paper's, and those for minutes.
  public static let presets = [
    small("small", "The size of public re-implementations: 24 kernels, g of 256, f of 256."),
    small(
      "small-srn", "The same with a Set Refiner Network between its kernels and its pairs.",
      refinement: .init(inner: RefinerSettings(rate: 20))),
    Preset(
      "paper", "Appendix D: 32 to 256 kernels, g of 2000, f of 2000, 1000, 500 and 100.",
      settings: SortOfCLEVR.Settings(
        model: .cnnRN, convolutionChannels: [32, 64, 128, 256],
        pairWidths: [2000, 2000, 2000, 2000], readoutWidths: [2000, 1000, 500, 100]),
      plan: TrainingPlan(
        steps: 30_000, learningRate: .constant(rate: 1e-4), batchSize: 64, replicas: 10,
        evaluationInterval: 500)),
    Preset(
      "quick", "Minutes on two cores: state descriptions, g of 128, f of 128, 100,000 scenes.",
      settings: SortOfCLEVR.Settings(
        model: .stateRN, convolutionChannels: [16, 16, 16, 16],
        pairWidths: [128, 128, 128, 128], readoutWidths: [128, 128],
        // More scenes than the paper's, because relations of positions are learnt from many, and a
        // scene costs nothing.
        images: .init(training: 100_000, validation: 200, test: 200)),
      plan: TrainingPlan(
        steps: 6_000,
        learningRate: .cosine(rate: 4e-3, warmUpSteps: 200, totalSteps: 6_000, finalFraction: 0),
        batchSize: 64, replicas: 10, evaluationInterval: 500)),
  ]

  private static func small(
    _ name: String, _ summary: String,
    refinement: AnswerModelConfiguration.SetRefinement? = nil
  ) -> Preset<SortOfCLEVR.Settings> {
    Preset(
      name, summary,
      settings: SortOfCLEVR.Settings(
        model: .cnnRN, convolutionChannels: [24, 24, 24, 24], pairWidths: [256, 256, 256, 256],
        readoutWidths: [256, 256], refinement: refinement,
        // With the paper's 9,800, distances are learnt by heart before they are understood.
        images: .init(training: 100_000, validation: 200, test: 200)),
      // Which colour is where is learnt late and all at once, after two million samples or more,
      // hardly sooner at higher rates or in larger steps; at higher ones units of f die. Distances
      // take twelve.
      plan: TrainingPlan(
        steps: 190_000,
        learningRate: .cosineRestarts(
          rate: 2.5e-4, warmUpSteps: 200, cycles: [110_000, 80_000], finalFraction: 0.02),
        batchSize: 32, replicas: 2, evaluationInterval: 1_000))
  }
}
