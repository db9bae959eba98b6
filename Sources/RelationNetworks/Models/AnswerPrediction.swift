// What a model that answers makes of a batch.

import Autodiff

/// The logits of a batch, and what became of its sets if the model refines them.
public struct AnswerPrediction {
  /// The logits, `[batch, answers]`.
  public let logits: Variable
  /// What became of the sets of objects; `nil` if they are taken as they are seen.
  public let refinement: Refinement?

  /// A prediction.
  init(_ logits: Variable, refinement: Refinement? = nil) {
    self.logits = logits
    self.refinement = refinement
  }
}
