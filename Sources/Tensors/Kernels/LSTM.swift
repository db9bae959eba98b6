// The long short-term memory over sequences of unequal lengths.

import CKernels

/// Which steps of each sequence are taken, and in which direction.
public struct SequenceTraversal: Sendable {
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
}

/// Which sequences are computed together, and how large what is kept of them is.
///
/// Sequences lie side by side, one in each lane of a vector, up to 32 in a chunk, longest first.
/// Chunks know nothing of one another, so that threads take whole chunks through all steps. A
/// sequence that has ended goes on with zeros for inputs; nobody reads what becomes of it, and its
/// gradients are zero.
struct LSTMPlan: Sendable {
  static let sequencesPerChunk = 2 * Lanes.count
  let features: Int
  let width: Int
  let time: Int
  let order: SequenceTraversal
  /// The sequences, longest first.
  let sequences: [Int]
  /// Whether the factors of products are rounded to bfloat16; the kernels for it take whole panels
  /// of lanes.
  let isRounded: Bool

  init(_ operands: LSTMOperands, _ order: SequenceTraversal, _ context: ComputeContext) {
    isRounded = context.roundsLSTMs
    (time, features) = (operands.x.shape[1], operands.x.shape[2])
    width = operands.hiddenWeight.shape[1]
    self.order = order
    sequences = order.lengths.indices.sorted {
      (-order.lengths[$0], $0) < (-order.lengths[$1], $1)
    }
  }

  var chunkCount: Int {
    (sequences.count + Self.sequencesPerChunk - 1) / Self.sequencesPerChunk
  }
  /// What a step reads: an input and the state before it.
  var inputs: Int { features + width }

  func chunk(_ index: Int) -> LSTMChunk {
    let start = index * Self.sequencesPerChunk
    let members = Array(sequences[start..<min(start + Self.sequencesPerChunk, sequences.count)])
    return LSTMChunk(
      sequences: members, steps: order.lengths[members[0]],
      lanes: isRounded
        ? Panels.filledUp(members.count) : Lanes.vectors(of: members.count) * Lanes.count)
  }

  /// What is kept of the chunks before each one, and at last of all.
  func kept() -> [LSTMKept] {
    (0..<chunkCount).reduce(into: [LSTMKept(inputs: 0, gates: 0, cells: 0)]) { kept, index in
      let (before, chunk) = (kept[index], chunk(index))
      let states = chunk.steps * width * chunk.lanes
      kept.append(
        LSTMKept(
          inputs: before.inputs + (chunk.steps + 1) * inputs * chunk.lanes,
          gates: before.gates + 4 * states, cells: before.cells + states))
    }
  }

  /// Both weights side by side, `[4 width, features + width]`.
  func weight(_ operands: LSTMOperands) -> Tensor {
    Kernels.concatenate([operands.inputWeight, operands.hiddenWeight], axis: 1)
  }

  /// The rows of `[batch · time, …]` that the sequences of a chunk take a step with, by lane.
  func rows(of chunk: LSTMChunk, step: Int) -> [(lane: Int, row: Int)] {
    chunk.sequences.enumerated().filter { order.lengths[$0.element] > step }
      .map { ($0.offset, $0.element * time + order.position(of: step, in: $0.element)) }
  }
}

/// Sequences that go through all steps together.
struct LSTMChunk: Sendable {
  let sequences: [Int]
  /// The steps of the longest of them.
  let steps: Int
  /// Whole vectors of sequences.
  let lanes: Int
}

/// How many scalars are kept of some chunks, each chunk's after those of the chunks before it.
struct LSTMKept: Sendable {
  /// What each step read, and the state after the last one.
  let inputs: Int
  /// The activated gates of each step.
  let gates: Int
  /// The cells after each step.
  let cells: Int
}

/// Copies rows of `count` scalars into lanes, zeros where there is no row.
func copyRows(
  _ rows: [(lane: Int, row: Int)], _ x: UnsafePointer<Float>, count: Int,
  toLanes lanes: Int, _ out: UnsafeMutablePointer<Float>
) {
  if rows.count < lanes { out.update(repeating: 0, count: count * lanes) }
  for (lane, row) in rows {
    let from = x + row * count
    for i in 0..<count { out[i * lanes + lane] = from[i] }
  }
}

/// Copies lanes to their rows of `count` scalars.
func copyLanes(
  _ lanes: Int, _ x: UnsafePointer<Float>, toRows rows: [(lane: Int, row: Int)], count: Int,
  _ out: UnsafeMutablePointer<Float>
) {
  for (lane, row) in rows {
    let to = out + row * count
    for i in 0..<count { to[i] = x[i * lanes + lane] }
  }
}

extension Kernels {
  /// The outputs `[batch, time, width]` of an LSTM; and what each step read, its gates and its
  /// cells.
  public static func lstm(
    _ operands: LSTMOperands, order: SequenceTraversal, context: ComputeContext
  ) -> (output: Tensor, saved: [Tensor]) {
    let plan = LSTMPlan(operands, order, context)
    let (batch, width) = (operands.x.shape[0], plan.width)
    let weight = LSTMWeight(
      plan.weight(operands), bias: binary(.add, operands.inputBias, operands.hiddenBias), plan)
    let starts = plan.kept()
    let total = starts[plan.chunkCount]
    let saved = [total.inputs, total.gates, total.cells].map { Output([$0]) }
    let output = Output(zeros: [batch, plan.time, width])
    let (source, result) = (SharedInput(operands.x), output.shared)
    let memory = saved.map(\.shared)
    context.threads.run(chunks: plan.chunkCount) { index in
      let chunk = plan.chunk(index)
      let lanes = chunk.lanes
      let start = starts[index]
      let (inputs, gates, cells) = (
        memory[0] + start.inputs, memory[1] + start.gates, memory[2] + start.cells
      )
      (inputs + plan.features * lanes).update(repeating: 0, count: width * lanes)
      for step in 0..<chunk.steps {
        let rows = plan.rows(of: chunk, step: step)
        let input = inputs + step * plan.inputs * lanes
        let (gate, cell) = (gates + step * 4 * width * lanes, cells + step * width * lanes)
        // Behind the next step's input.
        let hidden = input + (plan.inputs + plan.features) * lanes
        copyRows(rows, source.pointer, count: plan.features, toLanes: lanes, input)
        weight.multiply(input, lanes: lanes, into: gate)
        relate_lstm_cell(
          width * lanes, gate, step > 0 ? cell - width * lanes : nil, cell, hidden)
        copyLanes(lanes, hidden, toRows: rows, count: width, result.pointer)
      }
    }
    extendLifetime(operands)
    return (output.tensor, saved.map(\.tensor))
  }
}
