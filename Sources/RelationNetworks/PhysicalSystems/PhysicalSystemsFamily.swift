// Dynamic physical systems: which balls are joined by springs or rods that nobody sees (section
// 3.4).
//
// A sample is ten balls, each a row of 35 numbers: red, green and blue, then its place (x, y) at
// sixteen moments:
//
//     0.9 0.1 0.3   0.21 -0.40   0.23 -0.38   0.25 -0.37   …
//
// The truth is a matrix of 10 x 10: 1 in row i and column j where balls i and j are joined.

import Learning
import NeuralNetworks

/// The model of dynamic physical systems.
public enum PhysicalSystemsFamily: ModelFamily {
  /// `physical`.
  public static let name = "physical"
  /// What is asked about what.
  public static let summary = "Which of ten moving balls are joined, from how they move."
  /// There is one.
  public static let models: [CatalogueEntry] = []

  /// The sizes of appendix F.
  public static let presets = [
    Preset(
      "paper", "Appendix F: g of 1000 and 500, f of 500 and 100.",
      settings: PhysicalSystems.Settings(
        pairWidths: [1000, 1000, 1000, 500], readoutWidths: [500, 100], dropout: 0),
      plan: TrainingPlan(
        steps: 500_000, learningRate: .constant(rate: 1e-4), batchSize: 100, replicas: 1,
        evaluationInterval: 1_000))
  ]

  /// The model of the settings.
  public static func model(
    _ settings: PhysicalSystems.Settings, data: DataSetIdentity?
  ) throws(CatalogueError) -> AnswerModel {
    try settings.check()
    return AnswerModel(settings.modelConfiguration)
  }
}

/// What is known of dynamic physical systems.
public enum PhysicalSystems {
  /// The balls of a system.
  public static let ballCount = 10
  /// The numbers of a ball: its colour, and its place at sixteen moments.
  public static let featureCount = 3 + 16 * 2

  /// Everything that fixes a model.
  public struct Settings: Codable, Hashable, Sendable {
    /// The widths of the layers of g_θ.
    public var pairWidths: [Int]
    /// The widths of the hidden layers of f_φ.
    public var readoutWidths: [Int]
    /// The share of the last hidden layer of f_φ that training drops.
    public var dropout: Float
  }
}

extension PhysicalSystems.Settings {
  func check() throws(CatalogueError) {
    try requireWidths(pairWidths, "pairWidths")
    try requireWidths(readoutWidths, "readoutWidths")
    try requireDropout(dropout)
  }

  var modelConfiguration: AnswerModelConfiguration {
    AnswerModelConfiguration(
      scene: .objects(count: PhysicalSystems.ballCount, features: PhysicalSystems.featureCount),
      question: .none, pairWidths: pairWidths, readoutWidths: readoutWidths,
      answers: .truths(
        PhysicalSystems.ballCount * PhysicalSystems.ballCount, elements: "edges"),
      dropout: dropout)
  }
}
