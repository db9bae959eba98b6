// The baselines of CLEVR against PyTorch, and what attention makes of sets of unequal sizes.

import Autodiff
import Files
import Foundation
import Learning
import NeuralNetworks
import Tensors
import TestSupport
import Testing

@testable import RelationNetworks

@Suite struct CLEVRModelTests {
  /// The models of `scripts/golden/clevr.py`, by name.
  private static let models: [String: AnswerModel] = {
    let language = AnswerModelConfiguration.Language(
      vocabulary: 15, embeddingWidth: 5, stateWidth: 7)
    func model(
      _ scene: AnswerModelConfiguration.Scene, _ reasoning: AnswerModelConfiguration.Reasoning
    ) -> AnswerModel {
      AnswerModel(
        AnswerModelConfiguration(
          scene: scene, question: .words(9, language), reasoning: reasoning, pairWidths: [16, 12],
          readoutWidths: [13, 12], answers: .labels(10)))
    }
    let image = AnswerModelConfiguration.Scene.image(extent: 32, channels: [4, 5, 6, 8])
    let rows = AnswerModelConfiguration.Scene.objects(count: 4, features: 6)
    return [
      "pixels-attention": model(image, .attention), "state-attention": model(rows, .attention),
      "pixels-words-perceptron": model(image, .perceptron),
      "question-only": model(rows, .questionOnly),
    ]
  }()

  @Test(arguments: models.keys.sorted(), Arithmetic.onThisMachine(threads: [1, 2]))
  func agreesWithPyTorch(name: String, _ arithmetic: Arithmetic) throws {
    let url = try #require(
      Bundle.module.url(
        forResource: "clevr", withExtension: "safetensors", subdirectory: "Golden"))
    let file = try Safetensors(contentsOf: url.path)
    let model = try #require(Self.models[name])
    let isExact = arithmetic.precision == .fp32
    func agrees(
      _ found: Tensor, _ name: String, scale: Tensor? = nil, exact: Double, rounded: Double
    ) throws -> Bool {
      let expected = try file.tensor(name)
      return isExact
        ? distance(of: found, from: expected, relativeTo: scale) < exact
        : distance(of: found, from: expected, relativeTo: scale, by: .euclidean) < rounded
    }
    let values = try ParameterVector(file, layout: model.layout, prefix: "\(name)/weights.")
    let batch = try model.batch(from: file, prefix: "\(name)/inputs.")
    let pass = ForwardPass(
      values, mode: .training(seed: 1, step: 1, replica: 0), context: try arithmetic.context(),
      dropsOut: false)
    let prediction = model.predict(batch, in: pass)
    let loss = model.loss(of: prediction, for: batch, in: pass)
    #expect(try agrees(prediction.logits.value, "\(name)/logits", exact: 1e-4, rounded: 0.02))
    #expect(try agrees(loss.value, "\(name)/loss", exact: 1e-5, rounded: 0.005))
    let gradient = pass.gradient(of: loss)
    for parameter in model.layout.parameters {
      let found = gradient.window(from: parameter.offset, shape: parameter.shape)
      let weight = parameter.name.replacing(".bias", with: ".weight")
      // Batch normalisation takes away what a convolution's bias adds.
      let scale =
        GoldenTests.isWithoutInfluence(parameter.name)
        ? try file.tensor("\(name)/gradients.\(weight)") : nil
      #expect(
        try agrees(
          found, "\(name)/gradients.\(parameter.name)", scale: scale, exact: 1e-4, rounded: 0.15),
        "\(parameter.name)")
    }
  }

  @Test func attentionSeesTheObjectsThatThereAre() throws {
    let model = AnswerModel(
      AnswerModelConfiguration(
        scene: .objects(count: 6, features: 3), question: .bits(2), reasoning: .attention,
        pairWidths: [16, 12], readoutWidths: [10], answers: .labels(4)))
    var random = CounterRandom(seed: 5, purpose: .trial, index: 0)
    func numbers(_ shape: Shape) -> Tensor {
      Tensor((0..<shape.count).map { _ in random.normal() }, shape: shape)
    }
    let counts = [5, 0, 1, 3, 5]
    var rows = numbers([5, 5, 3])
    let question = numbers([5, 2])
    let values = ParameterVector(initializing: model.layout, seed: 7)
    func logits(_ batch: AnswerBatch) throws -> [Float] {
      let pass = ForwardPass(values, mode: .evaluation, context: try ComputeContext())
      return model.predict(batch, in: pass).logits.value.scalars
    }
    let apart = try counts.enumerated().flatMap { i, count in
      try logits(
        AnswerBatch(
          scene: .objects(rows.window(from: i * 15, shape: [1, count, 3])),
          question: .bits(question.window(from: i * 2, shape: [1, 2])), target: .labels([0])))
    }
    // What lies beyond a set's size means nothing.
    rows.withMutableScalars { scalars in
      for (i, count) in counts.enumerated() {
        for k in count * 3..<15 { scalars[i * 15 + k] = 100 }
      }
    }
    let together = try logits(
      AnswerBatch(
        scene: .objects(rows, counts: counts), question: .bits(question), target: .labels([0])))
    for (a, b) in zip(together, apart) { #expect(abs(a - b) < 1e-5) }
  }
}
