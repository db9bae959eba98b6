// The relation backwards: the same tiles, last layer first; then the terms of objects.

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
    func gradients<Layers: RelationLayers>(_: Layers.Type) -> [Tensor] {
      let objectGradient = Output(operands.objects.shape)
      let questionGradient = operands.question.map { Output($0.shape) }
      // Each chunk has sums of its own: weight and bias of each layer, one after another.
      let shapes = zip(operands.weights, operands.biases).flatMap { [$0.shape, $1.shape] }
      var offsets = [0]
      for shape in shapes { offsets.append(offsets[offsets.count - 1] + shape.count) }
      let count = offsets[offsets.count - 1]
      let sums = (0..<plan.chunkCount).map { _ in Output([count]) }
      let pass = RelationBackward(
        plan: plan, engine: context.engine, operands: RelationAddresses(operands),
        terms: RelationTerms(tensor: saved[0]),
        layers: Layers(
          plan, operands, context, kept: Array(saved.dropFirst())),
        gradient: SharedInput(gradient), objectGradient: objectGradient.shared,
        questionGradient: questionGradient?.shared, sums: sums.map(\.shared), offsets: offsets)
      context.threads.run(chunks: plan.chunkCount) { pass.run(chunk: $0) }
      context.threads.run(chunks: 8) { pass.addUpChunks(part($0, of: 8, in: count)) }
      extendLifetime(operands)
      extendLifetime(gradient)
      extendLifetime(pass)
      extendLifetime(sums)
      let total = sums[0].tensor
      let parameters = zip(offsets, shapes).map { total.window(from: $0, shape: $1) }
      return [objectGradient.tensor] + (questionGradient.map { [$0.tensor] } ?? []) + parameters
    }
    return withLayers(of: plan, context) { gradients($0) }
  }
}

private struct RelationBackward<Layers: RelationLayers>: Sendable {
  let plan: RelationPlan
  let engine: MatrixEngine
  let operands: RelationAddresses
  let terms: RelationTerms
  let layers: Layers
  let gradient: SharedInput
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
    withScratch(2 * size) { room in
      room.update(repeating: 0, count: 2 * size)
      let firstObject = samples.lowerBound * plan.shape.objects
      let layerIndices = 0..<plan.layerCount
      layers.backward(
        tiles, terms, gradient: gradient,
        into: RelationGradients(
          weights: layerIndices.map { weightGradient($0, chunk) },
          biases: layerIndices.map { biasGradient($0, chunk) }, firstObject: firstObject,
          first: room, second: room + size))
      finish(samples, chunk, first: room, second: room + size)
    }
  }

  /// Adds a part of every chunk's sums to the first's, in the order of the chunks.
  func addUpChunks(_ range: Range<Int>) {
    for chunk in sums.dropFirst() {
      relate_add_scaled(
        range.count, 1, chunk + range.lowerBound, sums[0] + range.lowerBound)
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
