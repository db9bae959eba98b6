// The handshake's battery has every operation that a step of a model of the papers is made of.

import Autodiff
import Learning
import NeuralNetworks
import RelationNetworks
import Tensors
import Testing

@testable import Training

@Suite struct BatteryTests {
  /// What only moves numbers.
  private static let moving: Set<String> = [
    "leaf", "reshape", "transpose", "concatenate", "slice", "gatherRows", "broadcast", "pad",
  ]

  @Test(arguments: Catalogue.relationNetworks.models.map(\.name).filter { !$0.hasSuffix("paper") })
  func aStepOfAModelIsInIt(name: String) throws {
    let named = try Catalogue.relationNetworks.model(named: name)
    let context = try ComputeContext()
    let battery = OperationProfile()
    _ = Numerics.fingerprint(of: context, profile: battery)
    let step = OperationProfile()
    try takeStep(of: named.family, preset: named.preset, context, step)
    let missing = Set(step.entries.map(\.name)).subtracting(battery.entries.map(\.name))
    #expect(missing.subtracting(Self.moving) == [])
    // Who is told only the question sees no objects to relate; weighed pairs are no fused relation.
    let isWithout = ["clevr-question", "clutrr-grn"].contains(name)
    #expect(step.entries.contains { $0.name == "relation" } != isWithout)
  }

  private func takeStep<Family: ModelFamily>(
    of family: Family.Type, preset: String, _ context: ComputeContext, _ profile: OperationProfile
  ) throws {
    let model = try family.model(try family.preset(preset).settings, data: nil)
    var random = CounterRandom(seed: 1, purpose: .trial, index: 0)
    let batch = family.trialBatch(for: model, count: 2, random: &random)
    let pass = ForwardPass(
      ParameterVector(initializing: model.layout, seed: 1),
      mode: .training(seed: 1, step: 1, replica: 0), context: context, profile: profile)
    let prediction = model.predict(batch, in: pass)
    _ = pass.gradient(of: model.loss(of: prediction, for: batch, in: pass))
  }
}
