// The long short-term memory over sequences of unequal lengths.

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
