// What a model that answers questions is built of.

import Learning
import NeuralNetworks

/// What a model is built of; all that its parameters' names and shapes depend on, and what its
/// answers are held against.
public struct AnswerModelConfiguration: Hashable, Sendable {
  /// What is asked about.
  public enum Scene: Hashable, Sendable {
    /// An image `[3, extent, extent]`, seen through convolutions with these numbers of kernels.
    case image(extent: Int, channels: [Int])
    /// Rows of features, at most `[count, features]`.
    case objects(count: Int, features: Int)
    /// At most so many sentences of about so many words, each read by an LSTM and tagged with its
    /// position, one-hot.
    case story(sentences: Int, words: Int, Language, context: Context = .none)
  }

  /// What is asked.
  public enum Question: Hashable, Sendable {
    /// The same for every scene.
    case none
    /// A vector of numbers.
    case bits(Int)
    /// About so many words, read by an LSTM.
    case words(Int, Language)
  }

  /// What an LSTM over the sentences of a story adds to each.
  public struct Context: Hashable, Sendable {
    /// The numbers that are added.
    public var width: Int
    /// Whether it goes through the story from its last sentence.
    public var isReversed: Bool

    /// A context of the given width.
    public init(width: Int, isReversed: Bool = false) {
      self.width = width
      self.isReversed = isReversed
    }

    /// Sentences stand for themselves.
    public static let none = Context(width: 0)
  }

  /// How words become vectors and sentences states.
  public struct Language: Hashable, Sendable {
    /// The number of different words.
    public var vocabulary: Int
    /// The numbers that a word becomes.
    public var embeddingWidth: Int
    /// The numbers that a sentence becomes in each direction that it is read in.
    public var stateWidth: Int
    /// Whether sentences are read from both ends.
    public var isBidirectional: Bool

    /// A language of the given widths.
    public init(
      vocabulary: Int, embeddingWidth: Int, stateWidth: Int, isBidirectional: Bool = false
    ) {
      self.vocabulary = vocabulary
      self.embeddingWidth = embeddingWidth
      self.stateWidth = stateWidth
      self.isBidirectional = isBidirectional
    }

    /// The numbers that a sentence becomes.
    public var sentenceWidth: Int { (isBidirectional ? 2 : 1) * stateWidth }
  }

  /// How the answer is found.
  public enum Reasoning: Hashable, Sendable {
    /// By a relation network.
    case relation
    /// By attention to single objects, a layer of it for each width of g_θ.
    case attention
    /// By a perceptron of the same layers over everything at once: the paper's baseline.
    case perceptron
    /// By a perceptron of the same layers over the question alone: what can be answered blindly.
    case questionOnly
  }

  /// How a set of objects is refined before a relation network looks at it.
  public struct SetRefinement: Codable, Hashable, Sendable {
    /// The inner steps.
    public var inner = RefinerSettings()
    /// The widths of the layers that each object goes through before all are summed up; the last is
    /// that of z, which is a linear function of the whole scene.
    public var summaryWidths = [128, 64]
  }

  /// What the logits mean.
  public enum Answers: Hashable, Sendable {
    /// One answer among so many; the share of right ones is measured for each category.
    case labels(Int, categories: [Metric] = [.accuracy()])
    /// So many questions of yes or no; `whole` is the share of samples with all of them right, and
    /// the share of right ones is measured for each category.
    case truths(Int, whole: Metric, categories: [Metric])

    /// The number of logits.
    public var count: Int {
      switch self {
      case .labels(let count, _), .truths(let count, _, _): count
      }
    }

    /// What is measured of the answers.
    public var metrics: [Metric] {
      switch self {
      case .labels(_, let categories): categories
      case .truths(_, let whole, let categories): [whole] + categories
      }
    }
  }

  /// What is asked about.
  public var scene: Scene
  /// What is asked.
  public var question: Question
  /// How the answer is found.
  public var reasoning: Reasoning
  /// How the set of objects is refined; `nil` if it is taken as it is seen.
  public var refinement: SetRefinement?
  /// The widths of the layers of g_θ.
  public var pairWidths: [Int]
  /// The widths of the layers of f_φ, without the last.
  public var readoutWidths: [Int]
  /// What the logits mean.
  public var answers: Answers
  /// The share of f_φ's last hidden layer that training drops.
  public var dropout: Float

  /// A model of the given parts.
  public init(
    scene: Scene, question: Question, reasoning: Reasoning = .relation,
    refinement: SetRefinement? = nil, pairWidths: [Int], readoutWidths: [Int], answers: Answers,
    dropout: Float = 0
  ) {
    self.scene = scene
    self.question = question
    self.reasoning = reasoning
    self.refinement = refinement
    self.pairWidths = pairWidths
    self.readoutWidths = readoutWidths
    self.answers = answers
    self.dropout = dropout
  }
}

extension AnswerModelConfiguration.Scene {
  /// The most objects that the scene has, and the features of each.
  var objects: (count: Int, features: Int) {
    switch self {
    case .image(let extent, let channels):
      let cells = channels.reduce(extent) { extent, _ in (extent - 1) / 2 + 1 }
      return (cells * cells, channels[channels.count - 1] + 2)
    case .objects(let count, let features): return (count, features)
    case .story(let sentences, _, let language, let context):
      return (sentences, language.sentenceWidth + context.width + sentences)
    }
  }

  /// The numbers that a perceptron reads of the scene.
  var flatFeatures: Int {
    let (count, features) = objects
    // Channels without coordinates: a perceptron knows the place by the input.
    if case .image = self { return count * (features - 2) }
    return count * features
  }
}

extension AnswerModelConfiguration.Question {
  /// The features of a question as models read it.
  var features: Int {
    switch self {
    case .none: 0
    case .bits(let count): count
    case .words(_, let language): language.sentenceWidth
    }
  }
}
