// Who is leased what: steps begin, orphans find a worker, laggards a second one.

import Learning

extension Coordinator {
  /// Leases the replicas of the step, or, if there is none left, what is to be evaluated.
  mutating func beginStep(now: Double) -> [CoordinatorAction<Peer>] {
    stepStartedAt = now
    silentWaitSeconds = 0
    guard step <= configuration.experiment.steps else {
      phase = .evaluating
      return leaseOutstanding(now: now)
    }
    if phase == .gathering {
      let isGathered = workingSessions.count >= configuration.expectedWorkers
      let isLate = now - startedAt > configuration.deadlines.gatherSeconds
      guard !workingSessions.isEmpty, isGathered || isLate else { return [] }
    }
    phase = .training
    isHeldBack = evaluations.count > Self.evaluationLimit
    guard !isHeldBack else {
      grantEvaluations(now: now)
      return sendChangedLeases(now: now)
    }
    replicas.assignBlocks(to: workingSessions, now: now)
    let notes = beginAudits(now: now) + tendAudits(now: now)
    grantEvaluations(now: now)
    return notes + sendChangedLeases(now: now)
  }

  /// Leases whatever nobody holds, and tells those whose lease changed.
  ///
  /// - Parameter last: whose result was the last to come in, if one was.
  mutating func leaseOutstanding(
    now: Double, last: String? = nil
  ) -> [CoordinatorAction<Peer>] {
    guard !sessions.isEmpty else { return [] }
    var actions: [CoordinatorAction<Peer>] = []
    if phase == .training, isHeldBack {
      guard evaluations.count > Self.evaluationLimit else { return beginStep(now: now) }
      grantEvaluations(now: now)
    } else if phase == .training {
      actions += tendAudits(now: now)
      guard phase == .training else { return actions }
      actions += applyIfComplete(waitedFor: last ?? "a worker that left")
      replicas.assignOrphans(to: workingSessions, now: now)
    }
    if phase == .evaluating {
      if evaluations.isEmpty { return hasChosenBest ? end(.completed) : [.chooseBest] }
      grantEvaluations(now: now)
    }
    return actions + sendChangedLeases(now: now)
  }

  mutating func race(after patience: Double, now: Double) -> [CoordinatorAction<Peer>] {
    var actions: [CoordinatorAction<Peer>] = []
    for index in evaluations.indices {
      for id in evaluations[index].releaseParts(leasedBefore: now - patience) {
        becameStuck(id, after: patience, now: now)
        actions.append(
          .tell(
            .note(
              """
              The evaluation of step \(evaluations[index].step) waited \(tenths(patience)) s for \
              \(sessions[id]?.name ?? "a worker"); others compute its parts.
              """)))
      }
    }
    guard phase == .training else { return actions }
    let races = replicas.raceLaggards(after: patience, among: workingSessions, now: now)
    for race in races {
      let slow = race.slow.map { sessions[$0]?.name ?? "another" }.joined(separator: " and ")
      for id in race.slow {
        becameStuck(id, after: patience, now: now)
        tallies.lost(1, by: id)
      }
      actions.append(
        .tell(
          .note(
            """
            Replica \(race.replica) of step \(step) is not in after \(tenths(patience)) s; \
            \(sessions[race.second]?.name ?? "a worker") computes it as well as \(slow).
            """)))
    }
    giveUpAudits(after: patience, now: now)
    return actions + (races.isEmpty ? sayWhoIsWaitedFor(after: patience, now: now) : [])
  }

  /// A line when a replica is not in and nobody is there to compute it as well; again whenever the
  /// time has doubled.
  private mutating func sayWhoIsWaitedFor(
    after patience: Double, now: Double
  ) -> [CoordinatorAction<Peer>] {
    guard let (replica, holders, since) = replicas.longestOut,
      now - since > max(patience, silentWaitSeconds)
    else { return [] }
    silentWaitSeconds = 2 * (now - since)
    let names = holders.map { sessions[$0]?.name ?? "a worker" }.joined(separator: " and ")
    return [
      .tell(
        .note(
          """
          Still waiting for replica \(replica) of step \(step), which \(names) has had for \
          \(tenths(now - since)) s; no other worker is free to compute it as well.
          """))
    ]
  }

  /// Hands out parts of evaluations: while training so few that they are done half-way to the next
  /// evaluation, afterwards as many as keep a worker busy.
  private mutating func grantEvaluations(now: Double) {
    let experiment = configuration.experiment
    let workers = workingSessions
    guard !workers.isEmpty else { return }
    for index in evaluations.indices {
      var share = 2
      if phase == .training && !isHeldBack {
        let stepsToUse = max(
          1, min(experiment.evaluationInterval, experiment.steps - step + 1) / 2)
        let slots = stepsToUse * workers.count
        // A lease has to fit into a message, and a replica is not to wait long behind parts.
        share = min(64, (evaluations[index].parts.count + slots - 1) / slots)
      }
      if workerCount == nil { share = evaluations[index].parts.count }
      for id in workers { evaluations[index].grant(upTo: share, to: id, now: now) }
    }
  }

  private mutating func sendChangedLeases(now: Double) -> [CoordinatorAction<Peer>] {
    var actions: [CoordinatorAction<Peer>] = []
    for id in sessionsInOrder {
      guard let session = sessions[id], session.isReady else { continue }
      var lease = session.lease
      lease.step = step
      lease.replicas = phase == .training ? replicas.held(by: id) : []
      lease.evaluations = evaluations.flatMap { $0.held(by: id) }
      guard lease != session.lease else { continue }
      // A worker that only finished something knows so itself.
      let isNews =
        lease.step != session.lease.step
        || !Set(lease.jobs).isSubset(of: Set(session.lease.jobs))
      sessions[id]?.lease = lease
      guard isNews else { continue }
      lease.number += 1
      sessions[id]?.lease = lease
      sessions[id]?.leaseSentAt = now
      if !lease.replicas.isEmpty, session.sentVersion != step - 1, !session.isLocal,
        let data = session.data
      {
        sessions[id]?.sentVersion = step - 1
        let chunks = Array(0..<configuration.chunking.chunkCount)
        actions.append(.sendValues(step: step - 1, chunks: chunks, session: id, to: data))
      }
      actions.append(.send(notice(of: lease, to: id), to: session.control))
    }
    return actions
  }

  func notice(of lease: Lease, to session: SessionID) -> ControlMessage {
    .lease(.init(run: configuration.run, session: session, lease: lease))
  }
}
