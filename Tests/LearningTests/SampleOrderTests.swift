// Every sample once an epoch, whoever takes it.

import Learning
import NeuralNetworks
import Tensors
import Testing

@Suite struct SampleOrderTests {
  @Test(arguments: [1, 2, 3, 5, 16, 17, 100, 255, 256, 257, 1000])
  func permutationIsOneToOne(count: Int) {
    for index in 0..<3 {
      let permutation = RandomPermutation(count: count, seed: 9, index: UInt64(index))
      #expect((0..<count).map { permutation[$0] }.sorted() == Array(0..<count))
    }
  }

  @Test func permutationDependsOnSeedAndIndex() {
    func order(_ seed: UInt64, _ index: UInt64) -> [Int] {
      let permutation = RandomPermutation(count: 100, seed: seed, index: index)
      return (0..<100).map { permutation[$0] }
    }
    #expect(order(1, 0) == order(1, 0))
    #expect(order(1, 0) != order(1, 1))
    #expect(order(1, 0) != order(2, 0))
    #expect(order(1, 0) != Array(0..<100))
  }

  /// The batches of all replicas, one after the other, are the epochs, one after the other; here
  /// 3 replicas of 4 do not divide 50 samples, so batches straddle epochs.
  @Test func eachSampleOnceAnEpoch() {
    let order = SampleOrder(sampleCount: 50, replicas: 3, batchSize: 4, seed: 11)
    let taken = (1...25).flatMap { step in
      (0..<3).flatMap { order.samples(step: step, replica: $0) }
    }
    #expect(taken.count == 300)
    for epoch in 0..<6 {
      #expect(taken[epoch * 50..<epoch * 50 + 50].sorted() == Array(0..<50), "epoch \(epoch)")
    }
    #expect(taken[0..<50] != taken[50..<100])
  }

  /// What is taken at a step is a matter of the samples of the whole step, not of its replicas.
  @Test func replicasShareAStep() {
    let one = SampleOrder(sampleCount: 50, replicas: 1, batchSize: 12, seed: 11)
    let four = SampleOrder(sampleCount: 50, replicas: 4, batchSize: 3, seed: 11)
    for step in [1, 2, 5, 9] {
      let together = (0..<4).flatMap { four.samples(step: step, replica: $0) }
      #expect(one.samples(step: step, replica: 0) == together)
    }
  }

  /// A batch larger than the data set goes on into as many epochs as it needs.
  @Test func batchLargerThanTheDataSet() {
    let order = SampleOrder(sampleCount: 5, replicas: 1, batchSize: 12, seed: 1)
    let samples = order.samples(step: 1, replica: 0) + order.samples(step: 2, replica: 0)
    #expect(samples[0..<5].sorted() == Array(0..<5))
    #expect(samples[10..<15].sorted() == Array(0..<5))
  }
}
