// How the pairs of a relation are cut into chunks for threads and tiles for the cache.

/// Some pairs that go through all layers at once.
struct RelationTile: Sendable {
  /// The pairs, of the whole batch's.
  let pairs: Range<Int>
  /// The rows of the tile's matrices: the pairs, and rows of zeros that fill it up.
  let rows: Int
  /// The first of those rows in the activations that are kept.
  let start: Int
}

/// The extents of a relation, its chunks and its tiles; a function of shapes alone.
struct RelationPlan: Sendable {
  let shape: RelationShape
  /// The features of an object.
  let depth: Int
  /// The features of a question, 0 without.
  let questionDepth: Int
  /// The outputs of each layer.
  let widths: [Int]
  /// The number of pairs before each sample, and after the last.
  let pairOffsets: [Int]
  /// Parts of the batch, by samples, that threads share.
  let chunkCount: Int
  /// The most rows of a tile.
  let tileRows: Int

  init(_ operands: RelationOperands<Tensor>, _ shape: RelationShape) {
    self.shape = shape
    depth = operands.objects.shape[2]
    questionDepth = operands.question?.shape[1] ?? 0
    widths = operands.weights.map { $0.shape[0] }
    for layer in 1..<max(widths.count, 1) {
      require(
        operands.weights[layer].shape == [widths[layer], widths[layer - 1]],
        "relation: weights \(operands.weights.map(\.shape))")
    }
    var offsets = [0]
    for count in shape.objectCounts { offsets.append(offsets[offsets.count - 1] + count * count) }
    pairOffsets = offsets
    tileRows = Self.tileRows(widest: widths.max() ?? 1)
    // Every chunk has gradients of all weights of its own, so fewer where weights are many or
    // pairs few; a power of two, so that two or four threads have equal shares.
    let weightCount = operands.weights.reduce(0) { $0 + $1.count }
    let pairCount = offsets[offsets.count - 1]
    let most = min(8, shape.batch, pairCount / 1024, max(2, 4_000_000 / max(weightCount, 1)))
    chunkCount = [8, 4, 2].first { $0 <= most } ?? 1
  }

  /// Enough rows that adding to the gradients of the weights, which every tile does and which are
  /// as many as the square of the width, costs little beside the product; few enough that the
  /// activations of layers of a usual width stay in a second-level cache of 1 MiB.
  private static func tileRows(widest: Int) -> Int { widest <= 512 ? 512 : 1024 }

  /// What the rows of a tile are a multiple of.
  ///
  /// So sets of varying sizes need products of few shapes, for each of which engines generate code.
  /// It is also a multiple of the rows of a byte of a mask.
  private static let rowStep = 16

  var inputWidth: Int { 2 * depth + questionDepth }
  var layerCount: Int { widths.count }
  var pairCount: Int { pairOffsets[shape.batch] }
  var widest: Int { widths.max() ?? 1 }
  /// The layers whose activations the backward pass reads: all hidden ones but the first, which
  /// takes no longer to compute again than to read.
  var keptLayers: Range<Int> { 1..<max(1, layerCount - 1) }
  /// The rows of the activations that are kept.
  var keptRows: Int { firstRow(of: chunkCount) }

  func samples(of chunk: Int) -> Range<Int> { part(chunk, of: chunkCount, in: shape.batch) }

  private func pairs(of chunk: Int) -> Range<Int> {
    let samples = samples(of: chunk)
    return pairOffsets[samples.lowerBound]..<pairOffsets[samples.upperBound]
  }

  private func filledUp(_ rows: Int) -> Int {
    (rows + Self.rowStep - 1) / Self.rowStep * Self.rowStep
  }

  private func firstRow(of chunk: Int) -> Int {
    (0..<chunk).reduce(0) { $0 + filledUp(pairs(of: $1).count) }
  }

  /// The tiles of a chunk, equal but for the last, so that none is a leftover of a few rows.
  func tiles(of chunk: Int) -> [RelationTile] {
    let pairs = pairs(of: chunk)
    if pairs.isEmpty { return [] }
    let first = firstRow(of: chunk)
    let tileCount = (pairs.count + tileRows - 1) / tileRows
    let size = filledUp((pairs.count + tileCount - 1) / tileCount)
    return stride(from: 0, to: pairs.count, by: size).map { start in
      let count = min(size, pairs.count - start)
      return RelationTile(
        pairs: pairs.lowerBound + start..<pairs.lowerBound + start + count, rows: filledUp(count),
        start: first + start)
    }
  }

  /// Calls `body(sample, pairs)` for the part of a tile that belongs to each sample.
  func forEachSample(in tile: RelationTile, _ body: (Int, Range<Int>) -> Void) {
    var (low, high) = (0, shape.batch)
    while high - low > 1 {
      let middle = (low + high) / 2
      if pairOffsets[middle] <= tile.pairs.lowerBound { low = middle } else { high = middle }
    }
    var start = tile.pairs.lowerBound
    while start < tile.pairs.upperBound {
      let end = min(tile.pairs.upperBound, pairOffsets[low + 1])
      if end > start { body(low, start..<end) }
      start = max(start, end)
      low += 1
    }
  }

  /// Calls `body(second, firsts, row)` for runs of pairs with the same second object: `second` and
  /// the first of `count` consecutive first objects as rows of `[batch · n]`, `row` within the
  /// tile.
  func forEachRun(
    in tile: RelationTile, _ body: (_ second: Int, _ first: Int, _ count: Int, _ row: Int) -> Void
  ) {
    forEachSample(in: tile) { sample, pairs in
      let count = shape.objectCounts[sample]
      let base = sample * shape.objects
      var pair = pairs.lowerBound
      while pair < pairs.upperBound {
        let (second, first) = (pair - pairOffsets[sample]).quotientAndRemainder(dividingBy: count)
        let length = min(count - first, pairs.upperBound - pair)
        body(base + second, base + first, length, pair - tile.pairs.lowerBound)
        pair += length
      }
    }
  }
}

/// The addresses of a relation's operands, for its chunks.
///
/// The operands must be kept alive.
struct RelationAddresses: Sendable {
  let objects: SharedInput
  let question: SharedInput?
  let weights: [SharedInput]
  let biases: [SharedInput]

  init(_ operands: RelationOperands<Tensor>) {
    objects = SharedInput(operands.objects)
    question = operands.question.map { SharedInput($0) }
    weights = operands.weights.map { SharedInput($0) }
    biases = operands.biases.map { SharedInput($0) }
  }
}
