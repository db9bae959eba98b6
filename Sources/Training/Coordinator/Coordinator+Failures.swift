// What one worker cannot compute, or not in finite numbers, another computes before the run ends.

import Learning

extension Coordinator {
  /// Who could not compute a job, and why.
  struct FailureReport: Sendable {
    let session: SessionID
    let key: String?
    let text: String
  }

  /// A replica whose contribution was not finite, while another worker computes it once more.
  struct Doubt: Sendable {
    let replica: Int
    /// Whose contribution it was.
    let sessions: [SessionID]
  }

  /// A worker cannot compute a job: another one shall, and if it cannot either, or there is none,
  /// the run ends.
  mutating func take(
    _ failure: ControlMessage.Failure, now: Double
  ) -> [CoordinatorAction<Peer>] {
    guard isKnown(failure.run, failure.session), let session = sessions[failure.session] else {
      return []
    }
    let reason = failure.reason.printable
    let isLeased = failure.job.map { session.lease.jobs.contains($0) } ?? false
    if isLeased, let job = failure.job {
      let report = FailureReport(
        session: failure.session, key: session.key, text: "\(session.name): \(reason)")
      failures[job, default: []].append(report)
    }
    let reports = failure.job.flatMap { failures[$0] } ?? []
    // One that joins anew under the same key is no second opinion, if there is another key's.
    let isShared = sessions.values.allSatisfy { $0.key == session.key }
    let opinions = isShared ? reports.count : Set(reports.map(\.key)).count
    if isLeased, opinions > 1 || sessions.count == 1 {
      return end(.failed(reports.map(\.text).joined(separator: "; ")))
    }
    return remove(failure.session, because: "failed (\(reason))", now: now)
  }

  /// The contribution or the loss of a replica is not finite: if another worker is there, it
  /// computes the replica once more; otherwise, or if it finds the same, the run has diverged.
  mutating func notFinite(_ divergence: Divergence, now: Double) -> [CoordinatorAction<Peer>] {
    isApplying = false
    let ending = RunEnding.diverged(divergence.description)
    guard let replica = divergence.replica, !doubts.contains(where: { $0.replica == replica })
    else { return end(ending) }
    let authors = replicas.contributors(to: replica)
    let others = workingSessions.filter { !authors.contains($0) }
    guard let other = replicas.idlest(of: others) else { return end(ending) }
    doubts.append(Doubt(replica: replica, sessions: authors))
    replicas.reopen(replica, for: other, now: now)
    let name = sessions[other]?.name ?? "another worker"
    let note = "\(divergence.finding) To be sure, \(name) computes the replica once more."
    return [.tell(.note(note))] + leaseOutstanding(now: now)
  }

  /// Another worker found finite numbers where these found none: their machines cannot be relied
  /// on.
  mutating func sendAway(_ doubt: Doubt, now: Double) -> [CoordinatorAction<Peer>] {
    doubt.sessions.flatMap { id -> [CoordinatorAction<Peer>] in
      let reason = """
        sent numbers for replica \(doubt.replica) that are not finite, where another worker found \
        finite ones, which count: look after the memory and the processor of its machine
        """
      return sendAway(id, because: reason, now: now)
    }
  }

  /// Tells a worker to leave whose numbers cannot be relied on.
  mutating func sendAway(
    _ id: SessionID, because reason: String, now: Double
  ) -> [CoordinatorAction<Peer>] {
    guard let session = sessions[id] else { return [] }
    return [.send(.refused(.init(reason: "This worker \(reason).")), to: session.control)]
      + remove(id, because: reason, now: now)
  }
}
