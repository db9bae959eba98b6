// The relation: what its operands are, and which pairs there are.

/// Which pairs of objects a relation runs over.
public struct RelationShape: Sendable {
  /// The number of samples.
  public let batch: Int
  /// The objects there is room for in each sample.
  public let objects: Int
  /// The objects that exist in each sample.
  public let objectCounts: [Int]
  /// Whether the operands hold a question.
  public let hasQuestion: Bool

  /// A relation over the given objects.
  public init(batch: Int, objects: Int, objectCounts: [Int], hasQuestion: Bool) {
    require(
      objectCounts.count == batch && objectCounts.allSatisfy { $0 >= 0 && $0 <= objects },
      "relation: object counts \(objectCounts) for \(batch) samples of \(objects) objects")
    self.batch = batch
    self.objects = objects
    self.objectCounts = objectCounts
    self.hasQuestion = hasQuestion
  }

  /// Every pair, samples outermost, first objects innermost.
  public var pairs: [(sample: Int, second: Int, first: Int)] {
    objectCounts.enumerated().flatMap { sample, count in
      (0..<count).flatMap { second in (0..<count).map { (sample, second, $0) } }
    }
  }
}

/// The operands of a relation in their order: objects, question if any, then weight and bias of
/// each layer.
public struct RelationOperands<Value> {
  /// `[batch, n, d]`.
  public let objects: Value
  /// `[batch, q]`.
  public let question: Value?
  /// `[h, 2d + q]`, then `[out, in]`.
  public let weights: [Value]
  /// `[out]` each.
  public let biases: [Value]

  /// The operands, told apart.
  public init(_ operands: [Value], shape: RelationShape) {
    objects = operands[0]
    question = shape.hasQuestion ? operands[1] : nil
    let layers = operands.dropFirst(shape.hasQuestion ? 2 : 1)
    weights = stride(from: layers.startIndex, to: layers.endIndex, by: 2).map { layers[$0] }
    biases = stride(from: layers.startIndex + 1, to: layers.endIndex, by: 2).map { layers[$0] }
  }
}
