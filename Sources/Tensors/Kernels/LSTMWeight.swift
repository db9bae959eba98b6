// What multiplies the inputs and states of an LSTM's step, in float32 or in bfloat16.

import CKernels

/// A weight `[outputs, inputs]` that multiplies columns of numbers, one for each sequence of a
/// chunk.
struct LSTMWeight: Sendable {
  private let outputs: Int
  private let inputs: Int
  private let bias: Tensor?
  private let form: Form

  private enum Form {
    /// As `Lanes.grouped` orders it.
    case float32(Tensor)
    /// Row-major, each row filled up to an even number of inputs.
    case bfloat16(Activations<BFloat16>, stride: Int)
  }

  init(_ weight: Tensor, bias: Tensor? = nil, _ plan: LSTMPlan) {
    (outputs, inputs) = (weight.shape[0], weight.shape[1])
    self.bias = bias.map(Lanes.filledUp)
    if plan.isRounded {
      let odd = inputs % 2
      let even = odd == 0 ? weight : Kernels.pad(weight, axis: 1, before: 0, after: odd)
      form = .bfloat16(BFloat16.rounding(even), stride: inputs + odd)
    } else {
      let inputs = inputs
      form = .float32(Lanes.grouped(weight, outputs: outputs, inputs: inputs) { $0 * inputs + $1 })
    }
  }

  /// out = W x + b: `x` is `[inputs, lanes]`, `out` `[outputs, lanes]`.
  func multiply(_ x: UnsafePointer<Float>, lanes: Int, into out: UnsafeMutablePointer<Float>) {
    switch form {
    case .float32(let grouped):
      let offsets = (0..<inputs).map { Int32($0 * lanes) }
      relate_multiply_lanes(
        inputs, offsets, grouped.address, bias?.address, x, Lanes.count, lanes / Lanes.count,
        outputs, out, Lanes.count, lanes)
      extendLifetime(grouped)
    case .bfloat16(let rows, let stride):
      let kernels = PanelKernels(.bf16)
      let columns = kernels.packed(x, rows: inputs, columns: lanes, stride: lanes)
      kernels.table.multiply(
        outputs, lanes, inputs, rows.pointer, stride / 2, 1, columns.address, bias?.address, false,
        out, lanes)
      extendLifetime(rows)
      extendLifetime(columns)
    }
    extendLifetime(bias)
  }
}
