// The layers of g by a matrix engine: products of row-major matrices, with passes between them.

import CKernels

/// The layers of g by `MatrixEngine.multiply`, with activations that are stored as `Scalar`.
struct EngineLayers<Scalar: ActivationScalar>: RelationLayers {
  private let plan: RelationPlan
  private let engine: MatrixEngine
  /// Of the second layer and those after it.
  private let weights: [Activations<Scalar>]
  private let biases: [SharedInput]
  /// The activations of the layers `plan.keptLayers`; empty if they are not kept.
  private let activations: [Activations<Scalar>]
  /// Where the last layer was positive, a bit for every row of a tile and output, as
  /// `relate_positive_mask` orders them; for more than one layer.
  private let mask: Tensor?
  /// The same while it is written.
  private let writtenMask: SharedPointer?

  init(
    _ plan: RelationPlan, _ operands: RelationOperands<Tensor>, _ context: ComputeContext,
    keepsActivations: Bool
  ) {
    let mask =
      keepsActivations && plan.layerCount > 1
      ? Output([(plan.keptRows / 8 * plan.widths[plan.layerCount - 1] + 3) / 4]) : nil
    self.init(
      plan, operands, context.engine,
      activations: keepsActivations
        ? plan.keptLayers.map { Activations(count: plan.keptRows * plan.widths[$0]) } : [],
      mask: mask?.tensor, writtenMask: mask?.shared)
  }

  init(
    _ plan: RelationPlan, _ operands: RelationOperands<Tensor>, _ context: ComputeContext,
    kept: [Tensor]
  ) {
    self.init(
      plan, operands, context.engine,
      activations: plan.keptLayers.indices.map { Activations(in: kept[$0 - 1]) },
      mask: plan.layerCount > 1 ? kept[kept.count - 1] : nil, writtenMask: nil)
  }

  private init(
    _ plan: RelationPlan, _ operands: RelationOperands<Tensor>, _ engine: MatrixEngine,
    activations: [Activations<Scalar>], mask: Tensor?, writtenMask: SharedPointer?
  ) {
    self.plan = plan
    self.engine = engine
    weights = operands.weights.dropFirst().map(Scalar.rounding)
    biases = operands.biases.map { SharedInput($0) }
    self.activations = activations
    self.mask = mask
    self.writtenMask = writtenMask
  }

  var kept: [Tensor] { activations.map(\.tensor) + (mask.map { [$0] } ?? []) }

  /// The bytes of a mask before those of a tile.
  private func maskOffset(of tile: RelationTile) -> Int {
    tile.start / 8 * plan.widths[plan.layerCount - 1]
  }

  /// The first layer's activations of a tile.
  private func writeFirstLayer(
    of tile: RelationTile, _ terms: RelationTerms, into x: UnsafeMutablePointer<Scalar>
  ) {
    let width = plan.widths[0]
    plan.forEachRun(in: tile) { second, firstObject, count, row in
      Scalar.pairForward(
        count, width, first: terms.first + firstObject * width,
        base: terms.second + second * width, into: x + row * width)
    }
    fillUp(tile, width, x)
  }

  /// Zeros in the rows of a tile that belong to no pair.
  private func fillUp(_ tile: RelationTile, _ width: Int, _ x: UnsafeMutablePointer<Scalar>) {
    let bytes = (tile.rows - tile.pairs.count) * width * MemoryLayout<Scalar>.stride
    UnsafeMutableRawPointer(x + tile.pairs.count * width).initializeMemory(
      as: UInt8.self, repeating: 0, count: bytes)
  }
}

// MARK: Forward

extension EngineLayers {
  func forward(_ tiles: [RelationTile], _ terms: RelationTerms, into output: SharedPointer) {
    let space = plan.tileRows * plan.widest
    let hidden = Activations<Scalar>(count: 2 * space)
    withScratch(space) { last in
      for tile in tiles {
        if plan.layerCount == 1 {
          writeOnlyLayer(of: tile, terms, into: last)
        } else {
          forward(tile, terms, hidden, space, last)
        }
        addUp(tile, last, into: output)
      }
    }
    extendLifetime(hidden)
  }

  private func forward(
    _ tile: RelationTile, _ terms: RelationTerms, _ hidden: Activations<Scalar>, _ space: Int,
    _ last: UnsafeMutablePointer<Float>
  ) {
    var x = hidden.pointer
    writeFirstLayer(of: tile, terms, into: x)
    for layer in 1..<plan.layerCount {
      let (inputs, outputs) = (plan.widths[layer - 1], plan.widths[layer])
      let (weight, bias) = (weights[layer - 1].pointer, biases[layer].pointer)
      // The last layer's rows are summed at once and never stored.
      if layer == plan.layerCount - 1 {
        engine.multiplyWithBiasAndRelu(
          tile.rows, outputs, inputs, x, weight: weight, bias: bias, into: last)
      } else {
        let y =
          activations.isEmpty
          ? hidden + layer % 2 * space : activations[layer - 1] + tile.start * outputs
        engine.multiplyWithBiasAndRelu(
          tile.rows, outputs, inputs, x, weight: weight, bias: bias, into: y)
        x = y
      }
    }
    let width = plan.widths[plan.layerCount - 1]
    if let writtenMask {
      let bytes = UnsafeMutableRawPointer(writtenMask.pointer) + maskOffset(of: tile)
      relate_positive_mask(tile.rows, width, last, bytes.assumingMemoryBound(to: UInt8.self))
    }
  }

  /// A g of a single layer is its first, which is never rounded.
  private func writeOnlyLayer(
    of tile: RelationTile, _ terms: RelationTerms, into x: UnsafeMutablePointer<Float>
  ) {
    let width = plan.widths[0]
    plan.forEachRun(in: tile) { second, firstObject, count, row in
      relate_pair_forward(
        count, width, terms.first + firstObject * width, terms.second + second * width,
        x + row * width)
    }
  }

  private func addUp(
    _ tile: RelationTile, _ x: UnsafePointer<Float>, into output: SharedPointer
  ) {
    let width = plan.widths[plan.layerCount - 1]
    plan.forEachSample(in: tile) { sample, pairs in
      let rows = x + (pairs.lowerBound - tile.pairs.lowerBound) * width
      relate_sum_rows(pairs.count, width, rows, output + sample * width)
    }
  }
}

// MARK: Backward

extension EngineLayers {
  func backward(
    _ tiles: [RelationTile], _ terms: RelationTerms, gradient: SharedInput,
    into sums: RelationGradients
  ) {
    let space = plan.tileRows * plan.widest
    let scratch = Activations<Scalar>(count: 2 * space)
    withScratch(space) { product in
      for (index, tile) in tiles.enumerated() {
        backward(
          tile, isFirst: index == 0, terms, gradient, into: sums, x: scratch.pointer,
          g: scratch + space, product)
      }
    }
    extendLifetime(scratch)
  }

  /// - Parameters:
  ///   - isFirst: whether no tile of the chunk has left its sums yet.
  ///   - x: room for the first layer's activations.
  ///   - g: room for the gradient of a layer's sums, before its ReLU.
  ///   - product: room for the gradient of a layer's inputs.
  private func backward(
    _ tile: RelationTile, isFirst: Bool, _ terms: RelationTerms, _ gradient: SharedInput,
    into sums: RelationGradients, x: UnsafeMutablePointer<Scalar>,
    g: UnsafeMutablePointer<Scalar>, _ product: UnsafeMutablePointer<Float>
  ) {
    writeFirstLayer(of: tile, terms, into: x)
    startGradient(tile, gradient, g, product, columns: sums.biases[plan.layerCount - 1])
    for layer in (1..<max(plan.layerCount, 1)).reversed() {
      let (inputs, outputs) = (plan.widths[layer - 1], plan.widths[layer])
      let below = layer == 1 ? x : activations[layer - 2] + tile.start * inputs
      engine.multiply(
        transposeA: true, outputs, inputs, tile.rows, g, stride: outputs, below, stride: inputs,
        accumulating: !isFirst, into: sums.weights[layer], stride: inputs)
      engine.multiply(
        tile.rows, inputs, outputs, g, stride: outputs, weights[layer - 1].pointer,
        stride: inputs, into: product, stride: inputs)
      if layer > 1 {
        Scalar.reluBackward(
          tile.rows, inputs, activation: below, gradient: product, into: g,
          columns: sums.biases[layer - 1])
      }
    }
    let width = plan.widths[0]
    plan.forEachRun(in: tile) { secondObject, firstObject, count, row in
      Scalar.pairBackward(
        count, width, gradient: product + row * width, activation: x + row * width,
        first: sums.first + (firstObject - sums.firstObject) * width,
        second: sums.second + (secondObject - sums.firstObject) * width)
    }
  }

  /// Every pair's gradient is its sample's, where the last layer was positive.
  private func startGradient(
    _ tile: RelationTile, _ gradient: SharedInput, _ g: UnsafeMutablePointer<Scalar>,
    _ product: UnsafeMutablePointer<Float>, columns: UnsafeMutablePointer<Float>
  ) {
    let width = plan.widths[plan.layerCount - 1]
    plan.forEachSample(in: tile) { sample, pairs in
      let row = pairs.lowerBound - tile.pairs.lowerBound
      let upstream = gradient + sample * width
      if let mask {
        let bytes = UnsafeRawPointer(mask.address) + maskOffset(of: tile)
        Scalar.maskedRows(
          from: row, pairs.count, width, mask: bytes.assumingMemoryBound(to: UInt8.self),
          gradient: upstream, into: g + row * width,
          columns: columns)
      } else {
        // A single layer has no product behind it.
        for row in row..<row + pairs.count {
          (product + row * width).update(from: upstream, count: width)
        }
      }
    }
    fillUp(tile, width, g)
  }
}
