// What arrives on the data socket: contributions, measurements, and requests for values.

import Learning

extension Coordinator {
  /// Sends the chunks that a worker lacks of a version that its lease is about.
  func answerFetch(_ header: DataHeader, to peer: Peer) -> [CoordinatorAction<Peer>] {
    guard let lease = sessions[header.session]?.lease, lease.versions.contains(header.step) else {
      return []
    }
    let all = 0..<configuration.chunking.chunkCount
    guard header.chunk == DataHeader.allChunks || all.contains(header.chunk) else { return [] }
    let chunks = header.chunk == DataHeader.allChunks ? Array(all) : [header.chunk]
    return [.sendValues(step: header.step, chunks: chunks, session: header.session, to: peer)]
  }

  /// Says what of a result is not in, or that nothing more of it is needed.
  func answerInquiry(_ header: DataHeader, to peer: Peer) -> [CoordinatorAction<Peer>] {
    let measurements = configuration.chunking.chunkCount
    if header.purpose == .training {
      guard header.index < configuration.experiment.replicas, header.step <= step else { return [] }
      let isWanted =
        phase == .training && header.step == step
        && replicas.held(by: header.session).contains(header.index)
      guard isWanted else { return [.acknowledge(header, to: peer)] }
      let missing = replicas.missing(
        of: header.index, from: header.session, measurements: measurements)
      return [.sendMissing(header, chunks: missing, to: peer)]
    }
    let lease = EvaluationLease(step: header.step, split: header.purpose, part: header.index)
    let isWanted = evaluations.contains { $0.isOutstanding(lease, from: header.session) }
    return isWanted
      ? [.sendMissing(header, chunks: [measurements], to: peer)] : [.acknowledge(header, to: peer)]
  }

  /// Takes a chunk of a replica's contribution, if it is one that is waited for.
  mutating func takeChunk(
    _ header: DataHeader, hash: UInt64, from peer: Peer, now: Double
  ) -> [CoordinatorAction<Peer>] {
    let chunking = configuration.chunking
    guard header.chunk < chunking.chunkCount,
      header.count == chunking.range(of: header.chunk).count
    else { return [] }
    return takeReplica(header, from: peer, now: now) { state in
      let isNew = state.replicas.insert(
        chunk: header.chunk, of: header.index, from: header.session, hash: hash, now: now)
      guard isNew else { return nil }
      guard state.replicas.audit(of: header.index) == nil else {
        return [.keep(replica: header.index, chunk: header.chunk, from: header.session)]
      }
      return [.store(replica: header.index, chunk: header.chunk)]
    }
  }

  /// Takes what was measured of a replica, if it is waited for.
  mutating func takeMeasurements(
    _ header: DataHeader, _ measurements: [Measurement], from peer: Peer, now: Double
  ) -> [CoordinatorAction<Peer>] {
    guard isComplete(measurements) else { return [] }
    return takeReplica(header, from: peer, now: now) { state in
      let isNew = state.replicas.insert(
        measurements, of: header.index, from: header.session, now: now)
      guard isNew else { return nil }
      let waited = Double(header.number) * 1e-6
      state.replicas.addDataWait(waited, of: header.session)
      return []
    }
  }

  private func isComplete(_ measurements: [Measurement]) -> Bool {
    measurements.count == configuration.facts.metrics.count
  }

  /// Takes a part of a replica's result; `insert` says what is to be done with it, or `nil` if it
  /// is in already.
  private mutating func takeReplica(
    _ header: DataHeader, from peer: Peer, now: Double,
    insert: (inout Coordinator) -> [CoordinatorAction<Peer>]?
  ) -> [CoordinatorAction<Peer>] {
    guard header.index < configuration.experiment.replicas, header.step >= 1, header.step <= step
    else { return [] }
    guard phase == .training, header.step == step,
      !replicas.isIn(header.index, from: header.session)
    else {
      // Late, but it has come.
      showedLife(header.session, now: now)
      return [.acknowledge(header, to: peer)]
    }
    guard replicas.isHeld(header.index, by: header.session) else { return [] }
    answeredInTime(header.session)
    guard var actions = insert(&self) else { return [] }
    replicas.noteContributor(header.session, to: header.index)
    guard replicas.isIn(header.index, from: header.session) else { return actions }
    tallies.computed(by: header.session)
    actions.append(.acknowledge(header, to: peer))
    let name = workerCount == nil ? nil : sessions[header.session]?.name ?? "a worker that left"
    guard replicas.audit(of: header.index) != nil else {
      return actions + applyIfComplete(waitedFor: name)
    }
    return actions + leaseOutstanding(now: now, last: name)
  }

  /// Has the step applied once all of it is in.
  mutating func applyIfComplete(waitedFor name: String?) -> [CoordinatorAction<Peer>] {
    guard phase == .training, !isApplying, !isHeldBack, replicas.areAllComplete else { return [] }
    isApplying = true
    return [
      .applyStep(
        step, measurements: replicas.measurements, waitedFor: name,
        dataWait: replicas.longestDataWait)
    ]
  }

  /// Takes what was measured of a part of an evaluation, if it is waited for.
  mutating func takeEvaluation(
    _ header: DataHeader, _ measurements: [Measurement], from peer: Peer, now: Double
  ) -> [CoordinatorAction<Peer>] {
    guard isComplete(measurements) else { return [] }
    var actions: [CoordinatorAction<Peer>] = [.acknowledge(header, to: peer)]
    guard
      let index = evaluations.firstIndex(where: {
        $0.step == header.step && $0.split == header.purpose
      })
    else { return actions }
    showedLife(header.session, now: now)
    guard header.index < evaluations[index].parts.count,
      evaluations[index].complete(header.index, measurements, by: header.session)
    else { return actions }
    answeredInTime(header.session)
    if phase == .evaluating || workerCount == nil {
      let parts = evaluations[index].parts
      actions.append(.tell(.evaluated(part: parts.count(where: \.isComplete), of: parts.count)))
    }
    if evaluations[index].isComplete {
      let finished = evaluations.remove(at: index)
      actions.append(
        .finishEvaluation(
          step: header.step, split: header.purpose,
          finished.measurements(of: configuration.facts.metrics)))
    }
    if phase == .evaluating || isHeldBack { actions += leaseOutstanding(now: now) }
    return actions
  }

  // MARK: A single process

  /// What this process is to compute next, evaluations first; `nil` once the run has ended.
  var localJob: Job? {
    guard phase != .ended, let (id, _) = sessions.first(where: { $0.value.isLocal }) else {
      return nil
    }
    return evaluations.lazy.compactMap { $0.held(by: id).first }.first.map(Job.evaluation)
      ?? replicas.held(by: id).first.map { .training(step: step, replica: $0) }
  }

  /// Whether a single process may stop before a job: not in the middle of a step.
  func mayStop(before job: Job) -> Bool {
    guard case .training = job else { return true }
    return (0..<configuration.experiment.replicas).allSatisfy { !replicas.isComplete($0) }
  }

  /// This process has computed its job, and the contribution, if there is one, is kept.
  mutating func computed(
    _ job: Job, _ measurements: [Measurement], dataWait: Double, now: Double
  ) -> [CoordinatorAction<Peer>] {
    guard let (id, session) = sessions.first(where: { $0.value.isLocal }), job == localJob else {
      return []
    }
    var header = DataHeader(
      kind: .measurements, run: configuration.run, session: id, step: job.version)
    switch job {
    case .training(_, let replica):
      (header.step, header.index) = (step, replica)
      header.number = Int(dataWait * 1e6)
      replicas.insertAllChunks(of: replica)
    case .evaluation(let lease):
      (header.purpose, header.index) = (lease.split, lease.part)
      // What evaluates takes time that is not the step's.
      stepStartedAt = now
    }
    return receive(header, measurements: measurements, from: session.control, now: now)
  }
}
