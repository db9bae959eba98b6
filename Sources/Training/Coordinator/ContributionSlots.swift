// The contributions of the step, while they arrive.

import Learning
import NeuralNetworks
import Tensors

/// Where arriving chunks are put: a slot for each replica.
///
/// The slots are made once and written over at each step.
struct ContributionSlots: Sendable {
  private let layout: ContributionLayout
  private let chunking: Chunking
  private var slots: [Tensor?]
  /// What each session found of the replicas that are audited.
  private var answers: [Int: [SessionID: Tensor]] = [:]

  init(of layout: ParameterLayout, chunking: Chunking, replicas: Int) {
    self.layout = ContributionLayout(of: layout)
    self.chunking = chunking
    slots = Array(repeating: nil, count: replicas)
  }

  /// The results of all replicas, in replica order, with what was measured of each.
  ///
  /// To be called when all are in.
  func results(_ measurements: [[Measurement]]) -> [ReplicaResult] {
    zip(slots, measurements).map { slot, measured in
      guard let slot else { preconditionFailure("a replica has measurements and no contribution") }
      return ReplicaResult(Contribution(layout: layout, flat: slot), measured)
    }
  }

  /// Keeps a chunk whose place and length have been checked.
  mutating func store(_ payload: UnsafeRawBufferPointer, chunk: Int, of replica: Int) {
    var slot = slots[replica] ?? .zeros([layout.count])
    // Two references would make every chunk copy the whole slot.
    slots[replica] = nil
    write(payload, chunk, to: &slot)
    slots[replica] = slot
  }

  /// Keeps a chunk of what a session found of a replica that is audited.
  mutating func keep(
    _ payload: UnsafeRawBufferPointer, chunk: Int, of replica: Int, from session: SessionID
  ) {
    var slot =
      answers[replica, default: [:]].removeValue(forKey: session) ?? .zeros([layout.count])
    write(payload, chunk, to: &slot)
    answers[replica, default: [:]][session] = slot
  }

  /// Makes what a session found of a replica its contribution, and forgets what others did.
  mutating func adopt(_ replica: Int, from session: SessionID) {
    slots[replica] = answers.removeValue(forKey: replica)?[session]
  }

  private func write(_ payload: UnsafeRawBufferPointer, _ chunk: Int, to slot: inout Tensor) {
    let range = chunking.range(of: chunk)
    slot.withMutableScalars { scalars in
      UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: scalars[range]))
        .copyMemory(from: payload)
    }
  }

  /// Keeps a whole contribution, without copying it.
  mutating func store(_ contribution: Contribution, of replica: Int) {
    slots[replica] = contribution.flat
  }
}
