// What a coordinator wants done.

import Learning

/// What is to be done at the rim of a coordinator.
///
/// `Peer` is an address on a ROUTER socket, or whatever else tells who computes.
enum CoordinatorAction<Peer: Hashable & Sendable>: Hashable, Sendable {
  /// Sends a control message.
  case send(ControlMessage, to: Peer)
  /// Sends chunks of a version of the values.
  case sendValues(step: Int, chunks: [Int], session: SessionID, to: Peer)
  /// Tells a worker that a result is in, or no longer needed.
  case acknowledge(DataHeader, to: Peer)
  /// Tells a worker which chunks of a result are not in; their number stands for the measurements.
  case sendMissing(DataHeader, chunks: [Int], to: Peer)
  /// Tells a worker that its data socket can be heard.
  case answerKnock(DataHeader, to: Peer)
  /// Keeps the payload that came with the header: a new chunk of the contribution of a replica.
  case store(replica: Int, chunk: Int)
  /// Keeps the payload that came with the header: a chunk of what a session found of a replica that
  /// is audited.
  case keep(replica: Int, chunk: Int, from: SessionID)
  /// Makes what a session found of a replica its contribution, and forgets what others did.
  case adopt(replica: Int, from: SessionID)
  /// Sums the contributions of all replicas and applies the step; then `stepApplied` is due.
  case applyStep(Int, measurements: [[Measurement]], waitedFor: String?, dataWait: Double)
  /// All parts of an evaluation are in.
  case finishEvaluation(step: Int, split: Split, Measurements)
  /// All steps are applied and all their evaluations are in; then `evaluateOnTest` is due.
  case chooseBest
  /// Tells whoever watches.
  case tell(Happening)
  /// The run is over.
  case end(RunEnding)

  /// What happens among peers.
  enum Happening: Hashable, Sendable {
    /// A worker has joined at a step.
    case joined(worker: String, step: Int)
    /// A worker is gone, and what follows from it.
    case left(worker: String, consequence: String)
    /// So many parts of the evaluation that is waited for are in.
    case evaluated(part: Int, of: Int)
    /// Messages were dropped, and why.
    case dropped(String)
    /// Something else that people should read.
    case note(String)
  }
}

/// How a run ended, as far as this process computed it.
public enum RunEnding: Hashable, Sendable {
  /// All steps are done and evaluated.
  case completed
  /// A stop was asked for; the run can be resumed.
  case stopped
  /// A number is not finite any more, in a sentence: going on would end the same way.
  case diverged(String)
  /// The run cannot go on, in a sentence.
  case failed(String)
}
