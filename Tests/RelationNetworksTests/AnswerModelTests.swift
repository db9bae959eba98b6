// Models over sets and sentences of any sizes, and the encoder without training.

import Autodiff
import Learning
import NeuralNetworks
import Tensors
import TestSupport
import Testing

@testable import RelationNetworks

@Suite struct AnswerModelTests {
  static let language = AnswerModelConfiguration.Language(
    vocabulary: 12, embeddingWidth: 5, stateWidth: 6)

  private func model(
    _ scene: AnswerModelConfiguration.Scene, _ question: AnswerModelConfiguration.Question,
    _ reasoning: AnswerModelConfiguration.Reasoning = .relation,
    answers: AnswerModelConfiguration.Answers = .labels(4)
  ) -> AnswerModel {
    AnswerModel(
      AnswerModelConfiguration(
        scene: scene, question: question, reasoning: reasoning, pairWidths: [16, 12],
        readoutWidths: [10], answers: answers))
  }

  private func numbers(_ shape: Shape, seed: UInt64 = 5) -> Tensor {
    var random = CounterRandom(seed: seed, purpose: .trial, index: 0)
    return Tensor((0..<shape.count).map { _ in random.normal() }, shape: shape)
  }

  private func words(_ shape: Shape, lengths: [Int]? = nil) -> WordIndices {
    var random = CounterRandom(seed: 6, purpose: .trial, index: 0)
    return WordIndices(
      (0..<shape.count).map { _ in Int32(random.integer(below: 12)) }, shape: shape,
      lengths: lengths)
  }

  /// The logits and the gradient of a loss that weighs every sample the same.
  private func results(
    _ model: AnswerModel, _ batches: [AnswerBatch]
  ) throws -> (logits: Tensor, gradient: Tensor) {
    let values = ParameterVector(initializing: model.layout, seed: 7)
    let pass = ForwardPass(
      values, mode: .training(seed: 7, step: 1, replica: 0), context: try ComputeContext(),
      dropsOut: false)
    let logits = Variable.concatenate(batches.map { model.predict($0, in: pass).logits }, axis: 0)
    let labels = (0..<logits.shape[0]).map { Int32($0 % 4) }
    let value = logits.value
    return (value, pass.gradient(of: logits.crossEntropy(labels: labels)))
  }

  private func expectEqual(
    _ model: AnswerModel, together: AnswerBatch, apart: [AnswerBatch]
  ) throws {
    let (all, each) = (try results(model, [together]), try results(model, apart))
    #expect(distance(of: all.logits, from: each.logits) < 1e-5)
    #expect(distance(of: all.gradient, from: each.gradient) < 1e-5)
  }

  @Test(arguments: [AnswerModelConfiguration.Reasoning.relation, .perceptron])
  func setsOfAnySizeAreAsIfEachWereAlone(
    reasoning: AnswerModelConfiguration.Reasoning
  ) throws {
    let model = model(.objects(count: 6, features: 3), .bits(2), reasoning)
    let counts = [5, 0, 1, 3, 5]
    var rows = numbers([5, 5, 3])
    let question = numbers([5, 2], seed: 8)
    let apart = counts.enumerated().map { i, count in
      AnswerBatch(
        scene: .objects(rows.window(from: i * 15, shape: [1, count, 3])),
        question: .bits(question.window(from: i * 2, shape: [1, 2])), target: .labels([0]))
    }
    // What lies beyond a set's size means nothing.
    rows.withMutableScalars { scalars in
      for (i, count) in counts.enumerated() {
        for k in count * 3..<15 { scalars[i * 15 + k] = 100 }
      }
    }
    let together = AnswerBatch(
      scene: .objects(rows, counts: counts), question: .bits(question), target: .labels([0]))
    try expectEqual(model, together: together, apart: apart)
  }

  @Test(
    arguments: [AnswerModelConfiguration.Reasoning.relation, .perceptron],
    [AnswerModelConfiguration.Context.none, .init(width: 3), .init(width: 3, isReversed: true)])
  func storiesOfAnyLengthAreAsIfEachWereAlone(
    reasoning: AnswerModelConfiguration.Reasoning, context: AnswerModelConfiguration.Context
  ) throws {
    let model = model(
      .story(sentences: 4, words: 5, Self.language, context: context), .words(4, Self.language),
      reasoning)
    let (counts, lengths) = ([3, 1, 2], [[5, 2, 4], [3, 0, 0], [1, 5, 0]])
    let (story, question) = (words([3, 3, 5], lengths: lengths.flatMap { $0 }), words([3, 4]))
    let questionLengths = [4, 1, 3]
    let apart = (0..<3).map { i -> AnswerBatch in
      let sentences = Array(story.indices[i * 15..<i * 15 + counts[i] * 5])
      let asked = Array(question.indices[i * 4..<i * 4 + questionLengths[i]])
      let alone = WordIndices(
        sentences, shape: [1, counts[i], 5], lengths: Array(lengths[i].prefix(counts[i])))
      return AnswerBatch(
        scene: .story(alone),
        question: .words(WordIndices(asked, shape: [1, questionLengths[i]])), target: .labels([0]))
    }
    let together = AnswerBatch(
      scene: .story(story, counts: counts),
      question: .words(
        WordIndices(question.indices, shape: question.shape, lengths: questionLengths)),
      target: .labels([0]))
    try expectEqual(model, together: together, apart: apart)
  }

  @Test func whoIsToldOnlyTheQuestionHasNoOtherParameters() throws {
    let model = model(
      .image(extent: 16, channels: [4, 4]), .words(4, Self.language), .questionOnly)
    let prefixes = Set(model.layout.parameters.map { $0.name.prefix { $0 != "." } })
    #expect(prefixes == ["embed", "lstm", "mlp"] && model.layout.statisticCount == 0)
    let batches = [1, 2].map {
      AnswerBatch(
        scene: .image(numbers([3, 3, 16, 16], seed: $0)), question: .words(words([3, 4])),
        target: .labels([0, 1, 2]))
    }
    let found = try results(model, batches)
    #expect(
      Array(found.logits.scalars.prefix(12)) == Array(found.logits.scalars.suffix(12)))
    #expect(found.gradient.scalars.contains { $0 != 0 })
  }

  @Test func truthsAreMeasuredOneByOneAndTogether() throws {
    let model = model(
      .objects(count: 2, features: 3), .none,
      answers: .truths(3, whole: .accuracy("all"), categories: [.accuracy("edges")]))
    #expect(
      model.configuration.answers.metrics.map(\.path.description)
        == ["accuracy/all", "accuracy/edges"])
    let pass = ForwardPass(
      ParameterVector(initializing: model.layout, seed: 1), mode: .evaluation,
      context: try ComputeContext())
    let logits = pass.tape.constant(Tensor([2, -1, 3, 0.5, .nan, -4, -1, -1, 1], shape: [3, 3]))
    let batch = AnswerBatch(
      scene: .objects(numbers([3, 2, 3])), question: .none,
      target: .truths(Tensor([1, 0, 1, 0, 0, 0, 0, 0, 1], shape: [3, 3])))
    let measured = model.measure(AnswerPrediction(logits), for: batch)
    #expect(measured[0] == Measurement(sum: 2, weight: 3))
    #expect(measured[1] == Measurement(sum: 7, weight: 9))
  }

  @Test(arguments: [true, false]) func theEncoderIsItsComposition(isTraining: Bool) throws {
    var layout = ParameterLayout()
    let encoder = ConvolutionalEncoder("conv", channels: [4, 6, 5], in: &layout)
    var values = ParameterVector(initializing: layout, seed: 2)
    // Running statistics that are neither zero nor one, and under which something is positive.
    values.statistics = Tensor(
      (0..<layout.statisticCount).map { 0.05 + Float($0 % 7) / 50 },
      shape: [layout.statisticCount])
    let context = try ComputeContext()
    let mode: PassMode = isTraining ? .training(seed: 1, step: 1, replica: 0) : .evaluation
    let (fused, composed) = (
      ForwardPass(values, mode: mode, context: context),
      ForwardPass(values, mode: mode, context: context)
    )
    let images = numbers([3, 3, 20, 20])
    let first = encoder.featureMap(fused.tape.constant(images), in: fused)
    let second = encoder.composedFeatureMap(composed.tape.constant(images), in: composed)
    #expect(distance(of: first.value, from: second.value) < 1e-5)
    #expect(distance(of: fused.statistics(), from: composed.statistics()) < 1e-5)
  }

  @Test func coordinatesAreRowAndColumn() {
    let tags = ConvolutionalEncoder.coordinates(rows: 5, columns: 5)
    #expect(tags.shape == [25, 2])
    #expect(Array(tags.scalars[0..<6]) == [-1, -1, -1, -0.5, -1, 0])
    #expect(Array(tags.scalars[46..<50]) == [1, 0.5, 1, 1])
  }
}
