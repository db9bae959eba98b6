// Some replicas are computed twice, on different workers, and what they found is compared.

import Learning
import Tensors

/// Which replicas are audited: a pure function of a seed, the step and the replica.
///
/// No bit of a run depends on it. The seed is the server's own, so that no worker can tell which of
/// its answers will be compared.
struct AuditChoice: Hashable, Sendable {
  /// The share of the replicas, from 0 to 1.
  var share: Double
  var seed: UInt64

  /// Nothing is audited.
  static let none = AuditChoice(share: 0, seed: 0)

  func includes(step: Int, replica: Int) -> Bool {
    guard share > 0 else { return false }
    var random = CounterRandom(
      seed: seed, purpose: .audit, index: UInt64(step), subindex: UInt32(replica))
    return Double(random.uniform()) < share
  }
}

/// What several workers found of one replica, until two of them agree.
struct AuditedReplica: Hashable, Sendable {
  /// What one worker found: the hash of each chunk, and the bits of what it measured.
  private struct Answer: Hashable, Sendable {
    let session: SessionID
    var hashes: [UInt64?]
    var measurements: [Measurement]?

    var isComplete: Bool { measurements != nil && !hashes.contains(nil) }

    func agrees(with other: Answer) -> Bool {
      hashes == other.hashes && bits == other.bits
    }

    /// Numbers are compared as bits: two that are no numbers are the same.
    private var bits: [UInt64] {
      (measurements ?? []).flatMap { [$0.sum.bitPattern, $0.weight.bitPattern] }
    }
  }

  /// In the order in which they began to arrive.
  private var answers: [Answer] = []
  private var settledOn: SessionID?
  private let chunkCount: Int

  init(chunkCount: Int) { self.chunkCount = chunkCount }

  var isSettled: Bool { settledOn != nil }

  /// What was measured by the session that was settled on.
  var settledMeasurements: [Measurement]? {
    settledOn.flatMap { answer(of: $0)?.measurements }
  }

  /// The sessions whose answers are complete.
  var answered: [SessionID] { answers.filter(\.isComplete).map(\.session) }

  func hasAnswer(of session: SessionID) -> Bool { answer(of: session)?.isComplete ?? false }

  /// A session whose complete answer another's agrees with.
  var confirmed: SessionID? {
    let complete = answers.filter(\.isComplete)
    return complete.first { answer in
      complete.contains { $0.session != answer.session && $0.agrees(with: answer) }
    }?.session
  }

  /// The sessions whose complete answers differ from that of one of them.
  func dissenters(from session: SessionID) -> [SessionID] {
    guard let right = answer(of: session) else { return [] }
    return answers.filter { $0.isComplete && !$0.agrees(with: right) }.map(\.session)
  }

  /// What a session's answer lacks, `measurements` standing for what it measured.
  func missing(from session: SessionID, measurements: Int) -> [Int] {
    guard let answer = answer(of: session) else { return Array(0...measurements) }
    return answer.hashes.indices.filter { answer.hashes[$0] == nil }
      + (answer.measurements == nil ? [measurements] : [])
  }

  /// Notes a chunk; whether it is new.
  mutating func insert(_ hash: UInt64, chunk: Int, from session: SessionID) -> Bool {
    let index = index(of: session)
    guard answers[index].hashes[chunk] == nil else { return false }
    answers[index].hashes[chunk] = hash
    return true
  }

  /// Notes what was measured; whether it is new.
  mutating func insert(_ measurements: [Measurement], from session: SessionID) -> Bool {
    let index = index(of: session)
    guard answers[index].measurements == nil else { return false }
    answers[index].measurements = measurements
    return true
  }

  mutating func settle(on session: SessionID) { settledOn = session }

  /// Forgets an answer.
  mutating func forget(_ session: SessionID) { answers.removeAll { $0.session == session } }

  /// Forgets an answer that nobody will complete.
  mutating func forgetUnfinished(_ session: SessionID) {
    answers.removeAll { $0.session == session && !$0.isComplete }
  }

  private func answer(of session: SessionID) -> Answer? {
    answers.first { $0.session == session }
  }

  private mutating func index(of session: SessionID) -> Int {
    if let index = answers.firstIndex(where: { $0.session == session }) { return index }
    answers.append(Answer(session: session, hashes: Array(repeating: nil, count: chunkCount)))
    return answers.count - 1
  }
}
