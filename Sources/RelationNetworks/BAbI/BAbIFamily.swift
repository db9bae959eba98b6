// bAbI: short stories and a question about each (section 3.3).
//
// The first story of its first task, with the question, the answer and the line that it follows
// from:
//
//     1 Mary moved to the bathroom.
//     2 John went to the hallway.
//     3 Where is Mary?     bathroom     1

import Learning
import NeuralNetworks

/// The model of bAbI, for all twenty tasks at once.
public enum BAbIFamily: ModelFamily {
  /// `babi`.
  public static let name = "babi"
  /// What is asked about what.
  public static let summary = "Questions about short stories, of twenty kinds."
  /// There is one.
  public static let models: [CatalogueEntry] = []

  /// The sizes of appendix E.
  public static let presets = [
    Preset(
      "paper", "Appendix E: LSTMs of 32, g of 256, f of 256 and 512.",
      settings: BAbI.Settings(
        embeddingWidth: 32, stateWidth: 32, pairWidths: [256, 256, 256, 256],
        readoutWidths: [256, 512], dropout: 0),
      plan: TrainingPlan(
        steps: 500_000, learningRate: .constant(rate: 2e-4), batchSize: 64, replicas: 1,
        evaluationInterval: 1_000))
  ]

  /// The model of the settings.
  public static func model(
    _ settings: BAbI.Settings, data: DataSetIdentity?
  ) throws(CatalogueError) -> AnswerModel {
    try settings.check()
    return AnswerModel(settings.modelConfiguration)
  }
}

/// What is known of bAbI: stories of people and things that move about (Weston and others, 2015).
public enum BAbI {
  /// The sentences that a model reads of a story.
  public static let sentenceLimit = 20
  /// The words of a sentence or a question, about.
  public static let sentenceLength = 8
  /// The different words.
  public static let vocabulary = 180
  /// The different answers.
  public static let answerCount = 159

  /// Everything that fixes a model.
  public struct Settings: Codable, Hashable, Sendable {
    /// The numbers that a word becomes.
    public var embeddingWidth: Int
    /// The numbers that a sentence or a question becomes.
    public var stateWidth: Int
    /// The widths of the layers of g_θ.
    public var pairWidths: [Int]
    /// The widths of the hidden layers of f_φ.
    public var readoutWidths: [Int]
    /// The share of the last hidden layer of f_φ that training drops.
    public var dropout: Float
  }
}

extension BAbI.Settings {
  func check() throws(CatalogueError) {
    try requireRange(embeddingWidth, 1...65_536, "embeddingWidth")
    try requireRange(stateWidth, 1...65_536, "stateWidth")
    try requireWidths(pairWidths, "pairWidths")
    try requireWidths(readoutWidths, "readoutWidths")
    try requireDropout(dropout)
  }

  var modelConfiguration: AnswerModelConfiguration {
    let language = AnswerModelConfiguration.Language(
      vocabulary: BAbI.vocabulary, embeddingWidth: embeddingWidth, stateWidth: stateWidth)
    return AnswerModelConfiguration(
      scene: .story(sentences: BAbI.sentenceLimit, words: BAbI.sentenceLength, language),
      question: .words(BAbI.sentenceLength, language), pairWidths: pairWidths,
      readoutWidths: readoutWidths, answers: .labels(BAbI.answerCount), dropout: dropout)
  }
}
