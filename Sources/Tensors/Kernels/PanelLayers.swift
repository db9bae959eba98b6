// The layers of g by kernels of our own for AVX-512, which finish each result in registers.

import CKernels

/// The layers of g by `panels.h`: activations and gradients lie in panels of 32 columns, ready for
/// the products that read them, and everything between two products happens to a block of its
/// result before it is stored.
struct PanelLayers: RelationLayers {
  private let plan: RelationPlan
  private let kernels: PanelKernels
  /// Of the second layer and those after it, packed along the inputs for the forward pass, along
  /// the outputs for the backward pass.
  private let weights: [Scratch]
  /// Likewise, filled up with zeros to whole panels; empty in the backward pass.
  private let biases: [Tensor]
  /// The activations of the layers `plan.keptLayers`, by rows; empty if they are not kept.
  private let activations: [Tensor]
  /// Where each layer from the second on was positive; empty if activations are not kept.
  private let masks: [Tensor]

  init(
    _ plan: RelationPlan, _ operands: RelationOperands<Tensor>, _ context: ComputeContext,
    keepsActivations: Bool
  ) {
    let kernels = PanelKernels(context.precision)
    self.init(
      plan, kernels, operands, alongOutputs: false,
      activations: keepsActivations
        ? plan.keptLayers.map {
          let bytes = kernels.bytes(plan.keptRows, plan.widths[$0])
          return Kernels.uninitialized([bytes / MemoryLayout<Float>.stride])
        } : [],
      masks: keepsActivations
        ? plan.widths.dropFirst().map {
          Kernels.uninitialized([plan.keptRows * Panels.count(of: $0)])
        } : [])
  }

  init(
    _ plan: RelationPlan, _ operands: RelationOperands<Tensor>, _ context: ComputeContext,
    kept: [Tensor]
  ) {
    self.init(
      plan, PanelKernels(context.precision), operands, alongOutputs: true,
      activations: Array(kept.prefix(plan.keptLayers.count)),
      masks: Array(kept.dropFirst(plan.keptLayers.count)))
  }

  private init(
    _ plan: RelationPlan, _ kernels: PanelKernels, _ operands: RelationOperands<Tensor>,
    alongOutputs: Bool, activations: [Tensor], masks: [Tensor]
  ) {
    self.plan = plan
    self.kernels = kernels
    self.activations = activations
    self.masks = masks
    weights = operands.weights.dropFirst().map { weight in
      let packed = kernels.packed(
        weight.address, rows: weight.shape[0], columns: weight.shape[1], stride: weight.shape[1],
        transposed: !alongOutputs)
      extendLifetime(weight)
      return packed
    }
    biases =
      alongOutputs
      ? []
      : operands.biases.dropFirst().map { bias in
        Tensor(shape: [Panels.filledUp(bias.count)]) { scalars in
          bias.withScalars { _ = scalars.update(fromContentsOf: $0) }
          scalars[bias.count...].update(repeating: 0)
        }
      }
  }

  var kept: [Tensor] { activations + masks }

  /// What a tape keeps is tensors; this one's numbers are written and read by chunks of the
  /// relation alone.
  private static func address(_ kept: Tensor) -> UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(kept.storage.scalars + kept.offset)
  }

  /// Where a tile's part of a matrix that is kept begins.
  private func address(
    _ matrix: Tensor, _ tile: RelationTile, width: Int
  ) -> UnsafeMutableRawPointer {
    Self.address(matrix) + tile.start * Panels.filledUp(width) * kernels.valueBytes
  }

  private func mask(of layer: Int, _ tile: RelationTile) -> UnsafeMutablePointer<UInt32>? {
    masks.isEmpty
      ? nil
      : (Self.address(masks[layer - 1]).assumingMemoryBound(to: UInt32.self)
        + tile.start * Panels.count(of: plan.widths[layer]))
  }

  /// Room for `count` matrices of a tile, and the addresses of each.
  private func withRoom(count: Int, _ body: ([UnsafeMutableRawPointer]) -> Void) {
    let size = kernels.bytes(plan.tileRows, plan.widest)
    let room = Scratch(bytes: count * size)
    body((0..<count).map { room.address + $0 * size })
    extendLifetime(room)
  }
}

// MARK: Forward

extension PanelLayers {
  func forward(_ tiles: [RelationTile], _ terms: RelationTerms, into output: SharedPointer) {
    var rows = PairRows(plan)
    withRoom(count: 2) { room in
      for tile in tiles {
        rows.fill(tile, plan)
        rows.withPairs { forward(tile, $0, terms, room, into: output) }
      }
    }
    extendLifetime(self)
  }

  private func forward(
    _ tile: RelationTile, _ pairs: UnsafePointer<relate_panels_pairs>, _ terms: RelationTerms,
    _ room: [UnsafeMutableRawPointer], into output: SharedPointer
  ) {
    let table = kernels.table
    let last = plan.layerCount - 1
    var x = room[0]
    table.pair_forward(
      pairs, plan.widths[0], terms.first.pointer, terms.second.pointer,
      relate_panels(by_columns: x, by_rows: nil), nil)
    for layer in 1..<last {
      let (inputs, outputs) = (plan.widths[layer - 1], plan.widths[layer])
      let keptMatrix =
        activations.isEmpty ? nil : address(activations[layer - 1], tile, width: outputs)
      // What is kept in float32 is what the next layer reads.
      let y = kernels.hasOneWay ? keptMatrix ?? room[layer % 2] : room[layer % 2]
      table.forward(
        tile.rows, inputs, outputs, x, weights[layer - 1].address, biases[layer - 1].address,
        relate_panels(by_columns: y, by_rows: keptMatrix), mask(of: layer, tile))
      x = y
    }
    table.sum_forward(
      pairs, plan.widths[last - 1], plan.widths[last], x, weights[last - 1].address,
      biases[last - 1].address, output.pointer, mask(of: last, tile))
  }
}

// MARK: Backward

extension PanelLayers {
  func backward(
    _ tiles: [RelationTile], _ terms: RelationTerms, gradient: SharedInput,
    into sums: RelationGradients
  ) {
    var rows = PairRows(plan)
    let maskCount = plan.tileRows * Panels.count(of: plan.widths[0])
    let firstMask = Scratch(bytes: maskCount * MemoryLayout<UInt32>.stride)
    // The first layer's activations, and two gradients in two ways each.
    withRoom(count: kernels.hasOneWay ? 3 : 5) { room in
      for (index, tile) in tiles.enumerated() {
        rows.fill(tile, plan, firstObject: sums.firstObject)
        rows.withPairs {
          backward(
            tile, $0, isFirst: index == 0, terms, gradient, room,
            firstMask.address.assumingMemoryBound(to: UInt32.self), into: sums)
        }
      }
    }
    extendLifetime(firstMask)
    extendLifetime(self)
  }

  private func backward(
    _ tile: RelationTile, _ pairs: UnsafePointer<relate_panels_pairs>, isFirst: Bool,
    _ terms: RelationTerms, _ gradient: SharedInput, _ room: [UnsafeMutableRawPointer],
    _ firstMask: UnsafeMutablePointer<UInt32>, into sums: RelationGradients
  ) {
    let table = kernels.table
    let last = plan.layerCount - 1
    func gradients(_ layer: Int) -> relate_panels {
      let first = 1 + layer % 2
      return relate_panels(
        by_columns: room[first], by_rows: room[kernels.hasOneWay ? first : first + 2])
    }
    let skipped = sums.firstObject * plan.widths[0]
    table.pair_forward(
      pairs, plan.widths[0], terms.first + skipped, terms.second + skipped,
      relate_panels(by_columns: nil, by_rows: room[0]), firstMask)
    table.sum_backward(
      pairs, plan.widths[last], gradient.pointer, mask(of: last, tile), gradients(last),
      sums.biases[last])
    for layer in (1...last).reversed() {
      let (inputs, outputs) = (plan.widths[layer - 1], plan.widths[layer])
      let g = gradients(layer)
      let weight = weights[layer - 1].address
      let x = layer == 1 ? room[0] : address(activations[layer - 2], tile, width: inputs)
      table.weight_gradient(
        tile.rows, outputs, inputs, g.by_rows, x, !isFirst, sums.weights[layer])
      if layer > 1 {
        table.backward(
          tile.rows, inputs, outputs, g.by_columns, weight, mask(of: layer - 1, tile),
          gradients(layer - 1), sums.biases[layer - 1])
      } else {
        table.pair_backward(
          pairs, inputs, outputs, g.by_columns, weight, firstMask, sums.first, sums.second)
      }
    }
  }
}

/// The objects and the sample of the pair in each row of a tile.
private struct PairRows {
  private var first: [Int32]
  private var second: [Int32]
  private var sample: [Int32]
  private var count = 0

  init(_ plan: RelationPlan) {
    first = [Int32](repeating: -1, count: plan.tileRows)
    second = first
    sample = first
  }

  /// - Parameter base: the object that is counted as the first.
  mutating func fill(_ tile: RelationTile, _ plan: RelationPlan, firstObject base: Int = 0) {
    count = tile.rows
    plan.forEachRun(in: tile) { secondObject, firstObject, length, row in
      for i in 0..<length {
        first[row + i] = Int32(firstObject - base + i)
        second[row + i] = Int32(secondObject - base)
        sample[row + i] = Int32(secondObject / plan.shape.objects)
      }
    }
    for row in tile.pairs.count..<tile.rows {
      first[row] = -1
      second[row] = -1
      sample[row] = -1
    }
  }

  func withPairs(_ body: (UnsafePointer<relate_panels_pairs>) -> Void) {
    first.withUnsafeBufferPointer { first in
      second.withUnsafeBufferPointer { second in
        sample.withUnsafeBufferPointer { sample in
          var pairs = relate_panels_pairs(
            rows: count, first: first.baseAddress, second: second.baseAddress,
            sample: sample.baseAddress)
          body(&pairs)
        }
      }
    }
  }
}
