// What a model that answers questions is given, and what it should answer.

import Files
import Learning
import NeuralNetworks
import Tensors

/// A batch of scenes, questions and right answers.
public struct AnswerBatch: Sendable {
  /// What is asked about.
  public enum Scene: Sendable {
    /// Images, `[batch, 3, extent, extent]`.
    case image(Tensor)
    /// Rows of features, `[batch, n, features]`, and how many of the n each sample has, if not all.
    case objects(Tensor, counts: [Int]? = nil)
    /// Sentences, `[batch, n, words]`, and how many of the n each sample has, if not all.
    case story(WordIndices, counts: [Int]? = nil)
  }

  /// What is asked.
  public enum Question: Sendable {
    /// The same of every scene.
    case none
    /// `[batch, bits]`.
    case bits(Tensor)
    /// `[batch, words]`.
    case words(WordIndices)
  }

  /// What the logits are held against.
  public enum Target: Sendable {
    /// A class for each sample.
    case labels([Int32])
    /// A number from 0 to 1 for each logit, `[batch, answers]`.
    case truths(Tensor)
  }

  /// What is asked about.
  public var scene: Scene
  /// What is asked.
  public var question: Question
  /// What should be answered.
  public var target: Target
  /// The category of each answer, by its position among the model's; empty if there is one alone.
  ///
  /// A label has one for each sample, truths one for each logit; those below 0 are in no category.
  public var categories: [Int]
  /// What people call what each sample asks about, such as an image's file; empty if nobody needs
  /// to know.
  public var names: [String]

  /// A batch of the given parts.
  public init(
    scene: Scene, question: Question, target: Target, categories: [Int] = [],
    names: [String] = []
  ) {
    self.scene = scene
    self.question = question
    self.target = target
    self.categories = categories
    self.names = names
  }
}

extension AnswerModel {
  /// Made-up samples of the model's true shapes: normal numbers, uniform words and answers.
  public func trialBatch(count batch: Int, random: inout CounterRandom) -> AnswerBatch {
    func numbers(_ shape: Shape) -> Tensor {
      Tensor((0..<shape.count).map { _ in random.normal() }, shape: shape)
    }
    func words(_ shape: Shape, _ language: AnswerModelConfiguration.Language) -> WordIndices {
      let bound = UInt32(language.vocabulary)
      return WordIndices(
        (0..<shape.count).map { _ in Int32(random.integer(below: bound)) }, shape: shape)
    }
    let scene: AnswerBatch.Scene =
      switch configuration.scene {
      case .image(let extent, _): .image(numbers([batch, 3, extent, extent]))
      case .objects(let count, let features): .objects(numbers([batch, count, features]))
      case .story(let sentences, let length, let language, _):
        .story(words([batch, sentences, length], language))
      }
    let question: AnswerBatch.Question =
      switch configuration.question {
      case .none: .none
      case .bits(let count): .bits(numbers([batch, count]))
      case .words(let count, let language): .words(words([batch, count], language))
      }
    switch configuration.answers {
    case .labels(let count, let categories):
      let labels = (0..<batch).map { _ in Int32(random.integer(below: UInt32(count))) }
      return AnswerBatch(
        scene: scene, question: question, target: .labels(labels),
        categories: (0..<batch).map { $0 % categories.count })
    case .truths(let count, _, _):
      let truths = (0..<batch * count).map { _ in Float(random.integer(below: 2)) }
      return AnswerBatch(
        scene: scene, question: question, target: .truths(Tensor(truths, shape: [batch, count])))
    }
  }
}

extension ModelFamily where Model == AnswerModel {
  /// Made-up samples of the model's true shapes, for timing.
  public static func trialBatch(
    for model: AnswerModel, count: Int, random: inout CounterRandom
  ) -> AnswerBatch {
    model.trialBatch(count: count, random: &random)
  }

  /// A batch from a file that another program may have written; see `AnswerModel.batch`.
  public static func batch(
    for model: AnswerModel, from file: Safetensors, prefix: String
  ) throws(SafetensorsError) -> AnswerBatch {
    try model.batch(from: file, prefix: prefix)
  }
}
