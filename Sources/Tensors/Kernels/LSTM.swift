// The long short-term memory over sequences of unequal lengths.

import CKernels

/// Which steps of each sequence are taken, and in which direction.
public struct SequenceOrder: Sendable {
  /// The number of steps of each sequence.
  public let lengths: [Int]
  /// Whether the last step comes first.
  public let isReversed: Bool

  /// An order of steps.
  public init(lengths: [Int], isReversed: Bool) {
    self.lengths = lengths
    self.isReversed = isReversed
  }

  /// The steps of the longest sequence.
  public var steps: Int { lengths.max() ?? 0 }

  /// The time that a step of a sequence reads and writes; 0 once the sequence has ended.
  public func position(of step: Int, in sequence: Int) -> Int {
    let length = lengths[sequence]
    if step >= length { return 0 }
    return isReversed ? length - 1 - step : step
  }
}

/// The operands of an LSTM in their order.
public struct LSTMOperands {
  /// `[batch, time, features]`.
  public let x: Tensor
  /// `[4 width, features]`.
  public let inputWeight: Tensor
  /// `[4 width, width]`.
  public let hiddenWeight: Tensor
  /// `[4 width]`.
  public let inputBias: Tensor
  /// `[4 width]`.
  public let hiddenBias: Tensor

  /// The operands, told apart.
  public init(_ operands: [Tensor]) {
    x = operands[0]
    inputWeight = operands[1]
    hiddenWeight = operands[2]
    inputBias = operands[3]
    hiddenBias = operands[4]
  }

  var width: Int { hiddenWeight.shape[1] }
}

/// The steps of all sequences one after another, those of one step side by side, longest sequence
/// first: so every step is one dense matrix product over the sequences that are still running.
private struct PackedSteps {
  /// For each packed row, the row of `[batch · time, …]` it comes from.
  let rows: [Int32]
  /// Where each step's rows start; one more than there are steps.
  let starts: [Int]

  init(_ order: SequenceOrder, time: Int) {
    let sequences = order.lengths.indices.sorted {
      (-order.lengths[$0], $0) < (-order.lengths[$1], $1)
    }
    var rows: [Int32] = []
    var starts = [0]
    for step in 0..<order.steps {
      for sequence in sequences.prefix(while: { order.lengths[$0] > step }) {
        rows.append(Int32(sequence * time + order.position(of: step, in: sequence)))
      }
      starts.append(rows.count)
    }
    self.rows = rows
    self.starts = starts
  }

  var stepCount: Int { starts.count - 1 }

  func count(_ step: Int) -> Int { starts[step + 1] - starts[step] }
}

extension Kernels {
  /// The outputs `[batch, time, width]` of an LSTM, and the packed inputs, gates, cells and
  /// outputs.
  public static func lstm(
    _ operands: LSTMOperands, order: SequenceOrder, context: ComputeContext
  ) -> (output: Tensor, saved: [Tensor]) {
    let (batch, time, width) = (operands.x.shape[0], operands.x.shape[1], operands.width)
    let steps = PackedSteps(order, time: time)
    let rows = steps.rows.count
    let packed = gatherRows(
      operands.x.reshaped(to: [batch * time, operands.x.shape[2]]), steps.rows)
    let bias = binary(.add, operands.inputBias, operands.hiddenBias)
    // The whole input's share of the gates at once, then step by step the state's.
    let gates = matrixProduct(
      packed, operands.inputWeight, transposeB: true, adding: bias, context: context)
    let (cells, outputs) = (Tensor.zeros([rows, width]), Tensor.zeros([rows, width]))
    let gate = UnsafeMutablePointer(mutating: gates.address)
    let cell = UnsafeMutablePointer(mutating: cells.address)
    let hidden = UnsafeMutablePointer(mutating: outputs.address)
    for step in 0..<steps.stepCount {
      let (start, count) = (steps.starts[step], steps.count(step))
      if step > 0 {
        context.engine.multiply(
          transposeB: true, count, 4 * width, width, hidden + steps.starts[step - 1] * width,
          stride: width, operands.hiddenWeight.address, stride: width, accumulating: true,
          into: gate + start * 4 * width, stride: 4 * width)
      }
      relate_lstm_cell(
        count, width, gate + start * 4 * width,
        step > 0 ? cell + steps.starts[step - 1] * width : nil, cell + start * width,
        hidden + start * width)
    }
    let spread = scatterRows(outputs, steps.rows, count: batch * time)
    return (spread.reshaped(to: [batch, time, width]), [packed, gates, cells, outputs])
  }

  /// The gradients of an LSTM with respect to its operands, in their order.
  public static func lstmGradients(
    _ gradient: Tensor, _ operands: LSTMOperands, saved: [Tensor], order: SequenceOrder,
    context: ComputeContext
  ) -> [Tensor] {
    let (batch, time, width) = (operands.x.shape[0], operands.x.shape[1], operands.width)
    let steps = PackedSteps(order, time: time)
    let rows = steps.rows.count
    let (packed, gates, cells, outputs) = (saved[0], saved[1], saved[2], saved[3])
    // Becomes the whole gradient of each packed output as the steps after it add theirs.
    var hiddenGradient = gatherRows(gradient.reshaped(to: [batch * time, width]), steps.rows)
    let gateGradient = Tensor.zeros([rows, 4 * width])
    let gateTarget = UnsafeMutablePointer(mutating: gateGradient.address)
    hiddenGradient.withMutableScalars { scalars in
      guard let hidden = scalars.baseAddress else { return }
      withScratch(batch * width) { cellGradient in
        cellGradient.update(repeating: 0, count: batch * width)
        for step in (0..<steps.stepCount).reversed() {
          let (start, count) = (steps.starts[step], steps.count(step))
          let before = step > 0 ? steps.starts[step - 1] * width : 0
          relate_lstm_cell_backward(
            count, width, gates.address + start * 4 * width,
            step > 0 ? cells.address + before : nil, cells.address + start * width,
            hidden + start * width, cellGradient, gateTarget + start * 4 * width)
          if step > 0 {
            context.engine.multiply(
              count, width, 4 * width, gateTarget + start * 4 * width, stride: 4 * width,
              operands.hiddenWeight.address, stride: width, accumulating: true,
              into: hidden + before,
              stride: width)
          }
        }
      }
    }
    // The state that entered each packed row: the row's own column one step earlier.
    let running = steps.starts.count > 1 ? steps.starts[1] : 0
    var previous: [Int32] = []
    for step in 1..<max(steps.stepCount, 1) {
      previous += (0..<steps.count(step)).map { Int32(steps.starts[step - 1] + $0) }
    }
    let states = gatherRows(outputs, previous)
    let continued = slice(gateGradient, axis: 0, running..<rows)
    let hiddenWeightGradient = matrixProduct(
      continued, transposeA: true, states, context: context)
    let inputWeightGradient = matrixProduct(
      gateGradient, transposeA: true, packed, context: context)
    let packedGradient = matrixProduct(gateGradient, operands.inputWeight, context: context)
    let inputGradient = scatterRows(packedGradient, steps.rows, count: batch * time)
    let biasGradient = sum(gateGradient, over: [0]).reshaped(to: [4 * width])
    withExtendedLifetime((gates, cells, operands)) {}
    return [
      inputGradient.reshaped(to: operands.x.shape), inputWeightGradient, hiddenWeightGradient,
      biasGradient, biasGradient,
    ]
  }
}
