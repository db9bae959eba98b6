// A tensor on a tape: what models compute with.

import Tensors

/// A tensor whose history a tape knows, so that it can be differentiated.
///
/// A variable without history is a constant. Variables live for one step and do not cross threads.
public struct Variable {
  /// The tape that knows the history.
  public let tape: Tape
  /// The position on the tape; nil for a constant.
  let index: Int?
  /// The value.
  public internal(set) var value: Tensor

  /// The extents of the value.
  public var shape: Shape { value.shape }

  /// The same value without its history.
  public var detached: Variable { tape.constant(value) }

  func applying(_ operation: Operation) -> Variable { tape.apply(operation, [self]) }
}
