// The papers' models by name, with inputs made up: for timing a step, and for holding one model
// against another program's.

import Autodiff
import NeuralNetworks
import Tensors

/// A model of one of the papers' sizes, without a data set.
public struct BenchmarkModel: Sendable {
  /// What the logits are held against.
  public enum Target: Sendable {
    /// A class for each sample.
    case labels([Int32])
    /// A number from 0 to 1 for each logit, `[batch, answers]`.
    case truths(Tensor)
  }

  /// What a step is computed from.
  public struct Inputs: Sendable {
    /// What the model is given.
    public var seen: AnswerModelInputs
    /// What it should answer.
    public var target: Target

    /// A batch and its answers.
    public init(seen: AnswerModelInputs, target: Target) {
      self.seen = seen
      self.target = target
    }
  }

  /// The names that `init(name:)` knows.
  public static let names = [
    "sort-of-clevr-small", "sort-of-clevr-paper", "clevr-pixels", "clevr-state", "babi", "physical",
  ]

  /// The model.
  public let model: AnswerModel
  /// The model's parameters and statistics.
  public let layout: ParameterLayout
  /// Whether each logit is a question of its own, of yes or no, instead of one answer among many.
  public let hasBinaryAnswers: Bool

  /// The model of a name.
  ///
  /// Throws a `CatalogueError` that lists the known names if there is none.
  public init(name: String) throws(CatalogueError) {
    guard let configuration = Self.configuration(name) else {
      throw CatalogueError(unknown: name, kind: "configuration", known: Self.names)
    }
    self.init(configuration, hasBinaryAnswers: name == "physical")
  }

  /// A model of a configuration.
  public init(_ configuration: AnswerModelConfiguration, hasBinaryAnswers: Bool = false) {
    var layout = ParameterLayout()
    model = AnswerModel(configuration, in: &layout)
    self.layout = layout
    self.hasBinaryAnswers = hasBinaryAnswers
  }

  /// The logits `[batch, answers]` and the mean loss: cross-entropy, or binary cross-entropy over
  /// all logits.
  ///
  /// Without `droppingOut` the models that have dropout can be compared with another program's.
  public func forward(
    _ inputs: Inputs, droppingOut: Bool = true, in pass: ForwardPass
  ) -> (loss: Variable, logits: Variable) {
    let logits = model(inputs.seen, droppingOut: droppingOut, in: pass)
    let loss =
      switch inputs.target {
      case .labels(let labels): logits.crossEntropy(labels: labels)
      case .truths(let truths):
        logits.binaryCrossEntropyWithLogits(targets: pass.tape.constant(truths))
      }
    return (loss, logits)
  }

  /// Random inputs of the task's true shapes: normal numbers, uniform words and answers.
  public func randomInputs(batch: Int, seed: UInt64) -> Inputs {
    var random = CounterRandom(seed: seed, purpose: .trial, index: 0)
    let configuration = model.configuration
    let vocabulary = UInt32(configuration.language?.vocabulary ?? 1)
    func numbers(_ shape: Shape) -> Tensor {
      Tensor((0..<shape.count).map { _ in random.normal() }, shape: shape)
    }
    func words(_ shape: Shape) -> WordIndices {
      let indices = (0..<shape.count).map { _ in Int32(random.integer(below: vocabulary)) }
      return WordIndices(indices, shape: shape)
    }
    let scene: AnswerModelInputs.Scene =
      switch configuration.scene {
      case .image(let extent, _): .numbers(numbers([batch, 3, extent, extent]))
      case .objects(let count, let features): .numbers(numbers([batch, count, features]))
      case .story(let sentences, let length): .story(words([batch, sentences, length]))
      }
    let question: AnswerModelInputs.Question =
      switch configuration.question {
      case .none: .none
      case .bits(let count): .bits(numbers([batch, count]))
      case .words(let count): .words(words([batch, count]))
      }
    let answers = configuration.answerCount
    let target: Target =
      if hasBinaryAnswers {
        .truths(
          Tensor(
            (0..<batch * answers).map { _ in Float(random.integer(below: 2)) },
            shape: [batch, answers]))
      } else {
        .labels((0..<batch).map { _ in Int32(random.integer(below: UInt32(answers))) })
      }
    return Inputs(seen: AnswerModelInputs(scene: scene, question: question), target: target)
  }

  /// The sizes that the papers give: appendices B (pixels), C (state), D, E and F.
  private static func configuration(_ name: String) -> AnswerModelConfiguration? {
    switch name {
    case "sort-of-clevr-small":
      AnswerModelConfiguration(
        scene: .image(extent: 75, channels: [24, 24, 24, 24]), question: .bits(11),
        pairWidths: [256, 256, 256, 256], readoutWidths: [256, 256], answerCount: 10)
    case "sort-of-clevr-paper":
      AnswerModelConfiguration(
        scene: .image(extent: 75, channels: [32, 64, 128, 256]), question: .bits(11),
        pairWidths: [2000, 2000, 2000, 2000], readoutWidths: [2000, 1000, 500, 100],
        answerCount: 10)
    case "clevr-pixels":
      AnswerModelConfiguration(
        scene: .image(extent: 128, channels: [24, 24, 24, 24]), question: .words(30),
        language: .init(vocabulary: 90, embeddingWidth: 32, stateWidth: 128),
        pairWidths: [256, 256, 256, 256], readoutWidths: [256, 256], answerCount: 29,
        dropout: 0.5)
    case "clevr-state":
      AnswerModelConfiguration(
        scene: .objects(count: 10, features: 18), question: .words(30),
        language: .init(vocabulary: 90, embeddingWidth: 32, stateWidth: 256),
        pairWidths: [512, 512, 512, 512], readoutWidths: [512, 1024], answerCount: 29,
        dropout: 0.02)
    case "babi":
      AnswerModelConfiguration(
        scene: .story(sentences: 20, words: 8), question: .words(8),
        language: .init(vocabulary: 180, embeddingWidth: 32, stateWidth: 32),
        pairWidths: [256, 256, 256, 256], readoutWidths: [256, 512], answerCount: 159)
    case "physical":
      AnswerModelConfiguration(
        scene: .objects(count: 10, features: 35), question: .none,
        pairWidths: [1000, 1000, 1000, 500], readoutWidths: [500, 100], answerCount: 100)
    default: nil
    }
  }
}
