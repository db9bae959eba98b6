// How the pairs of a relation are cut into chunks for threads and tiles for the cache.

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
  /// Rows of pairs that go through all layers at once.
  let tileRows: Int

  init(_ operands: RelationOperands<Tensor>, _ shape: RelationShape) {
    self.shape = shape
    depth = operands.objects.shape[2]
    questionDepth = operands.question?.shape[1] ?? 0
    widths = operands.weights.map { $0.shape[0] }
    for layer in 1..<max(widths.count, 1) {
      precondition(
        operands.weights[layer].shape == [widths[layer], widths[layer - 1]],
        "relation: weights \(operands.weights.map(\.shape))")
    }
    var offsets = [0]
    for count in shape.objectCounts { offsets.append(offsets[offsets.count - 1] + count * count) }
    pairOffsets = offsets
    let widest = widths.max() ?? 1
    // Two tiles of activations and a layer's weights should fit a second-level cache of 1 MiB;
    // below some three hundred rows, though, packing the weights costs more than the cache gains.
    tileRows = min(1024, max(320, 131_072 / widest))
    // Every chunk has gradients of all weights of its own, so fewer where weights are many or
    // pairs few.
    let weightCount = operands.weights.reduce(0) { $0 + $1.count }
    let pairCount = offsets[offsets.count - 1]
    chunkCount = max(
      1, min(8, shape.batch, pairCount / 1024, max(2, 48_000_000 / max(weightCount, 1))))
  }

  var inputWidth: Int { 2 * depth + questionDepth }
  var layerCount: Int { widths.count }
  var pairCount: Int { pairOffsets[shape.batch] }
  var widest: Int { widths.max() ?? 1 }
  /// The layers whose activations the backward pass reads: all but a summed last one.
  var keptLayers: Int { max(1, layerCount - 1) }

  func samples(of chunk: Int) -> Range<Int> { part(chunk, of: chunkCount, in: shape.batch) }

  /// The tiles of a chunk: ranges of pairs.
  func tiles(of chunk: Int) -> [Range<Int>] {
    let samples = samples(of: chunk)
    let (start, end) = (pairOffsets[samples.lowerBound], pairOffsets[samples.upperBound])
    // Tiles of equal size, so that none is a leftover of a few rows.
    let count = (end - start + tileRows - 1) / tileRows
    return (0..<count).map { index in
      let rows = part(index, of: count, in: end - start)
      return start + rows.lowerBound..<start + rows.upperBound
    }
  }

  /// Calls `body(sample, pairs)` for the part of a tile that belongs to each sample.
  func forEachSample(in tile: Range<Int>, _ body: (Int, Range<Int>) -> Void) {
    var (low, high) = (0, shape.batch)
    while high - low > 1 {
      let middle = (low + high) / 2
      if pairOffsets[middle] <= tile.lowerBound { low = middle } else { high = middle }
    }
    var start = tile.lowerBound
    while start < tile.upperBound {
      let end = min(tile.upperBound, pairOffsets[low + 1])
      if end > start { body(low, start..<end) }
      start = max(start, end)
      low += 1
    }
  }

  /// Calls `body(second, firsts, row)` for runs of pairs with the same second object: `second` and
  /// the first of `count` consecutive first objects as rows of `[batch · n]`, `row` within the
  /// tile.
  func forEachRun(
    in tile: Range<Int>, _ body: (_ second: Int, _ first: Int, _ count: Int, _ row: Int) -> Void
  ) {
    forEachSample(in: tile) { sample, pairs in
      let count = shape.objectCounts[sample]
      let base = sample * shape.objects
      var pair = pairs.lowerBound
      while pair < pairs.upperBound {
        let (second, first) = (pair - pairOffsets[sample]).quotientAndRemainder(dividingBy: count)
        let length = min(count - first, pairs.upperBound - pair)
        body(base + second, base + first, length, pair - tile.lowerBound)
        pair += length
      }
    }
  }
}

/// The addresses of a relation's operands, for its chunks.
///
/// The operands must be kept alive.
struct RelationAddresses: Sendable {
  let objects: SharedPointer
  let question: SharedPointer?
  let weights: [SharedPointer]
  let biases: [SharedPointer]

  init(_ operands: RelationOperands<Tensor>) {
    objects = SharedPointer(operands.objects.address)
    question = operands.question.map { SharedPointer($0.address) }
    weights = operands.weights.map { SharedPointer($0.address) }
    biases = operands.biases.map { SharedPointer($0.address) }
  }
}
