// What arrives on the data socket: contributions, measurements, and requests for values.

import Learning

extension Coordinator {
  /// Sends the chunks that a worker lacks, if it asks for a version that is in use.
  ///
  /// A worker that has no lease yet does not know which version that is: who asks for all of
  /// another one is sent the version that the step needs.
  func answerFetch(_ header: DataHeader, to peer: Peer) -> [CoordinatorAction<Peer>] {
    let isInUse =
      header.step == step - 1 || evaluations.contains { $0.step == header.step }
    let chunkCount = configuration.chunking.chunkCount
    if header.chunk == DataHeader.allChunks {
      return [
        .sendValues(
          step: isInUse ? header.step : step - 1, chunks: Array(0..<chunkCount),
          session: header.session, to: peer)
      ]
    }
    guard isInUse, header.chunk < chunkCount else { return [] }
    return [
      .sendValues(step: header.step, chunks: [header.chunk], session: header.session, to: peer)
    ]
  }

  /// Takes a chunk of a replica's contribution, if it is one that is waited for.
  mutating func takeChunk(_ header: DataHeader, from peer: Peer, now: Double)
    -> [CoordinatorAction<Peer>]
  {
    let chunking = configuration.chunking
    guard header.chunk < chunking.chunkCount,
      header.count == chunking.range(of: header.chunk).count
    else { return [] }
    return takeReplica(header, from: peer) { state in
      guard state.replicas.insert(chunk: header.chunk, of: header.index, now: now) else {
        return nil
      }
      return [.store(replica: header.index, chunk: header.chunk)]
    }
  }

  /// Takes what was measured of a replica, if it is waited for.
  mutating func takeMeasurements(
    _ header: DataHeader, _ measurements: [Measurement], from peer: Peer, now: Double
  ) -> [CoordinatorAction<Peer>] {
    guard isComplete(measurements) else { return [] }
    return takeReplica(header, from: peer) { state in
      guard state.replicas.insert(measurements, of: header.index, now: now) else { return nil }
      let waited = Double(header.waitedMicroseconds) * 1e-6
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
    _ header: DataHeader, from peer: Peer,
    insert: (inout Coordinator) -> [CoordinatorAction<Peer>]?
  ) -> [CoordinatorAction<Peer>] {
    guard header.index < configuration.experiment.replicas, header.step >= 1, header.step <= step
    else { return [] }
    guard phase == .training, header.step == step, !replicas.isComplete(header.index) else {
      return [.acknowledge(header, to: peer)]
    }
    sessions[header.session]?.isStuck = false
    guard var actions = insert(&self) else { return [] }
    guard replicas.isComplete(header.index) else { return actions }
    actions.append(.acknowledge(header, to: peer))
    if replicas.areAllComplete {
      actions.append(
        .applyStep(
          step, measurements: replicas.measurements,
          waitedFor: workerCount == nil
            ? nil : sessions[header.session]?.name ?? "a worker that left",
          dataWait: replicas.longestDataWait))
    }
    return actions
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
    sessions[header.session]?.isStuck = false
    guard header.index < evaluations[index].parts.count,
      evaluations[index].complete(header.index, measurements)
    else { return actions }
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
    if phase == .evaluating { actions += leaseOutstanding(now: now) }
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
      kind: .measurements, run: configuration.run, step: job.version, session: id)
    switch job {
    case .training(_, let replica):
      (header.step, header.index) = (step, replica)
      header.waitedMicroseconds = Int(dataWait * 1e6)
      replicas.insertAllChunks(of: replica)
    case .evaluation(let lease):
      (header.purpose, header.index) = (lease.split, lease.part)
      // What evaluates takes time that is not the step's.
      stepStartedAt = now
    }
    return receive(header, measurements: measurements, from: session.control, now: now)
  }
}
