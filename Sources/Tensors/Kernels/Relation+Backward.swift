// The relation backwards: the same tiles, last layer first.

import CKernels

extension Kernels {
  /// The gradients of a relation with respect to its operands, in their order.
  ///
  /// `saved` is what `relation` kept under the same context.
  public static func relationGradients(
    _ gradient: Tensor, _ operands: RelationOperands<Tensor>, saved: [Tensor],
    shape: RelationShape, context: ComputeContext
  ) -> [Tensor] {
    let plan = RelationPlan(operands, shape)
    return switch context.precision {
    case .bf16 where plan.layerCount > 1:
      gradients(gradient, operands, RelationKept<BFloat16>(plan, tensors: saved), plan, context)
    case .fp32, .bf16:
      gradients(gradient, operands, RelationKept<Float>(plan, tensors: saved), plan, context)
    }
  }

  private static func gradients<Scalar: ActivationScalar>(
    _ gradient: Tensor, _ operands: RelationOperands<Tensor>, _ kept: RelationKept<Scalar>,
    _ plan: RelationPlan, _ context: ComputeContext
  ) -> [Tensor] {
    let objectGradient = uninitialized(operands.objects.shape)
    let questionGradient = operands.question.map { uninitialized($0.shape) }
    // Each chunk has sums of its own: weight and bias of each layer, one after another.
    let shapes = zip(operands.weights, operands.biases).flatMap { [$0.shape, $1.shape] }
    var offsets = [0]
    for shape in shapes { offsets.append(offsets[offsets.count - 1] + shape.count) }
    let count = offsets[offsets.count - 1]
    let sums = (0..<plan.chunkCount).map { _ in uninitialized([count]) }
    let pass = RelationBackward(
      plan: plan, engine: context.engine, operands: RelationAddresses(operands),
      weights: operands.weights.dropFirst().map(Scalar.rounding),
      gradient: SharedPointer(gradient.address), kept: kept,
      objectGradient: SharedPointer(objectGradient.address),
      questionGradient: questionGradient.map { SharedPointer($0.address) },
      sums: sums.map { SharedPointer($0.address) }, offsets: offsets)
    context.threads.run(chunks: plan.chunkCount) { pass.run(chunk: $0) }
    context.threads.run(chunks: 8) { pass.addUpChunks(part($0, of: 8, in: count)) }
    extendLifetime(operands)
    extendLifetime(gradient)
    extendLifetime(pass)
    extendLifetime(sums)
    let parameters = zip(offsets, shapes).map { sums[0].window(from: $0, shape: $1) }
    return [objectGradient] + (questionGradient.map { [$0] } ?? []) + parameters
  }
}

private struct RelationBackward<Scalar: ActivationScalar>: Sendable {
  let plan: RelationPlan
  let engine: MatrixEngine
  let operands: RelationAddresses
  /// Of the second layer and those after it.
  let weights: [Activations<Scalar>]
  let gradient: SharedPointer
  let kept: RelationKept<Scalar>
  let objectGradient: SharedPointer
  let questionGradient: SharedPointer?
  /// Of each chunk; `offsets` says where the parts lie.
  let sums: [SharedPointer]
  let offsets: [Int]

  private func weightGradient(_ layer: Int, _ chunk: Int) -> UnsafeMutablePointer<Float> {
    sums[chunk] + offsets[2 * layer]
  }

  private func biasGradient(_ layer: Int, _ chunk: Int) -> UnsafeMutablePointer<Float> {
    sums[chunk] + offsets[2 * layer + 1]
  }

  func run(chunk: Int) {
    let samples = plan.samples(of: chunk)
    let size = samples.count * plan.shape.objects * plan.widths[0]
    let tiles = plan.tiles(of: chunk)
    for layer in 0..<plan.layerCount {
      biasGradient(layer, chunk).update(repeating: 0, count: plan.widths[layer])
      if tiles.isEmpty {
        let count = offsets[2 * layer + 1] - offsets[2 * layer]
        weightGradient(layer, chunk).update(repeating: 0, count: count)
      }
    }
    withScratch(2 * size) { terms in
      terms.update(repeating: 0, count: 2 * size)
      let skipped = samples.lowerBound * plan.shape.objects * plan.widths[0]
      let space = plan.tileRows * plan.widest
      let scratch = Activations<Scalar>(count: 2 * space)
      withScratch(space) { product in
        for (index, tile) in tiles.enumerated() {
          run(
            tile, chunk, isFirst: index == 0, first: terms - skipped,
            second: terms + size - skipped, x: scratch.pointer, g: scratch + space, product)
        }
      }
      extendLifetime(scratch)
      finish(samples, chunk, first: terms, second: terms + size)
    }
  }

  /// Adds a part of every chunk's sums to the first's, in the order of the chunks.
  func addUpChunks(_ range: Range<Int>) {
    for chunk in sums.dropFirst() {
      relate_add_scaled(
        range.count, 1, chunk + range.lowerBound, sums[0] + range.lowerBound)
    }
  }

  /// - Parameters:
  ///   - isFirst: whether no tile of the chunk has left its sums yet.
  ///   - x: room for the first layer's activations.
  ///   - g: room for the gradient of a layer's sums, before its ReLU.
  ///   - product: room for the gradient of a layer's inputs.
  private func run(
    _ tile: RelationTile, _ chunk: Int, isFirst: Bool, first: UnsafeMutablePointer<Float>,
    second: UnsafeMutablePointer<Float>, x: UnsafeMutablePointer<Scalar>,
    g: UnsafeMutablePointer<Scalar>, _ product: UnsafeMutablePointer<Float>
  ) {
    kept.writeFirstLayer(of: tile, plan, into: x)
    startGradient(tile, chunk, g, product)
    for layer in (1..<max(plan.layerCount, 1)).reversed() {
      let (inputs, outputs) = (plan.widths[layer - 1], plan.widths[layer])
      let below = layer == 1 ? x : kept.activations[layer - 2] + tile.start * inputs
      engine.multiply(
        transposeA: true, outputs, inputs, tile.rows, g, stride: outputs, below, stride: inputs,
        accumulating: !isFirst, into: weightGradient(layer, chunk), stride: inputs)
      engine.multiply(
        tile.rows, inputs, outputs, g, stride: outputs, weights[layer - 1].pointer,
        stride: inputs, into: product, stride: inputs)
      if layer > 1 {
        Scalar.reluBackward(
          tile.rows, inputs, activation: below, gradient: product, into: g,
          columns: biasGradient(layer - 1, chunk))
      }
    }
    let width = plan.widths[0]
    plan.forEachRun(in: tile) { secondObject, firstObject, count, row in
      Scalar.pairBackward(
        count, width, gradient: product + row * width, activation: x + row * width,
        first: first + firstObject * width, second: second + secondObject * width)
    }
  }

  /// Every pair's gradient is its sample's, where the last layer was positive.
  private func startGradient(
    _ tile: RelationTile, _ chunk: Int, _ g: UnsafeMutablePointer<Scalar>,
    _ product: UnsafeMutablePointer<Float>
  ) {
    let last = plan.layerCount - 1
    let width = plan.widths[last]
    plan.forEachSample(in: tile) { sample, pairs in
      let row = pairs.lowerBound - tile.pairs.lowerBound
      let upstream = gradient + sample * width
      if let mask = kept.mask(of: tile, width: width) {
        Scalar.maskedRows(
          from: row, pairs.count, width, mask: mask, gradient: upstream, into: g + row * width,
          columns: biasGradient(last, chunk))
      } else {
        // A single layer has no product behind it.
        for row in row..<row + pairs.count {
          (product + row * width).update(from: upstream, count: width)
        }
      }
    }
    kept.fillUp(tile, width, g)
  }

  /// From the gradients of W₁ o and of W₂ o + W₃ q + b to those of the first layer, the objects and
  /// the questions.
  private func finish(
    _ samples: Range<Int>, _ chunk: Int, first: UnsafeMutablePointer<Float>,
    second: UnsafeMutablePointer<Float>
  ) {
    let (width, depth, n) = (plan.widths[0], plan.depth, plan.shape.objects)
    let rows = samples.count * n
    let start = samples.lowerBound * n * depth
    for (column, terms) in [(0, first), (depth, second)] {
      engine.multiply(
        transposeA: true, width, depth, rows, terms, stride: width, operands.objects + start,
        stride: depth, into: weightGradient(0, chunk) + column, stride: plan.inputWidth)
      engine.multiply(
        rows, depth, width, terms, stride: width, operands.weights[0] + column,
        stride: plan.inputWidth, accumulating: column != 0, into: objectGradient + start,
        stride: depth)
    }
    withScratch(samples.count * width) { terms in
      terms.update(repeating: 0, count: samples.count * width)
      for i in 0..<samples.count {
        relate_add_columns(n, width, second + i * n * width, terms + i * width)
      }
      relate_add_columns(samples.count, width, terms, biasGradient(0, chunk))
      guard let question = operands.question, let questionGradient else { return }
      let begin = samples.lowerBound * plan.questionDepth
      engine.multiply(
        transposeA: true, width, plan.questionDepth, samples.count, terms, stride: width,
        question + begin, stride: plan.questionDepth,
        into: weightGradient(0, chunk) + 2 * depth, stride: plan.inputWidth)
      engine.multiply(
        samples.count, plan.questionDepth, width, terms, stride: width,
        operands.weights[0] + 2 * depth, stride: plan.inputWidth,
        into: questionGradient + begin, stride: plan.questionDepth)
    }
  }
}
