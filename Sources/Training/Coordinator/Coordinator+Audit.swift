// Who computes a replica a second time, what follows when two results differ, and who is sent away.

import Learning

extension Coordinator {
  /// Whether what comes with a header is compared with what others find.
  func isAudited(_ header: DataHeader) -> Bool {
    header.kind == .contribution && header.purpose == .training && header.step == step
      && header.index < configuration.experiment.replicas
      && replicas.audit(of: header.index) != nil
  }

  /// Has those replicas of the step that are chosen computed by a second worker each.
  mutating func beginAudits(now: Double) -> [CoordinatorAction<Peer>] {
    guard configuration.audit.share > 0, workerCount != nil else { return [] }
    guard workingSessions.count > 1 else {
      defer { hasSaidAuditIsIdle = true }
      let note = "One worker alone cannot be audited; its results are compared once there are two."
      return hasSaidAuditIsIdle ? [] : [.tell(.note(note))]
    }
    hasSaidAuditIsIdle = false
    names = sessions.mapValues(\.name)
    for replica in 0..<configuration.experiment.replicas
    where configuration.audit.includes(step: step, replica: replica) {
      replicas.beginAudit(of: replica)
    }
    return []
  }

  /// Sees to the replicas that are audited: settles those of which two workers found the same, and
  /// has others computed by one more where too few compute them.
  mutating func tendAudits(now: Double) -> [CoordinatorAction<Peer>] {
    guard phase == .training, !isApplying else { return [] }
    var actions: [CoordinatorAction<Peer>] = []
    for replica in replicas.openAudits {
      guard phase == .training, let audit = replicas.audit(of: replica), !audit.isSettled else {
        continue
      }
      if let right = audit.confirmed {
        actions += settle(replica, on: right, now: now)
        continue
      }
      if replicas.computing(replica).count < max(1, 2 - audit.answered.count) {
        actions += findAuditors(for: replica, audit, now: now)
      }
    }
    return actions
  }

  /// Has a replica computed by as many as it takes, or, without any, makes do with what there is.
  private mutating func findAuditors(
    for replica: Int, _ audit: AuditedReplica, now: Double
  ) -> [CoordinatorAction<Peer>] {
    let wanted = max(1, 2 - audit.answered.count)
    var others = workingSessions.filter {
      !replicas.computing(replica).contains($0) && !audit.answered.contains($0)
    }
    while replicas.computing(replica).count < wanted, let other = replicas.idlest(of: others) {
      others.removeAll { $0 == other }
      names[other] = sessions[other]?.name
      replicas.addHolder(other, of: replica, now: now)
    }
    guard !replicas.computing(replica).isEmpty else {
      return concludeAlone(replica, audit, now: now)
    }
    undecidedSince = nil
    return audit.answered.count > 1 ? [.tell(.note(dispute(replica, audit)))] : []
  }

  /// Whoever computes a replica for comparison, and has nobody to be raced by, is waited for no
  /// longer than others are.
  mutating func giveUpAudits(after patience: Double, now: Double) {
    for replica in replicas.overdueAudits(after: patience, now: now) {
      for id in replicas.computing(replica) {
        becameStuck(id, after: patience, now: now)
        replicas.dropHolder(id, of: replica)
      }
    }
  }

  /// Settles on what two workers found; whoever found something else is sent away, and what else
  /// came from it in this step is computed by others.
  private mutating func settle(
    _ replica: Int, on right: SessionID, now: Double
  ) -> [CoordinatorAction<Peer>] {
    let wrong = replicas.audit(of: replica)?.dissenters(from: right) ?? []
    replicas.settle(replica, on: right)
    var actions: [CoordinatorAction<Peer>] = [.adopt(replica: replica, from: right)]
    for id in wrong {
      for other in replicas.contributions(from: id) where other != replica {
        if replicas.audit(of: other)?.isSettled == false {
          replicas.forgetAnswer(of: id, to: other)
        } else if replicas.audit(of: other) == nil {
          replicas.reopen(other, now: now)
        }
      }
      let reason = """
        found other numbers for replica \(replica) of step \(step) than two others did: \
        its machine cannot be relied on, and what it sent for earlier steps was not compared \
        unless it was audited
        """
      if sessions[id] == nil {
        actions.append(.tell(.note("\(names[id] ?? "A worker that left") \(reason).")))
      }
      actions += sendAway(id, because: reason, now: now)
    }
    return actions
  }

  /// Nobody is left to compare with: a single answer counts, and answers that differ end the run,
  /// unless somebody comes soon.
  private mutating func concludeAlone(
    _ replica: Int, _ audit: AuditedReplica, now: Double
  ) -> [CoordinatorAction<Peer>] {
    guard let first = audit.answered.first else { return [] }
    guard audit.answered.count == 1 else {
      // Another may be about to come: one that builds its task, or that is started again.
      let since = undecidedSince ?? now
      undecidedSince = since
      guard now - since > configuration.deadlines.gatherSeconds,
        sessions.values.allSatisfy(\.isReady)
      else { return [] }
      return end(
        .failed(
          """
          \(dispute(replica, audit)) There is no other worker to decide who is right. Start at \
          least three and resume: then the one whose machine cannot be relied on is found.
          """))
    }
    replicas.settle(replica, on: first)
    let note = """
      Replica \(replica) of step \(step) is not compared: nobody but \
      \(names[first] ?? "its worker") is there to compute it.
      """
    return [.adopt(replica: replica, from: first), .tell(.note(note))]
  }

  private func dispute(_ replica: Int, _ audit: AuditedReplica) -> String {
    let found = audit.answered.map { names[$0] ?? "a worker" }.joined(separator: " and ")
    return "\(found) found different numbers for replica \(replica) of step \(step)."
  }
}
