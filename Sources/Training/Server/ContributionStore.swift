// The contributions of the step and the results of evaluations, while they arrive.

import NeuralNetworks
import Tensors

/// Where arriving chunks are put: a slot for each replica, and one for each part of an evaluation.
///
/// The slots of replicas are made once and written over at each step.
final class ContributionStore {
  private let layout: ContributionLayout
  private let chunking: Chunking
  private var slots: [Tensor]
  private var results: [EvaluationLease: Tally] = [:]

  init(layout: ContributionLayout, replicas: Int) {
    self.layout = layout
    chunking = Chunking(count: layout.count)
    slots = (0..<replicas).map { _ in Tensor.zeros([layout.count]) }
  }

  /// The contributions of all replicas, in replica order.
  var contributions: [Contribution] { slots.map { Contribution(layout: layout, flat: $0) } }

  /// Keeps a chunk whose place and length have been checked.
  func store(_ payload: UnsafeRawBufferPointer, chunk: Int, of job: Job) {
    switch job {
    case .training(_, let replica):
      let range = chunking.range(of: chunk)
      slots[replica].withMutableScalars { scalars in
        UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: scalars[range]))
          .copyMemory(from: payload)
      }
    case .evaluation(let lease):
      let scalars = stride(from: 0, to: payload.count, by: 4).map {
        payload.loadUnaligned(fromByteOffset: $0, as: Float.self)
      }
      results[lease] = Tally(scalars: scalars)
    }
  }

  /// The tally of an evaluation all of whose parts are in, summed in their order; its parts are
  /// forgotten.
  func tally(of step: Int, on split: Split) -> Tally {
    let leases = results.keys.filter { $0.step == step && $0.split == split }
      .sorted { $0.part < $1.part }
    var sum = Tally(categoryCount: layout.categoryCount)
    for lease in leases {
      if let tally = results.removeValue(forKey: lease) { sum.add(tally) }
    }
    return sum
  }
}
