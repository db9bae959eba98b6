// What can be set of CLUTRR.

import Learning
import NeuralNetworks

extension CLUTRR {
  /// The models of the paper's section 3.3.
  public enum Model: String, SettingChoice {
    case rn
    case srn
    case grn

    /// "model".
    public static let kind = "model"

    /// What the model is.
    public var summary: String {
      switch self {
      case .rn: "A relation network over the sentences of the story."
      case .srn: "The same over a set of elements that is refined from the sentences."
      case .grn: "The same with a weight for each pair of sentences, and the weights refined."
      }
    }
  }

  /// Everything that fixes a model and the stories that it learns from.
  public struct Settings: Codable, Hashable, Sendable {
    /// The model.
    public var model = Model.rn
    /// The numbers that a word or a person becomes.
    public var embeddingWidth = 100
    /// The numbers of a word in its context, for each direction it is read in.
    public var stateWidth = 100
    /// The layers of LSTMs on top of one another.
    public var layers = 2
    /// The widths of the layers of g.
    public var pairWidths = [64, 64, 64, 64]
    /// The widths of the hidden layers of f.
    public var readoutWidths = [64, 256, 64]
    /// The share of numbers that training drops between words and LSTMs.
    public var dropout: Float = 0.5
    /// How much every parameter is drawn towards 0: λ of λ/2 ‖θ‖².
    public var weightDecay: Float = 1e-4
    /// The elements of a refined set; sentences that there are not are zeros.
    public var setSize = CLUTRR.sentenceLimit
    /// The widths of the layers that a set is summed up with; the last is that of z.
    public var summaryWidths = [128, 64]
    /// How sets are refined.
    public var refiner = RefinerSettings()
  }
}

extension CLUTRR.Settings {
  func check() throws(CatalogueError) {
    try requireRange(embeddingWidth, 1...65_536, "embeddingWidth")
    try requireRange(stateWidth, 1...65_536, "stateWidth")
    try requireRange(layers, 1...16, "layers")
    try requireWidths(pairWidths, "pairWidths")
    try requireWidths(readoutWidths, "readoutWidths")
    try requireWidths(summaryWidths, "summaryWidths")
    try requireDropout(dropout)
    try requireRange(setSize, CLUTRR.sentenceLimit...1_000, "setSize")
    guard weightDecay >= 0, weightDecay.isFinite else {
      throw CatalogueError("weightDecay is \(weightDecay); it must be at least 0")
    }
    try refiner.check("refiner")
  }
}
