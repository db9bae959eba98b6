// A whole model, from what is seen and asked to logits of answers.

import Autodiff
import Learning
import NeuralNetworks
import Tensors

/// A model that answers a question about an image, a set of objects or a story.
///
/// Its parameters are called as in PyTorch modules of the same parts: `conv.net.…` (convolutions),
/// `embed.weight` (word vectors), `lstm.…` (question), or `sent.…` and `ques.…` (story and
/// question), then `rn.g.…` and `rn.f.…`, or `san.…`, or `mlp.…`. `docs/PARAMETERS.md` lists them
/// all.
public struct AnswerModel: LearningModel {
  /// How the answer is found.
  private enum Reasoning: Sendable {
    /// From all pairs of objects, which may be refined before.
    case relation(RelationNetwork, ObjectRefiner?)
    /// From single objects, looked at several times.
    case attention(StackedAttention)
    /// From the features of all objects at once.
    case perceptron(Perceptron)
    /// From the question alone.
    case questionOnly(Perceptron)
  }

  /// What the model is built of.
  public let configuration: AnswerModelConfiguration
  /// The model's parameters and statistics.
  public let layout: ParameterLayout
  private let perception: Perception
  private let questionReading: QuestionReading
  private let reasoning: Reasoning

  /// A model of a configuration.
  public init(_ configuration: AnswerModelConfiguration) {
    var layout = ParameterLayout()
    self.configuration = configuration
    (perception, questionReading) = Self.senses(of: configuration, in: &layout)
    reasoning = Self.reasoning(of: configuration, in: &layout)
    self.layout = layout
  }

  private static func senses(
    of configuration: AnswerModelConfiguration, in layout: inout ParameterLayout
  ) -> (Perception, QuestionReading) {
    // Who is told only the question sees nothing, so nothing is there to be seen with.
    let isBlind = configuration.reasoning == .questionOnly
    let scene = isBlind ? .objects(count: 0, features: 0) : configuration.scene
    var encoder: ConvolutionalEncoder?
    if case .image(_, let channels) = scene {
      encoder = ConvolutionalEncoder("conv", channels: channels, in: &layout)
    }
    var embedding: Embedding?
    func reader(
      _ name: String, _ language: AnswerModelConfiguration.Language,
      in layout: inout ParameterLayout
    ) -> SentenceReader {
      let (words, features) = (language.vocabulary, language.embeddingWidth)
      let shared = embedding ?? Embedding("embed", words: words, features: features, in: &layout)
      precondition(
        shared.weight.shape == [words, features], "story and question in different languages")
      embedding = shared
      return SentenceReader(
        name, embedding: shared, hidden: language.stateWidth,
        isBidirectional: language.isBidirectional, in: &layout)
    }
    var perception = encoder.map { Perception.pixels($0) } ?? .rows
    var questionName = "lstm"
    if case .story(let sentences, _, let language, let context) = scene {
      let reader = reader("sent", language, in: &layout)
      perception = .sentences(
        reader,
        context: context.width == 0
          ? nil
          : LSTM(
            "story", from: language.sentenceWidth, hidden: context.width,
            isReversed: context.isReversed, in: &layout), positions: sentences)
      questionName = "ques"
    }
    switch configuration.question {
    case .none: return (perception, .none)
    case .bits: return (perception, .bits)
    case .words(_, let language):
      return (perception, .words(reader(questionName, language, in: &layout)))
    }
  }

  private static func reasoning(
    of configuration: AnswerModelConfiguration, in layout: inout ParameterLayout
  ) -> Reasoning {
    let readout = configuration.readoutWidths + [configuration.answers.count]
    func perceptron(from inputs: Int, in layout: inout ParameterLayout) -> Perceptron {
      Perceptron(
        "mlp", from: inputs, through: configuration.pairWidths + readout,
        dropout: configuration.dropout, in: &layout)
    }
    let questionFeatures = configuration.question.features
    switch configuration.reasoning {
    case .relation:
      let network = RelationNetwork(
        "rn", objectFeatures: configuration.scene.objects.features,
        questionFeatures: questionFeatures, pairWidths: configuration.pairWidths,
        readoutWidths: readout, dropout: configuration.dropout, in: &layout)
      let refiner = configuration.refinement.map {
        ObjectRefiner("refiner", $0, of: configuration.scene, in: &layout)
      }
      return .relation(network, refiner)
    case .attention:
      return .attention(
        StackedAttention(
          "san", objectFeatures: configuration.scene.objects.features,
          questionFeatures: questionFeatures, hiddenWidths: configuration.pairWidths,
          readoutWidths: readout, dropout: configuration.dropout, in: &layout))
    case .perceptron:
      return .perceptron(
        perceptron(from: configuration.scene.flatFeatures + questionFeatures, in: &layout))
    case .questionOnly:
      return .questionOnly(perceptron(from: questionFeatures, in: &layout))
    }
  }

  /// What is measured: of the answers, and of the refinement if there is one.
  public var metrics: [Metric] {
    configuration.answers.metrics + (configuration.refinement?.inner.metrics ?? [])
  }

  /// The logits, and what became of the objects.
  public func predict(_ batch: AnswerBatch, in pass: ForwardPass) -> AnswerPrediction {
    guard case .relation(let network, let refiner?) = reasoning else {
      return AnswerPrediction(logits(of: batch, in: pass))
    }
    let question = questionReading.features(of: batch.question, in: pass)
    let refinement = refiner(perception.objects(of: batch.scene, in: pass), in: pass)
    return AnswerPrediction(
      network(ObjectSet(refinement.set), question: question, in: pass), refinement: refinement)
  }

  private func logits(of batch: AnswerBatch, in pass: ForwardPass) -> Variable {
    let question = questionReading.features(of: batch.question, in: pass)
    switch reasoning {
    case .relation(let network, _):
      return network(perception.objects(of: batch.scene, in: pass), question: question, in: pass)
    case .attention(let network):
      guard let question else { preconditionFailure("attention to what is asked, and nothing is") }
      return network(perception.objects(of: batch.scene, in: pass), question: question, in: pass)
    case .perceptron(let perceptron):
      let features = perception.features(
        of: batch.scene, capacity: configuration.scene.objects.count, in: pass)
      let parts = [features] + (question.map { [$0] } ?? [])
      return perceptron(.concatenate(parts, axis: 1), in: pass)
    case .questionOnly(let perceptron):
      guard let question else { preconditionFailure("a model of the question, without question") }
      return perceptron(question, in: pass)
    }
  }

  /// The mean loss: cross-entropy, or binary cross-entropy over all logits.
  public func loss(
    of prediction: AnswerPrediction, for batch: AnswerBatch, in pass: ForwardPass
  ) -> Variable {
    switch batch.target {
    case .labels(let labels): prediction.logits.crossEntropy(labels: labels)
    case .truths(let truths):
      prediction.logits.binaryCrossEntropyWithLogits(targets: pass.tape.constant(truths))
    }
  }

  /// A measurement for each of `metrics`.
  public func measure(_ prediction: AnswerPrediction, for batch: AnswerBatch) -> [Measurement] {
    rightAnswers(prediction.logits, for: batch)
      + (configuration.refinement.flatMap { refinement in
        prediction.refinement?.measurements(refinement.inner)
      } ?? [])
  }

  /// How many answers are right: of each category, or of whole samples and of each category.
  private func rightAnswers(_ logits: Variable, for batch: AnswerBatch) -> [Measurement] {
    var measured = [Measurement](repeating: .nothing, count: configuration.answers.metrics.count)
    switch batch.target {
    case .labels(let labels):
      for (i, answer) in logits.value.largestOfRows().enumerated() {
        let category = batch.categories.isEmpty ? 0 : batch.categories[i]
        measured[category] += Measurement(sum: answer == labels[i] ? 1 : 0, weight: 1)
      }
    case .truths(let truths):
      let count = truths.shape[1]
      for row in 0..<truths.shape[0] {
        let answers = logits.value.window(from: row * count, shape: [count]).scalars
        let rights = zip(
          answers, truths.window(from: row * count, shape: [count]).scalars
        ).map { $0.isFinite && ($0 > 0) == ($1 > 0.5) }
        measured[0] += Measurement(sum: rights.allSatisfy(\.self) ? 1 : 0, weight: 1)
        for (column, isRight) in rights.enumerated() {
          let category = batch.categories.isEmpty ? 0 : batch.categories[row * count + column]
          guard category >= 0 else { continue }
          measured[1 + category] += Measurement(sum: isRight ? 1 : 0, weight: 1)
        }
      }
    }
    return measured
  }
}
