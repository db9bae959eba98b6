// The relation forwards: tiles of pairs through all layers while they are in the cache.

import CKernels

extension Kernels {
  /// The sum over pairs of g, `[batch, width]`; and, if kept, the activations of the hidden layers
  /// and (for more than one layer) where the last one was positive, a byte each.
  ///
  /// The first layer is linear before its ReLU, so W (oⱼ, oᵢ, q) = W₁ oⱼ + W₂ oᵢ + W₃ q: each term
  /// is computed once per object or question, and a pair costs one addition.
  public static func relation(
    _ operands: RelationOperands<Tensor>, shape: RelationShape, keepsActivations: Bool,
    context: ComputeContext
  ) -> (output: Tensor, saved: [Tensor]) {
    let plan = RelationPlan(operands, shape)
    let addresses = RelationAddresses(operands)
    let width = plan.widths[plan.layerCount - 1]
    let activations =
      keepsActivations
      ? (0..<plan.keptLayers).map { uninitialized([plan.pairCount, plan.widths[$0]]) } : []
    let mask =
      keepsActivations && plan.layerCount > 1
      ? uninitialized([(plan.pairCount * width + 3) / 4]) : nil
    let output = Tensor.zeros([shape.batch, width])
    let pass = RelationForward(
      plan: plan, operands: addresses, output: SharedPointer(output.address),
      activations: activations.map { SharedPointer($0.address) },
      mask: mask.map { SharedPointer($0.address) })
    context.threads.run(chunks: plan.chunkCount) { pass.run(chunk: $0) }
    withExtendedLifetime(operands) {}
    return (output, activations + (mask.map { [$0] } ?? []))
  }

  static func uninitialized(_ shape: Shape) -> Tensor { Tensor(shape: shape, pointer: { _ in }) }
}

private struct RelationForward: Sendable {
  let plan: RelationPlan
  let operands: RelationAddresses
  let output: SharedPointer
  /// Of the hidden layers, for all pairs; empty if not kept.
  let activations: [SharedPointer]
  let mask: SharedPointer?

  func run(chunk: Int) {
    let samples = plan.samples(of: chunk)
    let objects = samples.count * plan.shape.objects
    let width = plan.widths[0]
    withScratch(2 * objects * width) { terms in
      let base = terms + objects * width
      writeTerms(samples, first: terms, base: base)
      // Rows are numbered from the batch's first object.
      let skipped = samples.lowerBound * plan.shape.objects * width
      withScratch(3 * plan.tileRows * plan.widest) { scratch in
        for tile in plan.tiles(of: chunk) {
          run(tile, first: terms - skipped, base: base - skipped, scratch)
        }
      }
    }
  }

  /// W₁ o and W₂ o + W₃ q + b for the objects of some samples.
  private func writeTerms(
    _ samples: Range<Int>, first: UnsafeMutablePointer<Float>, base: UnsafeMutablePointer<Float>
  ) {
    let (width, depth, n) = (plan.widths[0], plan.depth, plan.shape.objects)
    let objects = operands.objects + samples.lowerBound * n * depth
    let weight = operands.weights[0]
    for (column, target) in [(0, first), (depth, base)] {
      Kernels.multiply(
        transposeB: true, samples.count * n, width, depth, objects, stride: depth,
        weight + column, stride: plan.inputWidth, into: target, stride: width)
    }
    withScratch(samples.count * width) { terms in
      for i in 0..<samples.count {
        (terms + i * width).update(from: operands.biases[0].pointer, count: width)
      }
      if let question = operands.question {
        Kernels.multiply(
          transposeB: true, samples.count, width, plan.questionDepth,
          question + samples.lowerBound * plan.questionDepth, stride: plan.questionDepth,
          weight + 2 * depth, stride: plan.inputWidth, beta: 1, into: terms, stride: width)
      }
      for object in 0..<samples.count * n {
        relate_add_scaled(width, 1, terms + object / n * width, base + object * width)
      }
    }
  }

  private func run(
    _ tile: Range<Int>, first: UnsafePointer<Float>, base: UnsafePointer<Float>,
    _ scratch: UnsafeMutablePointer<Float>
  ) {
    let space = plan.tileRows * plan.widest
    var x = target(0, tile, scratch)
    let width = plan.widths[0]
    plan.forEachRun(in: tile) { second, firstObject, count, row in
      relate_pair_forward(
        count, width, first + firstObject * width, base + second * width, x + row * width)
    }
    for layer in 1..<max(plan.layerCount, 1) {
      let isLast = layer == plan.layerCount - 1
      // The last layer's rows are summed at once and never stored.
      let y = isLast ? scratch + 2 * space : target(layer, tile, scratch + layer % 2 * space)
      let (inputs, outputs) = (plan.widths[layer - 1], plan.widths[layer])
      Kernels.multiply(
        transposeB: true, tile.count, outputs, inputs, x, stride: inputs,
        operands.weights[layer].pointer, stride: inputs, into: y, stride: outputs)
      if !isLast {
        relate_bias_relu(tile.count, outputs, operands.biases[layer].pointer, y)
      }
      x = y
    }
    addUp(tile, x)
  }

  private func addUp(_ tile: Range<Int>, _ x: UnsafePointer<Float>) {
    let width = plan.widths[plan.layerCount - 1]
    plan.forEachSample(in: tile) { sample, pairs in
      let rows = x + (pairs.lowerBound - tile.lowerBound) * width
      let sum = output + sample * width
      if plan.layerCount == 1 {
        relate_add_columns(pairs.count, width, rows, sum)
      } else {
        let bytes = mask.map { UnsafeMutableRawPointer($0.pointer) + pairs.lowerBound * width }
        relate_bias_relu_sum(
          pairs.count, width, rows, operands.biases[plan.layerCount - 1].pointer,
          bytes?.assumingMemoryBound(to: UInt8.self), sum)
      }
    }
  }

  /// Where a hidden layer's activations of a tile go: to the kept ones, or to scratch memory.
  private func target(
    _ layer: Int, _ tile: Range<Int>, _ scratch: UnsafeMutablePointer<Float>
  ) -> UnsafeMutablePointer<Float> {
    activations.isEmpty ? scratch : activations[layer] + tile.lowerBound * plan.widths[layer]
  }
}
