// Every kind of model against PyTorch: logits, loss, gradients and batch statistics.

import Autodiff
import Foundation
import NeuralNetworks
import Tensors
import Testing

@testable import RelationNetworks

@Suite struct GoldenTests {
  /// The models of `scripts/golden/relation_networks.py`, by name.
  static let models: [String: BenchmarkModel] = {
    let (channels, g, f) = ([4, 5, 6, 8], [16, 12, 16, 14], [13, 12])
    let language = AnswerModelConfiguration.Language(
      vocabulary: 15, embeddingWidth: 5, stateWidth: 7)
    func model(
      _ scene: AnswerModelConfiguration.Scene, _ question: AnswerModelConfiguration.Question,
      _ language: AnswerModelConfiguration.Language? = nil,
      _ reasoning: AnswerModelConfiguration.Reasoning = .relation, dropout: Float = 0,
      isBinary: Bool = false
    ) -> BenchmarkModel {
      BenchmarkModel(
        AnswerModelConfiguration(
          scene: scene, question: question, language: language, reasoning: reasoning,
          pairWidths: g, readoutWidths: f, answerCount: 10, dropout: dropout),
        hasBinaryAnswers: isBinary)
    }
    return [
      "pixels-relation": model(.image(extent: 75, channels: channels), .bits(11)),
      "pixels-perceptron": model(
        .image(extent: 75, channels: channels), .bits(11), nil, .perceptron),
      "state-relation": model(.objects(count: 6, features: 10), .bits(11)),
      "state-perceptron": model(.objects(count: 6, features: 10), .bits(11), nil, .perceptron),
      "pixels-words": model(.image(extent: 32, channels: channels), .words(9), language),
      "state-words": model(
        .objects(count: 4, features: 6), .words(9), language, dropout: 0.5),
      "story": model(.story(sentences: 4, words: 6), .words(5), language),
      "no-question": model(.objects(count: 5, features: 6), .none, isBinary: true),
    ]
  }()

  static func goldenFile() throws -> Safetensors {
    let url = try #require(
      Bundle.module.url(
        forResource: "relation_networks", withExtension: "safetensors", subdirectory: "Golden"))
    return try Safetensors(contentsOf: url.path)
  }

  /// The largest difference, as a share of the largest number of `scale`, or else of the expected.
  static func difference(_ found: Tensor, _ expected: Tensor, scale: Tensor? = nil) -> Float {
    guard found.shape == expected.shape else { return .infinity }
    let differences = zip(found.scalars, expected.scalars).map { abs($0 - $1) }
    return (differences.max() ?? 0) / largest(scale ?? expected)
  }

  static func largest(_ tensor: Tensor) -> Float { tensor.scalars.map(abs).max() ?? 0 }

  /// Whether batch normalisation follows, which takes away what a convolution's bias adds: its
  /// gradient is zero but for rounding.
  static func isWithoutInfluence(_ name: String) -> Bool {
    ["0", "3", "6", "9"].contains { name.hasSuffix("conv.net.\($0).bias") }
  }

  @Test(arguments: models.keys.sorted())
  func agreesWithPyTorch(name: String) throws {
    let file = try Self.goldenFile()
    let model = try #require(Self.models[name])
    let values = try ParameterVector(file, layout: model.layout, prefix: "\(name)/weights.")
    let inputs = try BenchmarkModel.Inputs(file, for: model, prefix: "\(name)/inputs.")
    let pass = ForwardPass(
      values, mode: .training(seed: 1, step: 1, replica: 0), context: try ComputeContext())
    let (loss, logits) = model.forward(inputs, droppingOut: false, in: pass)
    #expect(Self.difference(logits.value, try file.tensor("\(name)/logits")) < 1e-4)
    #expect(Self.difference(loss.value, try file.tensor("\(name)/loss")) < 1e-5)
    let gradient = pass.gradient(of: loss)
    for parameter in model.layout.parameters {
      let found = gradient.window(from: parameter.offset, shape: parameter.shape)
      let expected = try file.tensor("\(name)/gradients.\(parameter.name)")
      let weight = parameter.name.replacing(".bias", with: ".weight")
      let scale =
        Self.isWithoutInfluence(parameter.name)
        ? try file.tensor("\(name)/gradients.\(weight)") : expected
      #expect(Self.difference(found, expected, scale: scale) < 1e-4, "\(parameter.name)")
    }
    let statistics = pass.statistics()
    for statistic in model.layout.statistics {
      let found = statistics.window(from: statistic.offset, shape: statistic.shape)
      let expected = try file.tensor("\(name)/statistics.\(statistic.name)")
      #expect(Self.difference(found, expected) < 1e-4, "\(statistic.name)")
    }
  }

  /// No other gradient of the golden file is near zero, so that the comparison above can fail.
  @Test func expectedGradientsAreNotZero() throws {
    let file = try Self.goldenFile()
    for entry in file.entries
    where entry.name.contains("/gradients.") && !Self.isWithoutInfluence(entry.name) {
      #expect(Self.largest(try file.tensor(entry.name)) > 1e-5, "\(entry.name)")
    }
  }
}
