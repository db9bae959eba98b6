// How the pairs of a tile go through the layers of g and back: what engines do differently.

/// What computes the layers of g for tiles of pairs.
///
/// Everything else about a relation (its terms, chunks and tiles) is `Relation+Forward.swift` and
/// `Relation+Backward.swift`.
protocol RelationLayers: Sendable {
  /// For the forward pass.
  init(
    _ plan: RelationPlan, _ operands: RelationOperands<Tensor>, _ context: ComputeContext,
    keepsActivations: Bool)
  /// For the backward pass, with what the forward pass kept.
  init(
    _ plan: RelationPlan, _ operands: RelationOperands<Tensor>, _ context: ComputeContext,
    kept: [Tensor])

  /// What the backward pass wants of this one; nothing, unless activations were to be kept.
  var kept: [Tensor] { get }

  /// Adds the last layer's activations of every pair to its sample's sum in `output`
  /// `[batch, width]`.
  func forward(_ tiles: [RelationTile], _ terms: RelationTerms, into output: SharedPointer)

  /// Writes the gradients of the layers, and adds those of the terms.
  ///
  /// - Parameter gradient: of the sums, `[batch, width]`.
  func backward(
    _ tiles: [RelationTile], _ terms: RelationTerms, gradient: SharedInput,
    into sums: RelationGradients)
}

/// The two terms of the first layer, a row for each object of the batch: W₁ o, and W₂ o + W₃ q + b.
///
/// The first layer is linear before its ReLU, so W (oⱼ, oᵢ, q) = W₁ oⱼ + W₂ oᵢ + W₃ q: each term
/// is computed once per object or question, and a pair costs one addition.
struct RelationTerms: Sendable {
  /// `[2, batch · n, width]` for the first layer's width.
  let tensor: Tensor

  var first: SharedInput { SharedInput(tensor.address) }
  var second: SharedInput { SharedInput(tensor.address + tensor.count / 2) }
}

/// Where a chunk of the backward pass leaves its gradients.
struct RelationGradients {
  /// Of the weight and the bias of each layer.
  ///
  /// Biases are added to; weights are written by the chunk's first tile, and then added to.
  let weights: [UnsafeMutablePointer<Float>]
  let biases: [UnsafeMutablePointer<Float>]
  /// The chunk's first object, a row of `[batch · n]`.
  let firstObject: Int
  /// Of the terms, a row for each object of the chunk from `firstObject` on; added to.
  let first: UnsafeMutablePointer<Float>
  let second: UnsafeMutablePointer<Float>
}
