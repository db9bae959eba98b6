// What can be set of bAbI, and the model that follows from it.

import Learning
import NeuralNetworks

extension BAbI {
  /// How the position of a sentence is counted.
  public enum TagForm: String, SettingChoice {
    case distance
    case order

    /// "form of tags".
    public static let kind = "form of tags"

    /// Where counting begins.
    public var summary: String {
      switch self {
      case .distance: "From the question back: the sentence before it has the first tag."
      case .order: "From the first sentence that is read."
      }
    }
  }

  /// Everything that fixes a model and the stories that it learns from.
  public struct Settings: Codable, Hashable, Sendable {
    /// The tasks that are learnt, by their numbers from 1.
    public var tasks = Array(1...BAbI.taskCount)
    /// The most sentences before the question that are read.
    public var window = 20
    /// How sentences are tagged with their positions.
    public var tags = TagForm.distance
    /// What the outputs stand for.
    public var answers = AnswerForm.vocabulary
    /// Which stories are renamed when they are trained on.
    public var augmentation = Augmentation.none
    /// The numbers that a word becomes.
    public var embeddingWidth = 32
    /// The numbers that a sentence or a question becomes, for each direction it is read in.
    public var stateWidth = 32
    /// Whether sentences and questions are read from both ends.
    public var bidirectional = false
    /// The numbers that an LSTM over the sentences adds to each: what was told before; 0 without.
    public var contextWidth = 0
    /// The widths of the layers of g_θ.
    public var pairWidths = [256, 256, 256, 256]
    /// The widths of the hidden layers of f_φ.
    public var readoutWidths = [256, 512]
    /// The share of the last hidden layer of f_φ that training drops.
    public var dropout: Float = 0
  }
}

extension BAbI.Settings {
  func check() throws(CatalogueError) {
    guard !tasks.isEmpty, Set(tasks).count == tasks.count,
      tasks.allSatisfy({ (1...BAbI.taskCount).contains($0) })
    else {
      throw CatalogueError("tasks is \(tasks); give some of 1 to \(BAbI.taskCount), each once")
    }
    try requireRange(window, 1...1_000, "window")
    try requireRange(embeddingWidth, 1...65_536, "embeddingWidth")
    try requireRange(stateWidth, 1...65_536, "stateWidth")
    try requireRange(contextWidth, 0...65_536, "contextWidth")
    try requireWidths(pairWidths, "pairWidths")
    try requireWidths(readoutWidths, "readoutWidths")
    try requireDropout(dropout)
  }

  /// The model for a vocabulary; without one, for about as many words and answers as data have.
  func modelConfiguration(_ vocabulary: BAbI.Vocabulary?) -> AnswerModelConfiguration {
    let language = AnswerModelConfiguration.Language(
      vocabulary: vocabulary?.readCount ?? BAbI.usualWordCount, embeddingWidth: embeddingWidth,
      stateWidth: stateWidth, isBidirectional: bidirectional)
    let answers =
      vocabulary?.outputs(answers).count
      ?? (answers == .vocabulary ? BAbI.usualOutputCount : BAbI.usualAnswerCount)
    return AnswerModelConfiguration(
      scene: .story(
        sentences: window, words: BAbI.usualSentenceLength, language,
        context: .init(width: contextWidth, isReversed: tags == .distance)),
      question: .words(BAbI.usualSentenceLength, language), pairWidths: pairWidths,
      readoutWidths: readoutWidths,
      answers: .labels(answers, categories: BAbI.metrics(of: tasks)), dropout: dropout)
  }
}
