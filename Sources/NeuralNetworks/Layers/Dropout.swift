// What keeps features from relying on one another.

import Autodiff
import Tensors

/// Dropout: while training each element is zeroed with a probability, and the others are scaled up
/// by as much as keeps the mean (Srivastava, Hinton and others 2014).
public struct Dropout: Hashable, Sendable {
  /// The probability of being zeroed.
  public let probability: Float

  /// Dropout with a probability from 0 up to but excluding 1.
  public init(probability: Float) {
    require((0..<1).contains(probability), "dropout: probability \(probability)")
    self.probability = probability
  }

  /// The output, of the input's shape; the input itself in a pass that drops nothing.
  public func callAsFunction(_ x: Variable, in pass: ForwardPass) -> Variable {
    guard pass.dropsOut, probability > 0 else { return x }
    var random = pass.nextDropoutRandom()
    return x.dropout(probability: probability, random: &random)
  }
}
