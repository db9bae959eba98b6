// The server's books: who holds which replica or part, and what of it is in.

import Learning

/// Who computes each replica of the step, which chunks of its contribution are in, and whether what
/// was measured of it is.
struct ReplicaLedger: Hashable, Sendable {
  private struct Entry: Hashable, Sendable {
    /// The sessions that compute the replica; more than one when it is raced.
    var holders: [SessionID] = []
    /// The sessions that something of its result came from.
    var contributors: [SessionID] = []
    var leasedAt = 0.0
    var receipts: ChunkReceipts
    var measurements: [Measurement]?
    /// What each worker found, if the replica is audited; `receipts` and `measurements` are unused.
    var audit: AuditedReplica?

    var isComplete: Bool {
      audit.map(\.isSettled) ?? (receipts.isComplete && measurements != nil)
    }
  }

  private var entries: [Entry]
  private let chunkCount: Int

  init(replicas: Int, chunkCount: Int) {
    self.chunkCount = chunkCount
    entries = Array(
      repeating: Entry(receipts: ChunkReceipts(chunkCount: chunkCount)), count: replicas)
  }

  /// Forgets everything for the next step.
  mutating func reset() { self = ReplicaLedger(replicas: entries.count, chunkCount: chunkCount) }

  func isComplete(_ replica: Int) -> Bool { entries[replica].isComplete }

  var areAllComplete: Bool { entries.allSatisfy(\.isComplete) }

  /// What was measured of each replica, in replica order, once all are complete.
  var measurements: [[Measurement]] {
    entries.map { $0.audit?.settledMeasurements ?? $0.measurements ?? [] }
  }

  /// Whether a replica was leased to a second worker because the first took too long.
  private(set) var isRaced = false

  /// How long each session's computing waited for its mini-batches in this step, in seconds.
  private var dataWaits: [SessionID: Double] = [:]

  /// The wait of the session that waited longest; 0 if none did.
  var longestDataWait: Double { dataWaits.values.max() ?? 0 }

  /// Adds what a session waited for the mini-batch of a replica.
  mutating func addDataWait(_ seconds: Double, of session: SessionID) {
    dataWaits[session, default: 0] += seconds
  }

  /// The longest time from the lease of a replica to its last message in this step, in seconds,
  /// where a single session computed it.
  private(set) var longestAnswer = 0.0

  /// Notes a chunk that came from a session, with the hash of its payload where the replica is
  /// audited; whether it is new.
  mutating func insert(
    chunk: Int, of replica: Int, from session: SessionID, hash: UInt64, now: Double
  ) -> Bool {
    if entries[replica].audit != nil {
      guard entries[replica].audit?.insert(hash, chunk: chunk, from: session) == true else {
        return false
      }
      noteAnswer(of: replica, from: session, now: now)
      return true
    }
    guard entries[replica].receipts.insert(chunk) else { return false }
    noteAnswer(of: replica, now: now)
    return true
  }

  /// Notes that the whole contribution of a replica is in.
  mutating func insertAllChunks(of replica: Int) {
    for chunk in entries[replica].receipts.missing {
      _ = entries[replica].receipts.insert(chunk)
    }
  }

  /// Notes what a session measured of a replica; whether it is new.
  mutating func insert(
    _ measurements: [Measurement], of replica: Int, from session: SessionID, now: Double
  ) -> Bool {
    if entries[replica].audit != nil {
      guard entries[replica].audit?.insert(measurements, from: session) == true else {
        return false
      }
      noteAnswer(of: replica, from: session, now: now)
      return true
    }
    guard entries[replica].measurements == nil else { return false }
    entries[replica].measurements = measurements
    noteAnswer(of: replica, now: now)
    return true
  }

  private mutating func noteAnswer(of replica: Int, now: Double) {
    guard entries[replica].isComplete, entries[replica].holders.count == 1 else { return }
    longestAnswer = max(longestAnswer, now - entries[replica].leasedAt)
  }

  private mutating func noteAnswer(of replica: Int, from session: SessionID, now: Double) {
    guard entries[replica].audit?.hasAnswer(of: session) == true else { return }
    longestAnswer = max(longestAnswer, now - entries[replica].leasedAt)
  }

  /// Whether all of a replica is in, or all that a session is to find of it.
  func isIn(_ replica: Int, from session: SessionID) -> Bool {
    entries[replica].isComplete || entries[replica].audit?.hasAnswer(of: session) == true
  }

  /// The replicas that a session is still to compute.
  func held(by session: SessionID) -> [Int] {
    entries.indices.filter {
      entries[$0].holders.contains(session) && !isIn($0, from: session)
    }
  }

  /// Whether a session may compute a replica.
  func isHeld(_ replica: Int, by session: SessionID) -> Bool {
    entries[replica].holders.contains(session)
  }

  /// The chunks of a replica that are not in, from a session if it is audited, and `measurements`
  /// if those are not.
  func missing(of replica: Int, from session: SessionID, measurements: Int) -> [Int] {
    if let audit = entries[replica].audit {
      return audit.missing(from: session, measurements: measurements)
    }
    return entries[replica].receipts.missing
      + (entries[replica].measurements == nil ? [measurements] : [])
  }

  /// The sessions that something of a replica's result came from.
  func contributors(to replica: Int) -> [SessionID] { entries[replica].contributors }

  /// The replicas that something came of from a session.
  func contributions(from session: SessionID) -> [Int] {
    entries.indices.filter { entries[$0].contributors.contains(session) }
  }

  /// Notes that something of a replica's result came from a session.
  mutating func noteContributor(_ session: SessionID, to replica: Int) {
    guard !entries[replica].contributors.contains(session) else { return }
    entries[replica].contributors.append(session)
  }

  /// Forgets the result of a replica and leases it to a session, or to nobody as yet.
  mutating func reopen(_ replica: Int, for session: SessionID? = nil, now: Double) {
    entries[replica] = Entry(
      holders: session.map { [$0] } ?? [], leasedAt: now,
      receipts: ChunkReceipts(chunkCount: chunkCount))
    isRaced = true
  }

  // MARK: Audits

  /// The replicas of which several workers' results are compared and none has been settled on.
  var openAudits: [Int] {
    entries.indices.filter { entries[$0].audit?.isSettled == false }
  }

  /// What has been found of a replica that is audited.
  func audit(of replica: Int) -> AuditedReplica? { entries[replica].audit }

  /// Has a replica, of which nothing is in, computed by several workers.
  mutating func beginAudit(of replica: Int) {
    entries[replica].audit = AuditedReplica(chunkCount: chunkCount)
  }

  /// Who computes a replica and has not sent all of it.
  func computing(_ replica: Int) -> [SessionID] {
    entries[replica].holders.filter { !isIn(replica, from: $0) }
  }

  /// Has another session compute a replica that is audited.
  mutating func addHolder(_ session: SessionID, of replica: Int, now: Double) {
    entries[replica].holders.append(session)
    entries[replica].leasedAt = now
  }

  /// The replicas that are audited of which one answer is in and another has been out for longer
  /// than `patience`.
  func overdueAudits(after patience: Double, now: Double) -> [Int] {
    openAudits.filter {
      entries[$0].audit?.answered.isEmpty == false && !computing($0).isEmpty
        && now - entries[$0].leasedAt > patience
    }
  }

  /// Waits no longer for what a session was to find of a replica that is audited.
  mutating func dropHolder(_ session: SessionID, of replica: Int) {
    entries[replica].holders.removeAll { $0 == session }
    entries[replica].audit?.forgetUnfinished(session)
  }

  /// Settles an audit on what a session found.
  mutating func settle(_ replica: Int, on session: SessionID) {
    entries[replica].audit?.settle(on: session)
  }

  /// Forgets what a session found of a replica that is audited and not settled.
  mutating func forgetAnswer(of session: SessionID, to replica: Int) {
    entries[replica].audit?.forget(session)
    entries[replica].contributors.removeAll { $0 == session }
  }

  /// The session with the least to do.
  func idlest(of sessions: [SessionID]) -> SessionID? {
    sessions.min { held(by: $0).count < held(by: $1).count }
  }

  /// The replica that has been out for longest, who has it, and since when.
  var longestOut: (replica: Int, holders: [SessionID], since: Double)? {
    entries.indices.filter { !computing($0).isEmpty }
      .min { entries[$0].leasedAt < entries[$1].leasedAt }
      .map { ($0, computing($0), entries[$0].leasedAt) }
  }

  /// Leases all replicas, in contiguous blocks as equal as possible.
  mutating func assignBlocks(to sessions: [SessionID], now: Double) {
    for replica in entries.indices where !sessions.isEmpty {
      entries[replica].holders = [sessions[replica * sessions.count / entries.count]]
      entries[replica].leasedAt = now
    }
  }

  /// Leases the replicas that nobody computes, each to the session with the least to do.
  mutating func assignOrphans(to sessions: [SessionID], now: Double) {
    for replica in entries.indices
    where entries[replica].holders.isEmpty && entries[replica].audit == nil
      && !entries[replica].isComplete
    {
      guard let idlest = idlest(of: sessions) else { return }
      entries[replica].holders = [idlest]
      entries[replica].leasedAt = now
    }
  }

  /// Takes a lost session's leases back; the replicas that nobody computes any more.
  mutating func release(_ session: SessionID) -> [Int] {
    var orphans: [Int] = []
    for replica in entries.indices where entries[replica].holders.contains(session) {
      entries[replica].audit?.forgetUnfinished(session)
      entries[replica].holders.removeAll { $0 == session }
      if entries[replica].holders.isEmpty && !entries[replica].isComplete {
        orphans.append(replica)
      }
    }
    return orphans
  }

  /// Leases replicas that have been out for longer than `patience` to a session that has nothing
  /// left to do, beside those that have them; again and again, until one of them answers.
  mutating func raceLaggards(after patience: Double, among sessions: [SessionID], now: Double)
    -> [(replica: Int, slow: [SessionID], second: SessionID)]
  {
    var races: [(replica: Int, slow: [SessionID], second: SessionID)] = []
    for replica in entries.indices {
      let entry = entries[replica]
      let slow = computing(replica)
      guard !slow.isEmpty, now - entry.leasedAt > patience,
        let idle = sessions.first(where: {
          held(by: $0).isEmpty && !entry.holders.contains($0)
        })
      else { continue }
      races.append((replica, slow, idle))
      isRaced = true
      entries[replica].holders.append(idle)
      entries[replica].leasedAt = now
    }
    return races
  }
}

/// Who computes each part of an evaluation, and what was measured of those that are in.
struct EvaluationLedger: Hashable, Sendable {
  enum Part: Hashable, Sendable {
    case open
    case leased(to: SessionID, at: Double)
    case complete([Measurement])

    var isComplete: Bool {
      if case .complete = self { true } else { false }
    }
  }

  /// The version that is evaluated.
  let step: Int
  let split: Split
  private(set) var parts: [Part]
  /// The sessions that each part was leased to, whoever has it now.
  private var holders: [[SessionID]]

  init(step: Int, split: Split, partCount: Int) {
    self.step = step
    self.split = split
    parts = Array(repeating: .open, count: partCount)
    holders = Array(repeating: [], count: partCount)
  }

  var isComplete: Bool { parts.allSatisfy(\.isComplete) }

  /// What was measured of all parts that are in, summed in their order.
  func measurements(of metrics: [Metric]) -> Measurements {
    var sum = Measurements(of: metrics)
    for case .complete(let measurements) in parts { sum.add(measurements) }
    return sum
  }

  func held(by session: SessionID) -> [EvaluationLease] {
    parts.indices.compactMap { part in
      guard case .leased(session, _) = parts[part] else { return nil }
      return EvaluationLease(step: step, split: split, part: part)
    }
  }

  /// Leases open parts to a session until it holds `limit` of them.
  mutating func grant(upTo limit: Int, to session: SessionID, now: Double) {
    var count = held(by: session).count
    for part in parts.indices where parts[part] == .open && count < limit {
      parts[part] = .leased(to: session, at: now)
      if !holders[part].contains(session) { holders[part].append(session) }
      count += 1
    }
  }

  /// Takes a lost session's parts back.
  mutating func release(_ session: SessionID) {
    for part in parts.indices {
      if case .leased(session, _) = parts[part] { parts[part] = .open }
    }
  }

  /// Takes back the parts that were leased long ago; whom they were leased to.
  mutating func releaseParts(leasedBefore time: Double) -> [SessionID] {
    var sessions: [SessionID] = []
    for part in parts.indices {
      guard case .leased(let session, let at) = parts[part], at < time else { continue }
      parts[part] = .open
      if !sessions.contains(session) { sessions.append(session) }
    }
    return sessions
  }

  /// Whether a part that was leased to a session is not in.
  func isOutstanding(_ lease: EvaluationLease, from session: SessionID) -> Bool {
    lease.step == step && lease.split == split && parts.indices.contains(lease.part)
      && !parts[lease.part].isComplete && holders[lease.part].contains(session)
  }

  /// Notes what was measured of a part by a session that it was leased to; whether it is new.
  mutating func complete(
    _ part: Int, _ measurements: [Measurement], by session: SessionID
  ) -> Bool {
    guard !parts[part].isComplete, holders[part].contains(session) else { return false }
    parts[part] = .complete(measurements)
    return true
  }
}
