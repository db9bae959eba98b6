// The models of CLUTRR and the parts of set refinement against PyTorch.

import Autodiff
import Files
import Learning
import NeuralNetworks
import Tensors
import TestSupport
import Testing

@testable import RelationNetworks

@Suite struct CLUTRRGoldenTests {
  /// What is computed without rounding.
  private static let exact = Arithmetic.onThisMachine(threads: [1, 2]).filter {
    $0.precision == .fp32
  }

  private static func settings(_ name: String) -> CLUTRR.Settings {
    var settings = CLUTRR.Settings(
      embeddingWidth: 6, stateWidth: 5, pairWidths: [9, 8], readoutWidths: [11], dropout: 0.5,
      weightDecay: 0, summaryWidths: [12, 6])
    settings.refiner.steps = 3
    switch name {
    case "srn": (settings.model, settings.refiner.rate) = (.srn, 200)
    case "srn-detached":
      (settings.model, settings.refiner.rate) = (.srn, 100)
      (settings.refiner.momentum, settings.refiner.start) = (0.5, .detached)
    case "grn": (settings.model, settings.refiner.rate) = (.grn, 500)
    default: break
    }
    return settings
  }

  @Test(arguments: ["rn", "srn", "srn-detached", "grn"], exact)
  func modelsAgreeWithPyTorch(name: String, _ arithmetic: Arithmetic) throws {
    let file = try GoldenTests.goldenFile("clutrr")
    let model = CLUTRRModel(Self.settings(name), wordCount: 45, answerCount: 7)
    let values = try ParameterVector(file, layout: model.layout, prefix: "\(name)/weights.")
    let batch = try CLUTRRFamily.batch(for: model, from: file, prefix: "\(name)/inputs.")
    let pass = ForwardPass(
      values, mode: .training(seed: 1, step: 1, replica: 0), context: try arithmetic.context(),
      dropsOut: false)
    let prediction = model.predict(batch, in: pass)
    let loss = model.loss(of: prediction, for: batch, in: pass)
    #expect(distance(of: prediction.logits.value, from: try file.tensor("\(name)/logits")) < 1e-4)
    #expect(distance(of: loss.value, from: try file.tensor("\(name)/loss")) < 1e-5)
    if name != "rn" {
      let losses = try #require(prediction.refinement).losses.map { Float($0.value ?? .nan) }
      let expected = try file.tensor("\(name)/losses")
      #expect(distance(of: Tensor(losses), from: expected) < 1e-4)
    }
    let gradient = pass.gradient(of: loss)
    for parameter in model.layout.parameters {
      let found = gradient.window(from: parameter.offset, shape: parameter.shape)
      let expected = try file.tensor("\(name)/gradients.\(parameter.name)")
      #expect(distance(of: found, from: expected) < 1e-3, "\(parameter.name)")
    }
  }

  @Test(arguments: exact)
  func refinedObjectsAgreeWithPyTorch(arithmetic: Arithmetic) throws {
    let file = try GoldenTests.goldenFile("clutrr")
    var refinement = AnswerModelConfiguration.SetRefinement(summaryWidths: [12, 6])
    (refinement.inner.steps, refinement.inner.rate) = (3, 20)
    let model = AnswerModel(
      AnswerModelConfiguration(
        scene: .objects(count: 4, features: 6), question: .bits(11), refinement: refinement,
        pairWidths: [9, 8], readoutWidths: [11], answers: .labels(7)))
    let values = try ParameterVector(file, layout: model.layout, prefix: "objects/weights.")
    let batch = try model.batch(from: file, prefix: "objects/inputs.")
    let pass = ForwardPass(
      values, mode: .training(seed: 1, step: 1, replica: 0), context: try arithmetic.context())
    let prediction = model.predict(batch, in: pass)
    let loss = model.loss(of: prediction, for: batch, in: pass)
    #expect(
      distance(of: prediction.logits.value, from: try file.tensor("objects/logits")) < 1e-4)
    #expect(model.measure(prediction, for: batch).count == model.metrics.count)
    let gradient = pass.gradient(of: loss)
    for parameter in model.layout.parameters {
      let found = gradient.window(from: parameter.offset, shape: parameter.shape)
      let expected = try file.tensor("objects/gradients.\(parameter.name)")
      #expect(distance(of: found, from: expected) < 1e-3, "\(parameter.name)")
    }
  }

  /// A part of a model with its parameters, and what it makes of the golden file's set.
  private func expectAgreement(
    _ name: String, _ arithmetic: Arithmetic, _ layout: ParameterLayout,
    renaming: [String: String] = [:], _ run: (Variable, ForwardPass) -> Variable
  ) throws {
    let file = try GoldenTests.goldenFile("clutrr")
    var values = ParameterVector(initializing: layout, seed: 1)
    values.parameters = try Kernels.concatenate(
      layout.parameters.map {
        let weight = try file.tensor("\(name)/weights.\(renaming[$0.name] ?? $0.name)")
        return weight.reshaped(to: [weight.count])
      }, axis: 0)
    let pass = ForwardPass(
      values, mode: .training(seed: 1, step: 1, replica: 0), context: try arithmetic.context())
    let input = pass.tape.variable(try file.tensor("\(name)/input"))
    let result = run(input, pass)
    #expect(distance(of: result.value, from: try file.tensor("\(name)/result")) < 1e-5)
    let upstream = pass.tape.constant(try file.tensor("\(name)/upstream"))
    let slope = gradient(of: (result * upstream).sum(), withRespectTo: [input])[0]
    #expect(distance(of: slope.value, from: try file.tensor("\(name)/gradients.input")) < 1e-4)
    let gradients = pass.gradient(of: (result * upstream).sum())
    for parameter in layout.parameters {
      let found = gradients.window(from: parameter.offset, shape: parameter.shape)
      let key = renaming[parameter.name] ?? parameter.name
      let expected = try file.tensor("\(name)/gradients.\(key)")
      #expect(distance(of: found, from: expected) < 1e-4, "\(parameter.name)")
    }
  }

  @Test(arguments: exact) func summariesAgreeWithPyTorch(arithmetic: Arithmetic) throws {
    var layout = ParameterLayout()
    let relations = SetSummary.ofRelations("", features: 5, widths: [8, 6], in: &layout)
    try expectAgreement(
      "relations", arithmetic, layout,
      renaming: Dictionary(
        uniqueKeysWithValues: layout.parameters.map { ($0.name, String($0.name.dropFirst())) })
    ) { relations($0, in: $1) }
    layout = ParameterLayout()
    let elements = SetSummary.ofElements("", features: 5, widths: [8, 6], in: &layout)
    try expectAgreement(
      "elements", arithmetic, layout,
      renaming: Dictionary(
        uniqueKeysWithValues: layout.parameters.map { ($0.name, String($0.name.dropFirst())) })
    ) { elements($0, in: $1) }
  }

  @Test(arguments: exact) func poolingOfUnequalSetsAgreesWithPyTorch(arithmetic: Arithmetic) throws
  {
    var layout = ParameterLayout()
    let pool = FSPool("pool", features: 5, in: &layout)
    try expectAgreement("ragged", arithmetic, layout, renaming: ["pool.weight": "weight"]) {
      pool($0, counts: [3, 1, 4], in: $1)
    }
  }
}
