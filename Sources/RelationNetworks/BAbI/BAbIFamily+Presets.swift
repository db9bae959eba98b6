// How bAbI is trained.

import Learning
import NeuralNetworks

extension BAbIFamily {
  /// The paper's model, one for two cores, and the one that reads furthest.
  ///
  /// An epoch of all tasks is 180,000 questions, 2,812 steps of 64.
  public static let presets = [
    Preset(
      "paper", "Appendix E: LSTMs of 32, g of 256, f of 256 and 512, an output for each word.",
      settings: BAbI.Settings(),
      plan: plan(steps: 280_000, rate: 2e-4)),
    Preset(
      "small", "Hours on two cores: g of 128, whole answers, renamed stories of task 16.",
      settings: BAbI.Settings(
        answers: .whole, augmentation: .induction, pairWidths: [128, 128, 128],
        readoutWidths: [128, 128]),
      plan: plan(steps: 140_000, rate: 5e-4)),
    Preset(
      "best", "40 sentences, read from both ends and in their context; all stories renamed.",
      settings: BAbI.Settings(
        window: 40, answers: .whole, augmentation: .all, stateWidth: 64, bidirectional: true,
        contextWidth: 64, pairWidths: [256, 256, 256, 256], readoutWidths: [256, 512]),
      plan: plan(steps: 280_000, rate: 3e-4)),
  ]

  private static func plan(steps: Int, rate: Double) -> TrainingPlan {
    TrainingPlan(
      steps: steps,
      learningRate: .cosine(
        rate: rate, warmUpSteps: 1_000, totalSteps: steps, finalFraction: 0.02),
      batchSize: 32, replicas: 2, evaluationInterval: 4_000)
  }
}
