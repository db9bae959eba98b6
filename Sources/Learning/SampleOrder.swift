// Which samples each replica takes at each step.

import Tensors

/// The samples of every mini-batch of a run: replica r of N at step s takes the next `batchSize`
/// samples of the epoch's permutation, after those of replicas 0 ..< r.
///
/// Within an epoch every sample is taken exactly once; a mini-batch may straddle two epochs.
public struct SampleOrder: Sendable {
  /// The number of training samples.
  public let sampleCount: Int
  /// The number of replicas.
  public let replicas: Int
  /// The samples of one replica's mini-batch.
  public let batchSize: Int
  /// The run's seed.
  public let seed: UInt64

  /// The order for a run.
  public init(sampleCount: Int, replicas: Int, batchSize: Int, seed: UInt64) {
    self.sampleCount = sampleCount
    self.replicas = replicas
    self.batchSize = batchSize
    self.seed = seed
  }

  /// The samples of a replica's mini-batch; steps count from 1, replicas from 0.
  public func samples(step: Int, replica: Int) -> [Int] {
    let first = ((step - 1) * replicas + replica) * batchSize
    var epoch = first / sampleCount
    var permutation = RandomPermutation(count: sampleCount, seed: seed, index: UInt64(epoch))
    return (first..<first + batchSize).map { position in
      if position / sampleCount != epoch {
        epoch = position / sampleCount
        permutation = RandomPermutation(count: sampleCount, seed: seed, index: UInt64(epoch))
      }
      return permutation[position % sampleCount]
    }
  }
}
