// Every kind of model against PyTorch: logits, loss, gradients and batch statistics.

import Autodiff
import Files
import Foundation
import Learning
import NeuralNetworks
import Tensors
import TestSupport
import Testing

@testable import RelationNetworks

@Suite struct GoldenTests {
  /// The models of `scripts/golden/relation_networks.py`, by name.
  static let models: [String: AnswerModel] = {
    let language = AnswerModelConfiguration.Language(
      vocabulary: 15, embeddingWidth: 5, stateWidth: 7)
    func model(
      _ scene: AnswerModelConfiguration.Scene, _ question: AnswerModelConfiguration.Question,
      _ reasoning: AnswerModelConfiguration.Reasoning = .relation,
      answers: AnswerModelConfiguration.Answers = .labels(10), dropout: Float = 0
    ) -> AnswerModel {
      AnswerModel(
        AnswerModelConfiguration(
          scene: scene, question: question, reasoning: reasoning, pairWidths: [16, 12, 16, 14],
          readoutWidths: [13, 12], answers: answers, dropout: dropout))
    }
    func image(_ extent: Int) -> AnswerModelConfiguration.Scene {
      .image(extent: extent, channels: [4, 5, 6, 8])
    }
    return [
      "pixels-relation": model(image(75), .bits(11)),
      "pixels-perceptron": model(image(75), .bits(11), .perceptron),
      "state-relation": model(.objects(count: 6, features: 10), .bits(11)),
      "state-perceptron": model(.objects(count: 6, features: 10), .bits(11), .perceptron),
      "pixels-words": model(image(32), .words(9, language)),
      "state-words": model(.objects(count: 4, features: 6), .words(9, language), dropout: 0.5),
      "story": model(.story(sentences: 4, words: 6, language), .words(5, language)),
      "no-question": model(
        .objects(count: 5, features: 6), .none,
        answers: .truths(10, whole: .accuracy("all"), categories: [.accuracy("edges")])),
    ]
  }()

  /// The models of `scripts/golden/stories.py`, by name.
  static let stories: [String: AnswerModel] = {
    func model(_ context: AnswerModelConfiguration.Context, fromBothEnds: Bool) -> AnswerModel {
      let language = AnswerModelConfiguration.Language(
        vocabulary: 15, embeddingWidth: 5, stateWidth: 7, isBidirectional: fromBothEnds)
      return AnswerModel(
        AnswerModelConfiguration(
          scene: .story(sentences: 4, words: 6, language, context: context),
          question: .words(5, language), pairWidths: [16, 12, 16, 14], readoutWidths: [13, 12],
          answers: .labels(10)))
    }
    return [
      "both-ends": model(.none, fromBothEnds: true),
      "context": model(.init(width: 6), fromBothEnds: false),
      "both-ends-context": model(.init(width: 6, isReversed: true), fromBothEnds: true),
    ]
  }()

  static func goldenFile(_ name: String = "relation_networks") throws -> Safetensors {
    let url = try #require(
      Bundle.module.url(
        forResource: name, withExtension: "safetensors", subdirectory: "Golden"))
    return try Safetensors(contentsOf: url.path)
  }

  /// Whether batch normalisation follows, which takes away what a convolution's bias adds: its
  /// gradient is zero but for rounding.
  static func isWithoutInfluence(_ name: String) -> Bool {
    ["0", "3", "6", "9"].contains { name.hasSuffix("conv.net.\($0).bias") }
  }

  /// How far numbers may be from PyTorch's; with bfloat16 as far as rounding in PyTorch takes them,
  /// two to ten times over.
  private struct Tolerance {
    let arithmetic: Arithmetic

    private func agree(
      _ found: Tensor, _ expected: Tensor, _ scale: Tensor?, _ exact: Double, _ rounded: Double
    ) -> Bool {
      arithmetic.precision == .fp32
        ? distance(of: found, from: expected, relativeTo: scale) < exact
        : distance(of: found, from: expected, relativeTo: scale, by: .euclidean) < rounded
    }

    func values(_ found: Tensor, _ expected: Tensor) -> Bool {
      agree(found, expected, nil, 1e-4, 0.02)
    }

    func loss(_ found: Tensor, _ expected: Tensor) -> Bool {
      agree(found, expected, nil, 1e-5, 0.005)
    }

    func gradients(_ found: Tensor, _ expected: Tensor, scale: Tensor?) -> Bool {
      agree(found, expected, scale, 1e-4, 0.15)
    }
  }

  @Test(arguments: models.keys.sorted(), Arithmetic.onThisMachine(threads: [1, 2]))
  func agreesWithPyTorch(name: String, _ arithmetic: Arithmetic) throws {
    let model = try #require(Self.models[name])
    try expectAgreement(of: model, with: try Self.goldenFile(), name, arithmetic)
  }

  @Test(arguments: stories.keys.sorted(), Arithmetic.onThisMachine(threads: [1, 2]))
  func readingOfStoriesAgreesWithPyTorch(name: String, _ arithmetic: Arithmetic) throws {
    let model = try #require(Self.stories[name])
    try expectAgreement(of: model, with: try Self.goldenFile("stories"), name, arithmetic)
  }

  private func expectAgreement(
    of model: AnswerModel, with file: Safetensors, _ name: String, _ arithmetic: Arithmetic
  ) throws {
    let tolerance = Tolerance(arithmetic: arithmetic)
    let values = try ParameterVector(file, layout: model.layout, prefix: "\(name)/weights.")
    let batch = try model.batch(from: file, prefix: "\(name)/inputs.")
    let pass = ForwardPass(
      values, mode: .training(seed: 1, step: 1, replica: 0), context: try arithmetic.context(),
      dropsOut: false)
    let prediction = model.predict(batch, in: pass)
    let loss = model.loss(of: prediction, for: batch, in: pass)
    #expect(tolerance.values(prediction.logits.value, try file.tensor("\(name)/logits")))
    #expect(tolerance.loss(loss.value, try file.tensor("\(name)/loss")))
    let gradient = pass.gradient(of: loss)
    for parameter in model.layout.parameters {
      let found = gradient.window(from: parameter.offset, shape: parameter.shape)
      let expected = try file.tensor("\(name)/gradients.\(parameter.name)")
      let weight = parameter.name.replacing(".bias", with: ".weight")
      let scale =
        Self.isWithoutInfluence(parameter.name)
        ? try file.tensor("\(name)/gradients.\(weight)") : nil
      #expect(tolerance.gradients(found, expected, scale: scale), "\(parameter.name)")
    }
    // Nothing before the statistics is rounded.
    let statistics = pass.statistics()
    for statistic in model.layout.statistics {
      let found = statistics.window(from: statistic.offset, shape: statistic.shape)
      let expected = try file.tensor("\(name)/statistics.\(statistic.name)")
      #expect(distance(of: found, from: expected) < 1e-4, "\(statistic.name)")
    }
  }

  /// Images are normalised with running statistics then, one layer after another.
  @Test(
    arguments: models.keys.filter { $0.hasPrefix("pixels") }.sorted(),
    Arithmetic.onThisMachine(threads: [1, 2]))
  func evaluationsAgreeWithPyTorch(name: String, _ arithmetic: Arithmetic) throws {
    let file = try Self.goldenFile()
    let model = try #require(Self.models[name])
    var values = try ParameterVector(file, layout: model.layout, prefix: "\(name)/weights.")
    values.statistics = try Kernels.concatenate(
      model.layout.statistics.map { try file.tensor("\(name)/statistics.\($0.name)") }, axis: 0)
    var batch = try model.batch(from: file, prefix: "\(name)/inputs.")
    // Not what the statistics are of, so that the batch's own would not do.
    batch.scene = .image(Kernels.unary(.scale(0.5), try file.tensor("\(name)/inputs.image")))
    let pass = ForwardPass(values, mode: .evaluation, context: try arithmetic.context())
    let logits = model.predict(batch, in: pass).logits
    let expected = try file.tensor("\(name)/evaluation.logits")
    #expect(Tolerance(arithmetic: arithmetic).values(logits.value, expected))
    #expect(logits.isConstant && pass.tape.recordCount == 0)
  }

  /// No other gradient of the golden file is near zero, so that the comparison above can fail.
  @Test func expectedGradientsAreNotZero() throws {
    for file in [try Self.goldenFile(), try Self.goldenFile("stories")] {
      for entry in file.entries
      where entry.name.contains("/gradients.") && !Self.isWithoutInfluence(entry.name) {
        let greatest = try file.tensor(entry.name).scalars.map(\.magnitude).max() ?? 0
        #expect(greatest > 1e-5, "\(entry.name)")
      }
    }
  }
}
