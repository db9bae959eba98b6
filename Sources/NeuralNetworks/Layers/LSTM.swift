// From a sequence to a vector.

import Autodiff
import Tensors

/// A long short-term memory (Hochreiter & Schmidhuber 1997; with forget gates), one layer of
/// PyTorch's `LSTM` with `batch_first`.
public struct LSTM: Sendable {
  /// The size of the hidden state.
  public let hidden: Int
  /// From the input to the gates i, f, g, o: `[4 · hidden, inputs]`.
  public let inputWeight: Parameter
  /// From the hidden state to the gates: `[4 · hidden, hidden]`.
  public let hiddenWeight: Parameter
  /// The bias of the gates that goes with the input, `[4 · hidden]`.
  public let inputBias: Parameter
  /// The bias of the gates that goes with the hidden state, `[4 · hidden]`.
  public let hiddenBias: Parameter
  /// Whether it reads each sequence from its end.
  public let isReversed: Bool

  /// A layer named `name` in the layout, with PyTorch's initial values: ±1/√hidden; of several on
  /// top of one another it is number `layer`.
  public init(
    _ name: String, from inputs: Int, hidden: Int, isReversed: Bool = false, layer: Int = 0,
    in layout: inout ParameterLayout
  ) {
    let initializer = Initializer.uniform(bound: 1 / Float(hidden).squareRoot())
    let suffix = "l\(layer)" + (isReversed ? "_reverse" : "")
    func add(_ kind: String, _ shape: Shape, to layout: inout ParameterLayout) -> Parameter {
      layout.addParameter("\(name).\(kind)_\(suffix)", shape, initializer)
    }
    self.hidden = hidden
    self.isReversed = isReversed
    inputWeight = add("weight_ih", [4 * hidden, inputs], to: &layout)
    hiddenWeight = add("weight_hh", [4 * hidden, hidden], to: &layout)
    inputBias = add("bias_ih", [4 * hidden], to: &layout)
    hiddenBias = add("bias_hh", [4 * hidden], to: &layout)
  }

  /// The hidden state after the last element of each sequence: `[batch, hidden]`.
  ///
  /// `x` is `[batch, time, inputs]`; what lies after a sequence's length is not read.
  public func callAsFunction(
    _ x: Variable, lengths: [Int], in pass: ForwardPass
  ) -> Variable {
    states(x, lengths: lengths, in: pass).last
  }

  /// The hidden state after each element of each sequence, `[batch, time, hidden]`; zeros after a
  /// sequence's length.
  public func outputs(_ x: Variable, lengths: [Int], in pass: ForwardPass) -> Variable {
    states(x, lengths: lengths, in: pass).outputs
  }

  /// The hidden states after each element and after the last that is read.
  public func states(
    _ x: Variable, lengths: [Int], in pass: ForwardPass
  ) -> (outputs: Variable, last: Variable) {
    x.lstm(
      inputWeight: pass[inputWeight], hiddenWeight: pass[hiddenWeight],
      inputBias: pass[inputBias], hiddenBias: pass[hiddenBias], lengths: lengths,
      reversed: isReversed)
  }
}

/// Two LSTMs, one of which reads each sequence from its end, PyTorch's `LSTM` with
/// `bidirectional`.
public struct BidirectionalLSTM: Sendable {
  /// The one that reads from the beginning.
  public let forward: LSTM
  /// The one that reads from the end.
  public let backward: LSTM

  /// A layer named `name` in the layout; `hidden` is the size of each direction's state.
  public init(
    _ name: String, from inputs: Int, hidden: Int, layer: Int = 0,
    in layout: inout ParameterLayout
  ) {
    forward = LSTM(name, from: inputs, hidden: hidden, layer: layer, in: &layout)
    backward = LSTM(
      name, from: inputs, hidden: hidden, isReversed: true, layer: layer, in: &layout)
  }

  /// Both directions' last hidden states, side by side: `[batch, 2 · hidden]`.
  public func callAsFunction(
    _ x: Variable, lengths: [Int], in pass: ForwardPass
  ) -> Variable {
    states(x, lengths: lengths, in: pass).last
  }

  /// Both directions' hidden states at each element, side by side, `[batch, time, 2 · hidden]`, and
  /// the last ones that each comes to.
  public func states(
    _ x: Variable, lengths: [Int], in pass: ForwardPass
  ) -> (outputs: Variable, last: Variable) {
    let ahead = forward.states(x, lengths: lengths, in: pass)
    let back = backward.states(x, lengths: lengths, in: pass)
    return (
      .concatenate([ahead.outputs, back.outputs], axis: 2),
      .concatenate([ahead.last, back.last], axis: 1)
    )
  }
}
