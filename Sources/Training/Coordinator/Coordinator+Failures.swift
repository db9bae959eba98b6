// What one worker cannot compute, or not in finite numbers, another computes before the run ends.

import Learning

extension Coordinator {
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
      failures[job, default: []].append("\(session.name): \(reason)")
    }
    let reports = failure.job.flatMap { failures[$0] } ?? []
    if isLeased, reports.count > 1 || sessions.count == 1 {
      return end(.failed(reports.joined(separator: "; ")))
    }
    return remove(failure.session, because: "failed (\(reason))", now: now)
  }

  /// The contribution or the loss of a replica is not finite: if another worker is there, it
  /// computes the replica once more; otherwise, or if it finds the same, the run has diverged.
  mutating func notFinite(_ divergence: Divergence, now: Double) -> [CoordinatorAction<Peer>] {
    let ending = RunEnding.diverged(divergence.description)
    guard let replica = divergence.replica, doubt == nil else { return end(ending) }
    let authors = replicas.contributors(to: replica)
    let others = workingSessions.filter { !authors.contains($0) }
    guard let other = replicas.idlest(of: others) else { return end(ending) }
    doubt = Doubt(replica: replica, sessions: authors)
    replicas.reopen(replica, for: other, now: now)
    let name = sessions[other]?.name ?? "another worker"
    let note = "\(divergence.finding) To be sure, \(name) computes the replica once more."
    return [.tell(.note(note))] + leaseOutstanding(now: now)
  }

  /// Another worker found finite numbers where these found none: their machines cannot be relied
  /// on.
  mutating func sendAway(_ doubt: Doubt, now: Double) -> [CoordinatorAction<Peer>] {
    doubt.sessions.flatMap { id -> [CoordinatorAction<Peer>] in
      guard let session = sessions[id] else { return [] }
      let reason = """
        sent numbers for replica \(doubt.replica) that are not finite, where another worker found \
        finite ones, which count: look after the memory and the processor of its machine
        """
      return [.send(.refused(.init(reason: "This worker \(reason).")), to: session.control)]
        + remove(id, because: reason, now: now)
    }
  }
}
