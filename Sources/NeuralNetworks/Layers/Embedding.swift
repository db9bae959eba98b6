// From words to vectors.

import Autodiff
import Tensors

/// A table with a vector for each word, PyTorch's `Embedding`.
public struct Embedding: Sendable {
  /// The table, `[words, features]`.
  public let weight: Parameter

  /// A layer named `name` in the layout, with PyTorch's initial values: the standard normal.
  public init(
    _ name: String, words: Int, features: Int, in layout: inout ParameterLayout
  ) {
    weight = layout.addParameter("\(name).weight", [words, features], .normal)
  }

  /// The vectors of the given words, in rows: `[words.count, features]`.
  public func callAsFunction(_ words: [Int32], in pass: ForwardPass) -> Variable {
    pass[weight].gathered(rows: words)
  }
}
