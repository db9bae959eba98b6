// What arrives on the data socket: chunks of contributions, and requests for values.

import NeuralNetworks

extension ServerState {
  /// Sends the chunks that a worker lacks, if it asks for a version that is in use.
  ///
  /// A worker that has no lease yet does not know which version that is: who asks for all of
  /// another one is sent the version that the step needs.
  func answerFetch(_ header: DataHeader, to peer: Peer) -> [ServerAction<Peer>] {
    let isInUse =
      header.step == step - 1 || evaluations.contains { $0.step == header.step }
    let chunkCount = configuration.values.chunkCount
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
  mutating func takeReplica(_ header: DataHeader, from peer: Peer, now: Double)
    -> [ServerAction<Peer>]
  {
    let chunking = configuration.contribution
    guard header.index < configuration.experiment.replicas, header.chunk < chunking.chunkCount,
      header.count == chunking.range(of: header.chunk).count, header.step >= 1,
      header.step <= step
    else { return [] }
    guard phase == .training, header.step == step, !replicas.isComplete(header.index) else {
      return [.acknowledge(header, to: peer)]
    }
    sessions[header.session]?.isStuck = false
    guard replicas.insert(chunk: header.chunk, of: header.index, now: now) else { return [] }
    var actions: [ServerAction<Peer>] = [
      .store(.training(step: step, replica: header.index), chunk: header.chunk)
    ]
    guard replicas.isComplete(header.index) else { return actions }
    actions.append(.acknowledge(header, to: peer))
    replicas.addDataWait(Double(header.waitedMicroseconds) * 1e-6, of: header.session)
    if replicas.areAllComplete {
      actions.append(
        .applyStep(
          step, waitedFor: sessions[header.session]?.name ?? "a worker that left",
          dataWait: replicas.longestDataWait))
    }
    return actions
  }

  /// Takes the result of a part of an evaluation, if it is one that is waited for.
  mutating func takeEvaluation(_ header: DataHeader, from peer: Peer, now: Double)
    -> [ServerAction<Peer>]
  {
    guard header.chunk == 0, header.count == configuration.evaluationScalars else { return [] }
    var actions: [ServerAction<Peer>] = [.acknowledge(header, to: peer)]
    guard
      let index = evaluations.firstIndex(where: {
        $0.step == header.step && $0.split == header.purpose
      })
    else { return actions }
    sessions[header.session]?.isStuck = false
    guard header.index < evaluations[index].parts.count,
      evaluations[index].complete(header.index)
    else { return actions }
    let lease = EvaluationLease(step: header.step, split: header.purpose, part: header.index)
    actions.append(.store(.evaluation(lease), chunk: 0))
    if evaluations[index].isComplete {
      evaluations.remove(at: index)
      actions.append(.finishEvaluation(step: header.step, split: header.purpose))
    }
    if phase == .evaluating { actions += leaseOutstanding(now: now) }
    return actions
  }
}
