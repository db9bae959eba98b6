// CLEVR: questions in English about rendered scenes of up to ten objects (section 3.1).
//
// The first question of the validation split of CLEVR 1.0 is about CLEVR_val_000000.png:
//
//     Are there any other things that are the same shape as the big metallic object?   no
//
// As a state description, an object is 18 numbers: three coordinates, then one-hot one of eight
// colours, three shapes, two materials and two sizes.

import Learning
import NeuralNetworks

/// The models of CLEVR, from pixels and from state descriptions.
public enum CLEVRFamily: ModelFamily {
  /// `clevr`.
  public static let name = "clevr"
  /// What is asked about what.
  public static let summary = "Questions in English about rendered scenes of up to ten objects."
  /// From pixels, or from rows of features.
  public static let models = CLEVR.ModelName.entries

  /// The sizes of appendices B and C.
  public static let presets = [
    Preset(
      "pixels", "Appendix B: 24 kernels, g of 256, f of 256.",
      settings: CLEVR.Settings(
        model: .cnnRN, convolutionChannels: [24, 24, 24, 24], embeddingWidth: 32,
        questionWidth: 128, pairWidths: [256, 256, 256, 256], readoutWidths: [256, 256],
        dropout: 0.5),
      plan: plan(learningRate: 2.5e-4)),
    Preset(
      "state", "Appendix C: rows of features, g of 512, f of 512 and 1024.",
      settings: CLEVR.Settings(
        model: .stateRN, convolutionChannels: [24, 24, 24, 24], embeddingWidth: 32,
        questionWidth: 256, pairWidths: [512, 512, 512, 512], readoutWidths: [512, 1024],
        dropout: 0.02),
      plan: plan(learningRate: 1e-4)),
  ]

  private static func plan(learningRate: Double) -> TrainingPlan {
    TrainingPlan(
      steps: 1_400_000, learningRate: .constant(rate: learningRate), batchSize: 64, replicas: 10,
      evaluationInterval: 1_000)
  }

  /// The model of the settings.
  public static func model(
    _ settings: CLEVR.Settings, data: DataSetIdentity?
  ) throws(CatalogueError) -> AnswerModel {
    try settings.check()
    return AnswerModel(settings.modelConfiguration)
  }
}

/// What is known of CLEVR: visual questions that need counting, comparing and relating (Johnson and
/// others, 2017).
public enum CLEVR {
  /// The rows and columns of an image as models see it.
  public static let imageExtent = 128
  /// The most objects of a scene.
  public static let objectLimit = 10
  /// The features of an object in a state description.
  public static let featureCount = 3 + 8 + 3 + 2 + 2
  /// The different words of questions.
  public static let vocabulary = 90
  /// The words of a question, about.
  public static let questionLength = 30
  /// The different answers.
  public static let answerCount = 29

  /// The models that answer the questions.
  public enum ModelName: String, SettingChoice {
    case cnnRN = "cnn-rn"
    case stateRN = "state-rn"

    /// "model".
    public static let kind = "model"

    /// What the model is.
    public var summary: String {
      switch self {
      case .cnnRN: "A relation network over the cells of a convolved image."
      case .stateRN: "A relation network over rows of features."
      }
    }
  }

  /// Everything that fixes a model.
  public struct Settings: Codable, Hashable, Sendable {
    /// The model.
    public var model: ModelName
    /// The kernels of each convolution; unused by models that read state descriptions.
    public var convolutionChannels: [Int]
    /// The numbers that a word becomes.
    public var embeddingWidth: Int
    /// The numbers that a question becomes.
    public var questionWidth: Int
    /// The widths of the layers of g_θ.
    public var pairWidths: [Int]
    /// The widths of the hidden layers of f_φ.
    public var readoutWidths: [Int]
    /// The share of the last hidden layer of f_φ that training drops.
    public var dropout: Float
  }
}

extension CLEVR.Settings {
  func check() throws(CatalogueError) {
    if model == .cnnRN { try requireWidths(convolutionChannels, "convolutionChannels") }
    try requireRange(embeddingWidth, 1...65_536, "embeddingWidth")
    try requireRange(questionWidth, 1...65_536, "questionWidth")
    try requireWidths(pairWidths, "pairWidths")
    try requireWidths(readoutWidths, "readoutWidths")
    try requireDropout(dropout)
  }

  var modelConfiguration: AnswerModelConfiguration {
    let scene: AnswerModelConfiguration.Scene =
      switch model {
      case .cnnRN: .image(extent: CLEVR.imageExtent, channels: convolutionChannels)
      case .stateRN: .objects(count: CLEVR.objectLimit, features: CLEVR.featureCount)
      }
    let language = AnswerModelConfiguration.Language(
      vocabulary: CLEVR.vocabulary, embeddingWidth: embeddingWidth, stateWidth: questionWidth)
    return AnswerModelConfiguration(
      scene: scene, question: .words(CLEVR.questionLength, language), pairWidths: pairWidths,
      readoutWidths: readoutWidths, answers: .labels(CLEVR.answerCount), dropout: dropout)
  }
}
