// The record of what was computed, in order, so that it can be walked backwards.

import Tensors

/// What was computed from variables, in the order it was computed.
///
/// The tape is an arena: a record names its operands by their index, and every operand was recorded
/// before its result. So order of creation is topological order, the backward pass is one loop, and
/// neither depth of the graph nor reference cycles can harm. A record lasts as long as a variable
/// or a later record has it in its history; so a loop within a step takes the memory of one round
/// where what it goes on with is detached. A tape lives for one step and belongs to one thread.
public final class Tape {
  /// The threads and the matrix engine that operations run on.
  public let context: ComputeContext
  /// What is told how long operations take, if anybody asks.
  let profile: OperationProfile?
  /// The operations recorded so far; those that nothing holds are empty.
  private(set) var records: [Record] = []
  /// Whether the final gradient was taken, which lets go of the records.
  private(set) var isConsumed = false

  /// An empty tape.
  public init(context: ComputeContext, profile: OperationProfile? = nil) {
    self.context = context
    self.profile = profile
  }

  /// The number of variables and results on the tape that something holds.
  public private(set) var recordCount = 0

  /// A variable without operands that results can be differentiated with respect to.
  public func variable(_ value: Tensor) -> Variable {
    Variable(
      tape: self, history: append(Record(operation: .leaf, operands: [])), value: value)
  }

  /// A value that results are not differentiated with respect to; operations on constants alone are
  /// not recorded.
  ///
  /// The name is for the message of a gradient that is asked for in vain.
  public func constant(_ value: Tensor, named name: String? = nil) -> Variable {
    Variable(tape: self, history: nil, value: value, name: name)
  }

  /// The result of an operation, recorded if any operand is.
  func apply(_ operation: Operation, _ operands: [Variable]) -> Variable {
    applyKeeping(operation, operands).result
  }

  /// The result of an operation and what it kept for its derivative.
  func applyKeeping(
    _ operation: Operation, _ operands: [Variable]
  ) -> (result: Variable, saved: [Tensor]) {
    require(
      operands.allSatisfy { $0.tape === self }, "\(operation.kind): operands of two tapes")
    let isRecorded = operands.contains { !$0.isConstant }
    let evaluate = {
      operation.evaluate(
        operands.map(\.value), keepsIntermediates: isRecorded, context: self.context)
    }
    let evaluation =
      profile?.measureForward(operation, operands.map(\.shape), evaluate) ?? evaluate()
    guard isRecorded else { return (constant(evaluation.value), evaluation.saved) }
    let kept = operands.enumerated().map { position, operand in
      Operand(
        index: operand.index, shape: operand.shape,
        value: operation.readsOperand(position) ? operand.value : nil)
    }
    let history = append(
      Record(
        operation: operation, operands: kept,
        result: operation.readsResult ? evaluation.value : nil, saved: evaluation.saved))
    return (Variable(tape: self, history: history, value: evaluation.value), evaluation.saved)
  }

  private func append(_ record: Record) -> History {
    require(
      !isConsumed, "\(record.operation.kind): the tape's final gradient was taken before")
    for operand in record.operands {
      if let index = operand.index { records[index].holders += 1 }
    }
    records.append(record)
    recordCount += 1
    return history(of: records.count - 1)
  }

  /// A new hold on a record.
  func history(of index: Int) -> History {
    records[index].holders += 1
    return History(tape: self, index: index)
  }

  /// Ends a hold on a record, and with the last one the record and what it alone held.
  fileprivate func release(_ index: Int) {
    // Consumed records are gone already.
    guard index < records.count else { return }
    records[index].holders -= 1
    guard records[index].holders == 0 else { return }
    var abandoned = [index]
    while let index = abandoned.popLast() {
      let operands = records[index].operands
      records[index] = Record(operation: .leaf, operands: [])
      recordCount -= 1
      for operand in operands {
        guard let index = operand.index else { continue }
        records[index].holders -= 1
        if records[index].holders == 0 { abandoned.append(index) }
      }
    }
    while records.last?.holders == 0 { records.removeLast() }
  }

  /// Lets go of the records from `index` on, for good.
  func consume(from index: Int) {
    isConsumed = true
    recordCount -= records[index...].count { $0.holders > 0 }
    records.removeSubrange(index...)
  }
}

/// A variable's hold on its record.
final class History {
  let index: Int
  private let tape: Tape

  fileprivate init(tape: Tape, index: Int) {
    self.tape = tape
    self.index = index
  }

  deinit { tape.release(index) }
}

/// One recorded operation.
///
/// It holds values and indices, never variables, which hold the tape; and of the values only those
/// that its derivative rule reads, so that the others are free as soon as the model is past them.
struct Record {
  let operation: Operation
  let operands: [Operand]
  /// The result, if the rule reads it.
  var result: Tensor?
  /// What the forward kernel keeps for the backward kernel.
  var saved: [Tensor] = []
  /// The variables and records that have this one in their history.
  fileprivate(set) var holders = 0
}

/// What a record was computed from; constants have no index.
struct Operand {
  let index: Int?
  let shape: Shape
  /// The value, if the rule reads it.
  let value: Tensor?
}
