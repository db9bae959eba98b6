// The relation forwards: terms of objects, then tiles of pairs through all layers.

import CKernels

extension Kernels {
  /// The sum over pairs of g, `[batch, width]`; and, if asked for, what `relationGradients` wants
  /// to keep of the way there.
  ///
  /// In `bf16`, activations and weights of the layers behind the first are rounded to bfloat16, and
  /// sums stay in float32.
  public static func relation(
    _ operands: RelationOperands<Tensor>, shape: RelationShape, keepsActivations: Bool,
    context: ComputeContext
  ) -> (output: Tensor, saved: [Tensor]) {
    let plan = RelationPlan(operands, shape)
    func relation<Layers: RelationLayers>(_: Layers.Type) -> (Tensor, [Tensor]) {
      let output = Output(zeros: [plan.shape.batch, plan.widths[plan.layerCount - 1]])
      let terms = Output([2, shape.batch * shape.objects, plan.widths[0]])
      let pass = RelationForward(
        plan: plan, engine: context.engine, operands: RelationAddresses(operands),
        terms: RelationTerms(tensor: terms.tensor), writtenTerms: terms.shared,
        layers: Layers(
          plan, operands, context, keepsActivations: keepsActivations),
        output: output.shared)
      context.threads.run(chunks: plan.chunkCount) { pass.run(chunk: $0) }
      extendLifetime(operands)
      extendLifetime(pass)
      return (output.tensor, keepsActivations ? [terms.tensor] + pass.layers.kept : [])
    }
    return withLayers(of: plan, context) { relation($0) }
  }

  /// Calls `body` with what computes the layers of a relation.
  static func withLayers<R>(
    of plan: RelationPlan, _ context: ComputeContext,
    _ body: (any RelationLayers.Type) -> R
  ) -> R {
    // A g of a single layer is its first, which is never rounded.
    if plan.layerCount == 1 { return body(EngineLayers<Float>.self) }
    return switch (context.engine, context.precision) {
    case (.panels, _): body(PanelLayers.self)
    case (_, .fp32): body(EngineLayers<Float>.self)
    case (_, .bf16): body(EngineLayers<BFloat16>.self)
    }
  }
}

private struct RelationForward<Layers: RelationLayers>: Sendable {
  let plan: RelationPlan
  let engine: MatrixEngine
  let operands: RelationAddresses
  let terms: RelationTerms
  /// The same while they are written.
  let writtenTerms: SharedPointer
  let layers: Layers
  let output: SharedPointer

  func run(chunk: Int) {
    writeTerms(plan.samples(of: chunk))
    layers.forward(plan.tiles(of: chunk), terms, into: output)
  }

  /// W₁ o and W₂ o + W₃ q + b for the objects of some samples.
  private func writeTerms(_ samples: Range<Int>) {
    let (width, depth, n) = (plan.widths[0], plan.depth, plan.shape.objects)
    let start = samples.lowerBound * n
    let weight = operands.weights[0]
    let first = writtenTerms.pointer
    let second = writtenTerms + terms.tensor.count / 2
    for (column, target) in [(0, first), (depth, second)] {
      engine.multiply(
        transposeB: true, samples.count * n, width, depth, operands.objects + start * depth,
        stride: depth, weight + column, stride: plan.inputWidth, into: target + start * width,
        stride: width)
    }
    withScratch(samples.count * width) { shared in
      for i in 0..<samples.count {
        (shared + i * width).update(from: operands.biases[0].pointer, count: width)
      }
      if let question = operands.question {
        engine.multiply(
          transposeB: true, samples.count, width, plan.questionDepth,
          question + samples.lowerBound * plan.questionDepth, stride: plan.questionDepth,
          weight + 2 * depth, stride: plan.inputWidth, accumulating: true, into: shared,
          stride: width)
      }
      for object in 0..<samples.count * n {
        relate_add_scaled(
          width, 1, shared + object / n * width, second + (start + object) * width)
      }
    }
  }
}
