// How many samples a generated data set has.

/// The number of samples of each split, as a family's settings have it.
public struct SplitCounts: Codable, Hashable, Sendable {
  /// Samples that parameters are fitted to.
  public var training: Int
  /// Samples that choose among checkpoints.
  public var validation: Int
  /// Samples that results are reported on.
  public var test: Int

  /// The given numbers.
  public init(training: Int, validation: Int, test: Int) {
    self.training = training
    self.validation = validation
    self.test = test
  }

  /// The number of samples of a split.
  public subscript(split: Split) -> Int {
    switch split {
    case .training: training
    case .validation: validation
    case .test: test
    }
  }
}
