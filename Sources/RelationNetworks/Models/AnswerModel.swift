// A whole model, from what is seen and asked to logits of answers.

import Autodiff
import NeuralNetworks
import Tensors

/// What a model is built of; all that its parameters' names and shapes depend on.
public struct AnswerModelConfiguration: Hashable, Sendable {
  /// What is asked about.
  public enum Scene: Hashable, Sendable {
    /// An image `[3, extent, extent]`, seen through convolutions with these numbers of kernels.
    case image(extent: Int, channels: [Int])
    /// Rows of features, `[count, features]`.
    case objects(count: Int, features: Int)
    /// Sentences of words, each read by an LSTM and tagged with its position, one-hot.
    case story(sentences: Int, words: Int)
  }

  /// What is asked.
  public enum Question: Hashable, Sendable {
    /// The same for every scene.
    case none
    /// A vector of numbers.
    case bits(Int)
    /// So many words, read by an LSTM.
    case words(Int)
  }

  /// How words become vectors and sentences states.
  public struct Language: Hashable, Sendable {
    /// The number of different words.
    public var vocabulary: Int
    /// The numbers that a word becomes.
    public var embeddingWidth: Int
    /// The numbers that a sentence becomes.
    public var stateWidth: Int
  }

  /// How the answer is found.
  public enum Reasoning: Hashable, Sendable {
    /// By a relation network.
    case relation
    /// By a perceptron of the same layers over everything at once: the paper's baseline.
    case perceptron
  }

  /// What is asked about.
  public var scene: Scene
  /// What is asked.
  public var question: Question
  /// How words are read, if there are any.
  public var language: Language?
  /// How the answer is found.
  public var reasoning: Reasoning
  /// The widths of the layers of g_θ.
  public var pairWidths: [Int]
  /// The widths of the layers of f_φ, without the last.
  public var readoutWidths: [Int]
  /// The number of logits.
  public var answerCount: Int
  /// The share of f_φ's last hidden layer that training drops.
  public var dropout: Float

  /// A model of the given parts.
  public init(
    scene: Scene, question: Question, language: Language? = nil, reasoning: Reasoning = .relation,
    pairWidths: [Int], readoutWidths: [Int], answerCount: Int, dropout: Float = 0
  ) {
    self.scene = scene
    self.question = question
    self.language = language
    self.reasoning = reasoning
    self.pairWidths = pairWidths
    self.readoutWidths = readoutWidths
    self.answerCount = answerCount
    self.dropout = dropout
  }
}

/// What a model is given: a batch of scenes and questions.
public struct AnswerModelInputs: Sendable {
  /// What is asked about.
  public enum Scene: Sendable {
    /// `[batch, 3, extent, extent]` or `[batch, count, features]`.
    case numbers(Tensor)
    /// `[batch, sentences, words]`.
    case story(WordIndices)
  }

  /// What is asked.
  public enum Question: Sendable {
    /// The same for every scene.
    case none
    /// `[batch, bits]`.
    case bits(Tensor)
    /// `[batch, words]`.
    case words(WordIndices)
  }

  /// What is asked about.
  public var scene: Scene
  /// What is asked.
  public var question: Question

  /// A batch of scenes and questions.
  public init(scene: Scene, question: Question) {
    self.scene = scene
    self.question = question
  }
}

/// A model that answers a question about an image, a set of objects or a story.
///
/// Its parameters are called as in PyTorch modules of the same parts: `conv.net.…` (convolutions),
/// `embed.weight` (word vectors), `lstm.…` (question), or `sent.…` and `ques.…` (story and
/// question), then `rn.g.…` and `rn.f.…`, or `mlp.…`. `docs/PARAMETERS.md` lists them all.
public struct AnswerModel: Sendable {
  /// What the model is built of.
  public let configuration: AnswerModelConfiguration
  private let encoder: ConvolutionalEncoder?
  private let embedding: Embedding?
  private let sentenceReader: LSTM?
  private let questionReader: LSTM?
  private let relation: RelationNetwork?
  private let perceptron: Perceptron?

  /// A model whose parameters are added to the layout.
  public init(_ configuration: AnswerModelConfiguration, in layout: inout ParameterLayout) {
    self.configuration = configuration
    encoder =
      if case .image(_, let channels) = configuration.scene {
        ConvolutionalEncoder("conv", channels: channels, in: &layout)
      } else { nil }
    let language = configuration.language
    embedding = language.map {
      Embedding("embed", words: $0.vocabulary, features: $0.embeddingWidth, in: &layout)
    }
    func reader(_ name: String, in layout: inout ParameterLayout) -> LSTM? {
      language.map { LSTM(name, from: $0.embeddingWidth, hidden: $0.stateWidth, in: &layout) }
    }
    if case .story = configuration.scene {
      sentenceReader = reader("sent", in: &layout)
      questionReader = reader("ques", in: &layout)
    } else {
      sentenceReader = nil
      questionReader = reader("lstm", in: &layout)
    }
    let (objects, features) = configuration.objects
    let questionFeatures = configuration.questionFeatures
    switch configuration.reasoning {
    case .relation:
      relation = RelationNetwork(
        "rn", objectFeatures: features, questionFeatures: questionFeatures,
        pairWidths: configuration.pairWidths,
        readoutWidths: configuration.readoutWidths + [configuration.answerCount],
        dropout: configuration.dropout, in: &layout)
      perceptron = nil
    case .perceptron:
      relation = nil
      // Channels without coordinates: a perceptron knows the place by the input.
      let tags = encoder == nil ? 0 : 2
      perceptron = Perceptron(
        "mlp",
        from: objects * (features - tags) + questionFeatures,
        through: configuration.pairWidths + configuration.readoutWidths
          + [configuration.answerCount],
        dropout: configuration.dropout, in: &layout)
    }
  }

  /// The logits, `[batch, answers]`; `droppingOut` as for `Perceptron`.
  public func callAsFunction(
    _ inputs: AnswerModelInputs, droppingOut: Bool = true, in pass: ForwardPass
  ) -> Variable {
    let question = read(inputs.question, in: pass)
    if let relation {
      return relation(
        objects(inputs.scene, in: pass), question: question, droppingOut: droppingOut, in: pass)
    }
    guard let perceptron, case .numbers(let tensor) = inputs.scene else {
      preconditionFailure("answer model: a perceptron reads images or objects")
    }
    let seen = pass.tape.constant(tensor)
    let features = encoder?.featureMap(seen, in: pass) ?? seen
    let batch = features.shape[0]
    let flat = features.reshaped(to: [batch, features.shape.count / max(batch, 1)])
    return perceptron(
      .concatenate([flat] + (question.map { [$0] } ?? []), axis: 1), droppingOut: droppingOut,
      in: pass)
  }

  private func objects(_ scene: AnswerModelInputs.Scene, in pass: ForwardPass) -> Variable {
    switch scene {
    case .numbers(let tensor):
      let seen = pass.tape.constant(tensor)
      return encoder?(seen, in: pass) ?? seen
    case .story(let words):
      guard let sentenceReader, let embedding else {
        preconditionFailure("answer model: a story for a model that does not read")
      }
      let states = sentenceReader.lastStates(ofSentences: words, embedding: embedding, in: pass)
      let (batch, sentences) = (words.shape[0], words.shape[1])
      let tags = pass.tape.constant(Self.positionTags(sentences))
        .broadcast(to: [batch, sentences, sentences])
      return .concatenate([states, tags], axis: 2)
    }
  }

  private func read(_ question: AnswerModelInputs.Question, in pass: ForwardPass) -> Variable? {
    switch question {
    case .none: return nil
    case .bits(let tensor): return pass.tape.constant(tensor)
    case .words(let words):
      guard let questionReader, let embedding else {
        preconditionFailure("answer model: words for a model that does not read")
      }
      return questionReader.lastStates(ofSentences: words, embedding: embedding, in: pass)
    }
  }

  /// One-hot rows, `[sentences, sentences]`.
  private static func positionTags(_ sentences: Int) -> Tensor {
    Tensor(shape: [sentences, sentences]) { scalars in
      scalars.initialize(repeating: 0)
      for i in 0..<sentences { scalars[i * sentences + i] = 1 }
    }
  }
}

extension AnswerModelConfiguration {
  /// The number of objects and the features of each.
  var objects: (count: Int, features: Int) {
    switch scene {
    case .image(let extent, let channels):
      let cells = channels.reduce(extent) { extent, _ in (extent - 1) / 2 + 1 }
      return (cells * cells, channels[channels.count - 1] + 2)
    case .objects(let count, let features): return (count, features)
    case .story(let sentences, _): return (sentences, (language?.stateWidth ?? 0) + sentences)
    }
  }

  /// The features of a question.
  var questionFeatures: Int {
    switch question {
    case .none: 0
    case .bits(let count): count
    case .words: language?.stateWidth ?? 0
    }
  }
}
