// The long short-term memory backwards: all steps of a chunk, then its weights' gradient at once.

import CKernels

extension Kernels {
  /// The gradients of an LSTM with respect to its operands, in their order.
  public static func lstmGradients(
    _ gradient: Tensor, _ operands: LSTMOperands, saved: [Tensor], order: SequenceTraversal,
    context: ComputeContext
  ) -> [Tensor] {
    let plan = LSTMPlan(operands, order, context)
    let width = plan.width
    // A row for every chunk: the weights', then the biases' gradient.
    let partial = Output([plan.chunkCount, 4 * width * (plan.inputs + 1)])
    let inputGradient = Output(zeros: operands.x.shape)
    let pass = LSTMBackward(
      plan: plan, engine: context.engine,
      weight: LSTMWeight(transpose(plan.weight(operands), [1, 0]), plan),
      gradient: SharedInput(gradient), saved: saved.map { SharedInput($0) },
      starts: plan.kept(), inputGradient: inputGradient.shared, partial: partial.shared)
    context.threads.run(chunks: plan.chunkCount) { pass.run(chunk: $0) }
    extendLifetime(operands)
    extendLifetime(gradient)
    extendLifetime(saved)
    let total = sum(partial.tensor, over: [0])
    let weight = total.window(from: 0, shape: [4 * width, plan.inputs])
    let bias = total.window(from: weight.count, shape: [4 * width])
    return [
      inputGradient.tensor, slice(weight, axis: 1, 0..<plan.features),
      slice(weight, axis: 1, plan.features..<plan.inputs), bias, bias,
    ]
  }
}

private struct LSTMBackward: Sendable {
  let plan: LSTMPlan
  let engine: MatrixEngine
  /// From the gates' gradients to the inputs'.
  let weight: LSTMWeight
  let gradient: SharedInput
  let saved: [SharedInput]
  let starts: [LSTMKept]
  let inputGradient: SharedPointer
  let partial: SharedPointer

  func run(chunk index: Int) {
    let chunk = plan.chunk(index)
    let (width, lanes) = (plan.width, chunk.lanes)
    let columns = chunk.steps * lanes
    let size = 4 * width * plan.inputs
    let target = partial + index * (size + 4 * width)
    // The gates' gradients and what each step read, a row for each gate and each input.
    withScratch((4 * width + plan.inputs) * columns) { rows in
      let inputs = rows + 4 * width * columns
      walkBack(index, chunk, gates: rows)
      let read = saved[0] + starts[index].inputs
      for step in 0..<chunk.steps {
        copyStep(step, read + step * plan.inputs * lanes, plan.inputs, chunk, into: inputs)
      }
      writeWeightGradient(gates: rows, inputs: inputs, columns, into: target)
      for gate in 0..<4 * width {
        target[size + gate] = Float(relate_sum(columns, rows + gate * columns))
      }
    }
  }

  /// The product of the gates' gradients `[4 width, columns]` and the inputs `[inputs, columns]`
  /// of all steps.
  private func writeWeightGradient(
    gates: UnsafePointer<Float>, inputs: UnsafePointer<Float>, _ columns: Int,
    into target: UnsafeMutablePointer<Float>
  ) {
    let (outputs, width) = (4 * plan.width, plan.inputs)
    guard plan.isRounded else {
      engine.multiply(
        transposeB: true, outputs, width, columns, gates, stride: columns, inputs,
        stride: columns, into: target, stride: width)
      return
    }
    let kernels = PanelKernels(.bf16)
    let left = Activations<BFloat16>(count: outputs * columns)
    left.round(gates, count: outputs * columns)
    let right = kernels.packed(
      inputs, rows: width, columns: columns, stride: columns, transposed: true)
    kernels.table.multiply(
      outputs, width, columns, left.pointer, columns / 2, 1, right.address, nil, false, target,
      width)
    extendLifetime(left)
    extendLifetime(right)
  }

  /// Last step first; leaves the gates' gradients of all steps.
  private func walkBack(
    _ index: Int, _ chunk: LSTMChunk, gates target: UnsafeMutablePointer<Float>
  ) {
    let (width, lanes) = (plan.width, chunk.lanes)
    let (state, gateSize) = (width * lanes, 4 * width * lanes)
    let (gates, cells) = (saved[1] + starts[index].gates, saved[2] + starts[index].cells)
    withScratch(2 * state + gateSize + plan.inputs * lanes) { scratch in
      let (hidden, cell) = (scratch, scratch + state)
      let gate = scratch + 2 * state
      let input = gate + gateSize
      cell.update(repeating: 0, count: state)
      for step in (0..<chunk.steps).reversed() {
        let rows = plan.rows(of: chunk, step: step)
        copyRows(rows, gradient.pointer, count: width, toLanes: lanes, hidden)
        if step + 1 < chunk.steps {
          relate_add_scaled(state, 1, input + plan.features * lanes, hidden)
        }
        relate_lstm_cell_backward(
          state, gates + step * gateSize, step > 0 ? cells + (step - 1) * state : nil,
          cells + step * state, hidden, cell, gate)
        copyStep(step, gate, 4 * width, chunk, into: target)
        weight.multiply(gate, lanes: lanes, into: input)
        copyLanes(lanes, input, toRows: rows, count: plan.features, inputGradient.pointer)
      }
    }
  }

  /// Copies a step's lanes into its columns of `count` rows.
  private func copyStep(
    _ step: Int, _ x: UnsafePointer<Float>, _ count: Int, _ chunk: LSTMChunk,
    into rows: UnsafeMutablePointer<Float>
  ) {
    let (lanes, columns) = (chunk.lanes, chunk.steps * chunk.lanes)
    for row in 0..<count {
      (rows + row * columns + step * lanes).update(from: x + row * lanes, count: lanes)
    }
  }
}
