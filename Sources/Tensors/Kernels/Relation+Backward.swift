// The relation backwards: the same tiles, last layer first.

import CKernels

extension Kernels {
  /// The gradients of a relation with respect to its operands, in their order.
  public static func relationGradients(
    _ gradient: Tensor, _ operands: RelationOperands<Tensor>, saved: [Tensor],
    shape: RelationShape, context: ComputeContext
  ) -> [Tensor] {
    let plan = RelationPlan(operands, shape)
    let objectGradient = uninitialized(operands.objects.shape)
    let questionGradient = operands.question.map { uninitialized($0.shape) }
    // Each chunk has a row: weight and bias of each layer, one after another.
    let shapes = zip(operands.weights, operands.biases).flatMap { [$0.shape, $1.shape] }
    var offsets = [0]
    for shape in shapes { offsets.append(offsets[offsets.count - 1] + shape.count) }
    let partial = uninitialized([plan.chunkCount, offsets[offsets.count - 1]])
    let pass = RelationBackward(
      plan: plan, operands: RelationAddresses(operands),
      gradient: SharedPointer(gradient.address),
      activations: saved.prefix(plan.keptLayers).map { SharedPointer($0.address) },
      mask: plan.layerCount > 1 ? SharedPointer(saved[plan.keptLayers].address) : nil,
      objectGradient: SharedPointer(objectGradient.address),
      questionGradient: questionGradient.map { SharedPointer($0.address) },
      partial: SharedPointer(partial.address), offsets: offsets)
    context.threads.run(chunks: plan.chunkCount) { pass.run(chunk: $0) }
    withExtendedLifetime((operands, gradient, saved)) {}
    let total = sum(partial, over: [0])
    let parameters = zip(offsets, shapes).map { total.window(from: $0, shape: $1) }
    return [objectGradient] + (questionGradient.map { [$0] } ?? []) + parameters
  }
}

private struct RelationBackward: Sendable {
  let plan: RelationPlan
  let operands: RelationAddresses
  let gradient: SharedPointer
  let activations: [SharedPointer]
  let mask: SharedPointer?
  let objectGradient: SharedPointer
  let questionGradient: SharedPointer?
  let partial: SharedPointer
  let offsets: [Int]

  private func weightGradient(_ layer: Int, _ chunk: Int) -> UnsafeMutablePointer<Float> {
    partial + (chunk * offsets[offsets.count - 1] + offsets[2 * layer])
  }

  private func biasGradient(_ layer: Int, _ chunk: Int) -> UnsafeMutablePointer<Float> {
    partial + (chunk * offsets[offsets.count - 1] + offsets[2 * layer + 1])
  }

  func run(chunk: Int) {
    let samples = plan.samples(of: chunk)
    let size = samples.count * plan.shape.objects * plan.widths[0]
    weightGradient(0, chunk).update(repeating: 0, count: offsets[offsets.count - 1])
    withScratch(2 * size) { terms in
      terms.update(repeating: 0, count: 2 * size)
      let skipped = samples.lowerBound * plan.shape.objects * plan.widths[0]
      withScratch(2 * plan.tileRows * plan.widest) { scratch in
        for tile in plan.tiles(of: chunk) {
          run(tile, chunk, first: terms - skipped, second: terms + size - skipped, scratch)
        }
      }
      finish(samples, chunk, first: terms, second: terms + size)
    }
  }

  private func run(
    _ tile: Range<Int>, _ chunk: Int, first: UnsafeMutablePointer<Float>,
    second: UnsafeMutablePointer<Float>, _ scratch: UnsafeMutablePointer<Float>
  ) {
    var (g, spare) = (scratch, scratch + plan.tileRows * plan.widest)
    startGradient(tile, chunk, g)
    for layer in (1..<max(plan.layerCount, 1)).reversed() {
      let (inputs, outputs) = (plan.widths[layer - 1], plan.widths[layer])
      let x = activations[layer - 1] + tile.lowerBound * inputs
      Kernels.multiply(
        transposeA: true, outputs, inputs, tile.count, g, stride: outputs, x, stride: inputs,
        beta: 1, into: weightGradient(layer, chunk), stride: inputs)
      Kernels.multiply(
        tile.count, inputs, outputs, g, stride: outputs, operands.weights[layer].pointer,
        stride: inputs, into: spare, stride: inputs)
      swap(&g, &spare)
      if layer > 1 {
        relate_relu_backward(tile.count, inputs, x, g, biasGradient(layer - 1, chunk))
      }
    }
    let width = plan.widths[0]
    let x = activations[0] + tile.lowerBound * width
    plan.forEachRun(in: tile) { secondObject, firstObject, count, row in
      relate_pair_backward(
        count, width, g + row * width, x + row * width, first + firstObject * width,
        second + secondObject * width)
    }
  }

  /// Every pair's gradient is its sample's, where the last layer was positive.
  private func startGradient(
    _ tile: Range<Int>, _ chunk: Int, _ g: UnsafeMutablePointer<Float>
  ) {
    let last = plan.layerCount - 1
    let width = plan.widths[last]
    plan.forEachSample(in: tile) { sample, pairs in
      let rows = g + (pairs.lowerBound - tile.lowerBound) * width
      let upstream = gradient + sample * width
      if let mask {
        let bytes = UnsafeRawPointer(mask.pointer) + pairs.lowerBound * width
        relate_masked_rows(
          pairs.count, width, bytes.assumingMemoryBound(to: UInt8.self), upstream, rows,
          biasGradient(last, chunk))
      } else {
        for row in 0..<pairs.count { (rows + row * width).update(from: upstream, count: width) }
      }
    }
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
      Kernels.multiply(
        transposeA: true, width, depth, rows, terms, stride: width, operands.objects + start,
        stride: depth, into: weightGradient(0, chunk) + column, stride: plan.inputWidth)
      Kernels.multiply(
        rows, depth, width, terms, stride: width, operands.weights[0] + column,
        stride: plan.inputWidth, beta: column == 0 ? 0 : 1, into: objectGradient + start,
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
      Kernels.multiply(
        transposeA: true, width, plan.questionDepth, samples.count, terms, stride: width,
        question + begin, stride: plan.questionDepth,
        into: weightGradient(0, chunk) + 2 * depth, stride: plan.inputWidth)
      Kernels.multiply(
        samples.count, plan.questionDepth, width, terms, stride: width,
        operands.weights[0] + 2 * depth, stride: plan.inputWidth,
        into: questionGradient + begin, stride: plan.questionDepth)
    }
  }
}
