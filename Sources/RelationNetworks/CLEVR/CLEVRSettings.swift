// What can be set of CLEVR, and the models that follow from it.

import Learning
import NeuralNetworks

/// What is known of CLEVR: visual questions that need counting, comparing and relating (Johnson and
/// others, 2017).
public enum CLEVR {
  /// The rows and columns of an image as models see it.
  public static let imageExtent = 128
  /// The most objects of a scene.
  public static let objectLimit = 10
  /// The features of an object in a state description.
  public static let featureCount = 3 + 8 + 3 + 2 + 2
  /// The rows of the table of words: those that questions are made of, and some to spare.
  public static let vocabulary = 90
  /// The words of a question, about.
  public static let questionLength = 30
  /// The logits of a model: the 28 answers, and the one that the paper has beside them.
  public static let answerCount = 29

  /// The models that answer the questions.
  public enum ModelName: String, SettingChoice {
    case cnnRN = "cnn-rn"
    case cnnSA = "cnn-sa"
    case cnnMLP = "cnn-mlp"
    case stateRN = "state-rn"
    case stateSA = "state-sa"
    case stateMLP = "state-mlp"
    case question

    /// "model".
    public static let kind = "model"

    /// What the model is.
    public var summary: String {
      switch self {
      case .cnnRN: "A relation network over the cells of a convolved image."
      case .cnnSA: "The paper's CNN+LSTM+SA: stacked attention to the cells of a convolved image."
      case .cnnMLP: "The paper's CNN+LSTM: a perceptron over the convolved image and the question."
      case .stateRN: "A relation network over rows of features."
      case .stateSA: "Stacked attention to rows of features."
      case .stateMLP: "A perceptron over rows of features and the question."
      case .question: "The paper's LSTM: a perceptron over the question alone."
      }
    }

    /// Whether it sees the image.
    public var seesPixels: Bool {
      switch self {
      case .cnnRN, .cnnSA, .cnnMLP: true
      case .stateRN, .stateSA, .stateMLP, .question: false
      }
    }

    /// How it finds the answer.
    public var reasoning: AnswerModelConfiguration.Reasoning {
      switch self {
      case .cnnRN, .stateRN: .relation
      case .cnnSA, .stateSA: .attention
      case .cnnMLP, .stateMLP: .perceptron
      case .question: .questionOnly
      }
    }
  }

  /// Everything that fixes a model and the data that it learns from.
  public struct Settings: Codable, Hashable, Sendable {
    /// The model.
    public var model: ModelName
    /// The kernels of each convolution; unused by models that do not see pixels.
    public var convolutionChannels: [Int]
    /// The numbers that a word becomes.
    public var embeddingWidth: Int
    /// The numbers that a question becomes.
    public var questionWidth: Int
    /// The widths of the layers of g_θ, or of those of attention.
    public var pairWidths: [Int]
    /// The widths of the hidden layers of f_φ.
    public var readoutWidths: [Int]
    /// The share of the last hidden layer of f_φ that training drops.
    public var dropout: Float
    /// Whether training sees images moved and turned a little.
    public var augmentation = true
    /// The number of scenes of each split, where the data is generated.
    public var scenes = SplitCounts(training: 70_000, validation: 1_500, test: 1_500)
    /// What the data is generated from; apart from the run's seed, so that runs with different
    /// initial values and orders of samples see the same data.
    public var dataSeed: UInt64 = 1
  }
}

extension CLEVR.Settings {
  /// The most scenes of a split: more than any run would read.
  private static let sceneLimit = 1 << 32

  /// Throws a `CatalogueError` that says what to give if a number cannot be built or generated.
  func check() throws(CatalogueError) {
    if model.seesPixels { try requireWidths(convolutionChannels, "convolutionChannels") }
    try requireRange(embeddingWidth, 1...65_536, "embeddingWidth")
    try requireRange(questionWidth, 1...65_536, "questionWidth")
    try requireWidths(pairWidths, "pairWidths")
    try requireWidths(readoutWidths, "readoutWidths")
    try requireDropout(dropout)
    for split in Split.allCases {
      try requireRange(scenes[split], 1...Self.sceneLimit, "scenes.\(split.rawValue)")
    }
    // JSON carries no larger whole numbers exactly.
    guard dataSeed <= UInt64(Int.max) else {
      throw CatalogueError("dataSeed is \(dataSeed); give at most \(Int.max)")
    }
  }

  /// The data that the settings describe where none is read.
  var generatedData: CLEVR.GeneratedQuestions {
    CLEVR.GeneratedQuestions(seed: dataSeed, sceneCounts: scenes)
  }

  /// The model that the settings describe.
  var modelConfiguration: AnswerModelConfiguration {
    let language = AnswerModelConfiguration.Language(
      vocabulary: CLEVR.vocabulary, embeddingWidth: embeddingWidth, stateWidth: questionWidth)
    return AnswerModelConfiguration(
      scene: model.seesPixels
        ? .image(extent: CLEVR.imageExtent, channels: convolutionChannels)
        : .objects(count: CLEVR.objectLimit, features: CLEVR.featureCount),
      question: .words(CLEVR.questionLength, language), reasoning: model.reasoning,
      pairWidths: pairWidths, readoutWidths: readoutWidths,
      answers: .labels(CLEVR.answerCount, categories: CLEVR.Category.allCases.map(\.metric)),
      dropout: dropout)
  }
}

extension CLEVRFamily {
  /// The sizes of appendices B and C, and those for hours on two cores.
  public static let presets = [
    Preset(
      "pixels", "Appendix B: 24 kernels, g of 256, f of 256.",
      settings: CLEVR.Settings(
        model: .cnnRN, convolutionChannels: [24, 24, 24, 24], embeddingWidth: 32,
        questionWidth: 128, pairWidths: [256, 256, 256, 256], readoutWidths: [256, 256],
        dropout: 0.5),
      plan: paperPlan(learningRate: 2.5e-4)),
    Preset(
      "state", "Appendix C: rows of features, g of 512, f of 512 and 1024.",
      settings: CLEVR.Settings(
        model: .stateRN, convolutionChannels: [24, 24, 24, 24], embeddingWidth: 32,
        questionWidth: 256, pairWidths: [512, 512, 512, 512], readoutWidths: [512, 1024],
        dropout: 0.02),
      plan: paperPlan(learningRate: 1e-4)),
    Preset(
      "state-small", "Half a day on two cores: rows of features, g of 256, f of 256.",
      settings: CLEVR.Settings(
        model: .stateRN, convolutionChannels: [24, 24, 24, 24], embeddingWidth: 32,
        questionWidth: 128, pairWidths: [256, 256, 256, 256], readoutWidths: [256, 256],
        dropout: 0.02,
        // More scenes than the published 70,000: they cost nothing, and nothing is learnt by heart.
        scenes: .init(training: 200_000, validation: 500, test: 1_500)),
      // Ninety million questions. A worker for each of two cores computes a replica; more samples
      // in a step learn less from each, fewer leave the cores waiting for one another. The rate is
      // the highest that peers report, reached slowly: without a warm-up they end near 70 %.
      plan: TrainingPlan(
        steps: 700_000,
        learningRate: .cosine(
          rate: 5e-4, warmUpSteps: 5_000, totalSteps: 700_000, finalFraction: 0.01),
        batchSize: 64, replicas: 2, evaluationInterval: 5_000)),
    Preset(
      "question", "What can be answered blindly: an LSTM of 128, f of 256 and 256.",
      settings: CLEVR.Settings(
        model: .question, convolutionChannels: [24, 24, 24, 24], embeddingWidth: 32,
        questionWidth: 128, pairWidths: [256], readoutWidths: [256],
        dropout: 0.5, scenes: .init(training: 70_000, validation: 500, test: 1_500)),
      plan: TrainingPlan(
        steps: 50_000,
        learningRate: .cosine(
          rate: 5e-4, warmUpSteps: 1_000, totalSteps: 50_000, finalFraction: 0.01),
        batchSize: 64, replicas: 2, evaluationInterval: 2_000)),
  ]

  private static func paperPlan(learningRate: Double) -> TrainingPlan {
    TrainingPlan(
      steps: 1_400_000, learningRate: .constant(rate: learningRate), batchSize: 64, replicas: 10,
      evaluationInterval: 1_000)
  }
}
