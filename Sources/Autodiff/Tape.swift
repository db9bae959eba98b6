// The record of what was computed, in order, so that it can be walked backwards.

import Tensors

/// What was computed from variables, in the order it was computed.
///
/// The tape is an arena: a record names its operands by their index, and every operand was recorded
/// before its result. So order of creation is topological order, the backward pass is one loop, and
/// neither depth of the graph nor reference cycles can harm. A tape lives for one step and belongs
/// to one thread.
public final class Tape {
  /// The threads and the matrix engine that operations run on.
  public let context: ComputeContext
  /// Whether anything is recorded; if not, every variable is a constant.
  public let isRecording: Bool
  /// The operations recorded so far.
  private(set) var records: [Record] = []
  /// Whether the final gradient was taken, which lets go of the records.
  private(set) var isConsumed = false

  /// An empty tape.
  public init(context: ComputeContext, isRecording: Bool = true) {
    self.context = context
    self.isRecording = isRecording
  }

  /// The number of operations and variables recorded so far.
  public var recordCount: Int { records.count }

  /// A variable that results can be differentiated with respect to.
  public func variable(_ value: Tensor) -> Variable {
    guard isRecording else { return constant(value) }
    append(Record(operation: .leaf, operands: [], result: nil, saved: []))
    return Variable(tape: self, index: records.count - 1, value: value)
  }

  /// A value that results are not differentiated with respect to.
  public func constant(_ value: Tensor) -> Variable {
    Variable(tape: self, index: nil, value: value)
  }

  /// The result of an operation, recorded if any operand is.
  func apply(_ operation: Operation, _ operands: [Variable]) -> Variable {
    applyKeeping(operation, operands).result
  }

  /// The result of an operation and what it kept for its derivative.
  func applyKeeping(
    _ operation: Operation, _ operands: [Variable]
  ) -> (result: Variable, saved: [Tensor]) {
    precondition(
      operands.allSatisfy { $0.tape === self }, "\(operation.kind): operands of two tapes")
    let isRecorded = isRecording && operands.contains { $0.index != nil }
    let evaluation = operation.evaluate(
      operands.map(\.value), keepsIntermediates: isRecorded, context: context)
    guard isRecorded else { return (constant(evaluation.value), evaluation.saved) }
    let kept = operands.enumerated().map { position, operand in
      Operand(
        index: operand.index, shape: operand.shape,
        value: operation.readsOperand(position) ? operand.value : nil)
    }
    append(
      Record(
        operation: operation, operands: kept,
        result: operation.readsResult ? evaluation.value : nil, saved: evaluation.saved))
    let result = Variable(tape: self, index: records.count - 1, value: evaluation.value)
    return (result, evaluation.saved)
  }

  private func append(_ record: Record) {
    precondition(
      !isConsumed, "\(record.operation.kind): the tape's final gradient was taken before")
    records.append(record)
  }

  /// Lets go of the records from `index` on, for good.
  func consume(from index: Int) {
    isConsumed = true
    records.removeSubrange(index...)
  }
}

/// One recorded operation.
///
/// It holds values and indices, never variables, which hold the tape; and of the values only those
/// that its derivative rule reads, so that the others are free as soon as the model is past them.
struct Record {
  let operation: Operation
  let operands: [Operand]
  /// The result, if the rule reads it.
  let result: Tensor?
  /// What the forward kernel keeps for the backward kernel.
  let saved: [Tensor]
}

/// What a record was computed from; constants have no index.
struct Operand {
  let index: Int?
  let shape: Shape
  /// The value, if the rule reads it.
  let value: Tensor?
}
