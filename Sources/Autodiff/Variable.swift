// A tensor on a tape: what models compute with.

import Tensors

/// A tensor whose history a tape knows, so that it can be differentiated.
///
/// A variable without history is a constant. Variables live for one step and do not cross threads.
public struct Variable: CustomStringConvertible {
  /// The tape that knows the history.
  public let tape: Tape
  /// The hold on the record that the value came of; nil for a constant.
  let history: History?
  /// The value.
  public internal(set) var value: Tensor
  /// What a constant is called, if anybody said so.
  var name: String?

  /// The extents of the value.
  public var shape: Shape { value.shape }

  /// Whether there is no history, so that nothing can be differentiated with respect to this.
  public var isConstant: Bool { history == nil }

  /// The same value without its history.
  ///
  /// Where nothing else holds that history, the tape lets go of it.
  public var detached: Variable { tape.constant(value) }

  /// The position on the tape; nil for a constant.
  var index: Int? { history?.index }

  /// What this is, in messages: `relation [8, 256]`, `constant rn.g.0.weight [256, 63]`.
  public var description: String {
    let kind = index.map { "\(tape.records[$0].operation.kind)" } ?? "constant"
    return "\(kind)\(name.map { " " + $0 } ?? "") \(shape)"
  }

  func applying(_ operation: Operation) -> Variable { tape.apply(operation, [self]) }
}
