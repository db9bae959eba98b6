// The relation forwards: tiles of pairs through all layers while they are in the cache.

import CKernels

extension Kernels {
  /// The sum over pairs of g, `[batch, width]`; and, if asked for, what `relationGradients` wants
  /// to keep of the way there.
  ///
  /// The first layer is linear before its ReLU, so W (oⱼ, oᵢ, q) = W₁ oⱼ + W₂ oᵢ + W₃ q: each term
  /// is computed once per object or question, and a pair costs one addition. In `bf16`, activations
  /// and weights of the other layers are rounded to bfloat16, and sums stay in float32.
  public static func relation(
    _ operands: RelationOperands<Tensor>, shape: RelationShape, keepsActivations: Bool,
    context: ComputeContext
  ) -> (output: Tensor, saved: [Tensor]) {
    let plan = RelationPlan(operands, shape)
    return switch context.precision {
    case .bf16 where plan.layerCount > 1:
      relation(operands, plan, keepsActivations, BFloat16.self, context)
    case .fp32, .bf16: relation(operands, plan, keepsActivations, Float.self, context)
    }
  }

  private static func relation<Scalar: ActivationScalar>(
    _ operands: RelationOperands<Tensor>, _ plan: RelationPlan, _ keepsActivations: Bool,
    _: Scalar.Type, _ context: ComputeContext
  ) -> (output: Tensor, saved: [Tensor]) {
    let output = Tensor.zeros([plan.shape.batch, plan.widths[plan.layerCount - 1]])
    let kept = RelationKept<Scalar>(plan, keepingActivations: keepsActivations)
    let pass = RelationForward(
      plan: plan, engine: context.engine, operands: RelationAddresses(operands),
      weights: operands.weights.dropFirst().map(Scalar.rounding),
      output: SharedPointer(output.address),
      kept: kept)
    context.threads.run(chunks: plan.chunkCount) { pass.run(chunk: $0) }
    extendLifetime(operands)
    extendLifetime(pass)
    return (output, keepsActivations ? kept.tensors : [])
  }

  static func uninitialized(_ shape: Shape) -> Tensor { Tensor(shape: shape, pointer: { _ in }) }
}

/// What the forward pass of a relation leaves to the backward pass.
struct RelationKept<Scalar: ActivationScalar>: Sendable {
  /// W₁ o, then W₂ o + W₃ q + b, of all objects: `[2, batch · n, width]` for the first layer's
  /// width.
  let terms: Tensor
  /// The activations of the layers `plan.keptLayers`; empty if they are not kept.
  let activations: [Activations<Scalar>]
  /// Where the last layer was positive, a bit for every row of a tile and output, as
  /// `relate_positive_mask` orders them; for more than one layer.
  let mask: Tensor?

  /// Memory for what a relation keeps: its terms at least.
  init(_ plan: RelationPlan, keepingActivations: Bool) {
    terms = Kernels.uninitialized([2, plan.shape.batch * plan.shape.objects, plan.widths[0]])
    activations =
      keepingActivations
      ? plan.keptLayers.map { Activations(count: plan.keptRows * plan.widths[$0]) } : []
    let bytes = plan.keptRows / 8 * plan.widths[plan.layerCount - 1]
    mask =
      keepingActivations && plan.layerCount > 1 ? Kernels.uninitialized([(bytes + 3) / 4]) : nil
  }

  /// What was kept, from its `tensors`.
  init(_ plan: RelationPlan, tensors: [Tensor]) {
    terms = tensors[0]
    activations = plan.keptLayers.indices.map { Activations(in: tensors[$0]) }
    mask = plan.layerCount > 1 ? tensors[tensors.count - 1] : nil
  }

  /// Everything, in a fixed order.
  var tensors: [Tensor] { [terms] + activations.map(\.tensor) + (mask.map { [$0] } ?? []) }

  /// W₁ o, a row for each object of the batch.
  var first: SharedPointer { SharedPointer(terms.address) }
  /// W₂ o + W₃ q + b, likewise.
  var base: SharedPointer { SharedPointer(terms.address + terms.count / 2) }

  /// The mask of a tile.
  func mask(of tile: RelationTile, width: Int) -> UnsafeMutablePointer<UInt8>? {
    mask.map {
      (UnsafeMutableRawPointer(mutating: $0.address) + tile.start / 8 * width)
        .assumingMemoryBound(to: UInt8.self)
    }
  }

  /// The first layer's activations of a tile.
  func writeFirstLayer(
    of tile: RelationTile, _ plan: RelationPlan, into x: UnsafeMutablePointer<Scalar>
  ) {
    let width = plan.widths[0]
    plan.forEachRun(in: tile) { second, firstObject, count, row in
      Scalar.pairForward(
        count, width, first: first + firstObject * width, base: base + second * width,
        into: x + row * width)
    }
    fillUp(tile, width, x)
  }

  /// Zeros in the rows of a tile that belong to no pair.
  func fillUp(_ tile: RelationTile, _ width: Int, _ x: UnsafeMutablePointer<Scalar>) {
    let bytes = (tile.rows - tile.pairs.count) * width * MemoryLayout<Scalar>.stride
    UnsafeMutableRawPointer(x + tile.pairs.count * width).initializeMemory(
      as: UInt8.self, repeating: 0, count: bytes)
  }
}

private struct RelationForward<Scalar: ActivationScalar>: Sendable {
  let plan: RelationPlan
  let engine: MatrixEngine
  let operands: RelationAddresses
  /// Of the second layer and those after it.
  let weights: [Activations<Scalar>]
  let output: SharedPointer
  let kept: RelationKept<Scalar>

  func run(chunk: Int) {
    writeTerms(plan.samples(of: chunk))
    let space = plan.tileRows * plan.widest
    let hidden = Activations<Scalar>(count: 2 * space)
    withScratch(space) { last in
      for tile in plan.tiles(of: chunk) {
        plan.layerCount == 1 ? addUpFirstLayer(tile, last) : run(tile, hidden, space, last)
      }
    }
    extendLifetime(hidden)
  }

  /// W₁ o and W₂ o + W₃ q + b for the objects of some samples.
  private func writeTerms(_ samples: Range<Int>) {
    let (width, depth, n) = (plan.widths[0], plan.depth, plan.shape.objects)
    let start = samples.lowerBound * n
    let weight = operands.weights[0]
    for (column, target) in [(0, kept.first), (depth, kept.base)] {
      engine.multiply(
        transposeB: true, samples.count * n, width, depth, operands.objects + start * depth,
        stride: depth, weight + column, stride: plan.inputWidth, into: target + start * width,
        stride: width)
    }
    withScratch(samples.count * width) { terms in
      for i in 0..<samples.count {
        (terms + i * width).update(from: operands.biases[0].pointer, count: width)
      }
      if let question = operands.question {
        engine.multiply(
          transposeB: true, samples.count, width, plan.questionDepth,
          question + samples.lowerBound * plan.questionDepth, stride: plan.questionDepth,
          weight + 2 * depth, stride: plan.inputWidth, accumulating: true, into: terms,
          stride: width)
      }
      for object in 0..<samples.count * n {
        relate_add_scaled(
          width, 1, terms + object / n * width, kept.base + (start + object) * width)
      }
    }
  }

  private func run(
    _ tile: RelationTile, _ hidden: Activations<Scalar>, _ space: Int,
    _ last: UnsafeMutablePointer<Float>
  ) {
    var x = hidden.pointer
    kept.writeFirstLayer(of: tile, plan, into: x)
    for layer in 1..<plan.layerCount {
      let (inputs, outputs) = (plan.widths[layer - 1], plan.widths[layer])
      let (weight, bias) = (weights[layer - 1].pointer, operands.biases[layer].pointer)
      // The last layer's rows are summed at once and never stored.
      if layer == plan.layerCount - 1 {
        engine.multiplyWithBiasAndRelu(
          tile.rows, outputs, inputs, x, weight: weight, bias: bias, into: last)
      } else {
        let y =
          kept.activations.isEmpty
          ? hidden + layer % 2 * space : kept.activations[layer - 1] + tile.start * outputs
        engine.multiplyWithBiasAndRelu(
          tile.rows, outputs, inputs, x, weight: weight, bias: bias, into: y)
        x = y
      }
    }
    let width = plan.widths[plan.layerCount - 1]
    if let mask = kept.mask(of: tile, width: width) {
      relate_positive_mask(tile.rows, width, last, mask)
    }
    addUp(tile, last)
  }

  /// A g of a single layer is its first, which is never rounded.
  private func addUpFirstLayer(_ tile: RelationTile, _ x: UnsafeMutablePointer<Float>) {
    let width = plan.widths[0]
    plan.forEachRun(in: tile) { second, firstObject, count, row in
      relate_pair_forward(
        count, width, kept.first + firstObject * width, kept.base + second * width,
        x + row * width)
    }
    addUp(tile, x)
  }

  private func addUp(_ tile: RelationTile, _ x: UnsafePointer<Float>) {
    let width = plan.widths[plan.layerCount - 1]
    plan.forEachSample(in: tile) { sample, pairs in
      let rows = x + (pairs.lowerBound - tile.pairs.lowerBound) * width
      relate_sum_rows(pairs.count, width, rows, output + sample * width)
    }
  }
}
