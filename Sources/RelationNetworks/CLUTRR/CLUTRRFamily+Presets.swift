// How CLUTRR is trained.

import Learning
import NeuralNetworks

extension CLUTRRFamily {
  /// The paper's model, without and with refined sets, and with refined edges.
  ///
  /// An epoch is 12,067 stories, 189 steps of 64.
  public static let presets = [
    Preset(
      "rn", "The relation network over sentences.", settings: CLUTRR.Settings(),
      plan: plan),
    Preset(
      "srn", "The same over a set that is refined.",
      settings: CLUTRR.Settings(model: .srn, refiner: RefinerSettings(rate: 20)), plan: plan),
    Preset(
      "grn", "The same with refined weights of its pairs.",
      settings: CLUTRR.Settings(
        model: .grn, weightDecay: 5e-6, refiner: RefinerSettings(rate: 20)), plan: plan),
  ]

  private static let plan = TrainingPlan(
    steps: 6_000,
    learningRate: .cosine(rate: 1e-3, warmUpSteps: 200, totalSteps: 6_000, finalFraction: 0.02),
    batchSize: 32, replicas: 2, evaluationInterval: 200)
}
