// What a worker makes of its data socket: values come, results leave, and silence means something.

import Learning

extension WorkerState {
  /// A message arrived on the data socket whose header is sound.
  ///
  /// - Parameter missing: the payload of a message of missing chunks.
  mutating func receive(
    _ header: DataHeader, missing: [Int] = [], now: Double
  ) -> [WorkerAction] {
    guard case .joined(var member) = phase, member.isPrepared,
      header.run == member.welcome.run, header.session == member.welcome.session
    else { return [] }
    member.lastHeard = now
    member.dataHeardAt = now
    wasDeaf = false
    defer { if case .joined = phase { phase = .joined(member) } }
    switch header.kind {
    case .acknowledgement:
      guard member.deliveries.removeValue(forKey: header.job) != nil else { return [] }
      (member.hasDelivered, fruitlessSessions) = (true, 0)
      return [.forgetResult(header.job)]
    case .missing:
      // An inquiry may have been repeated while its answer was on the way.
      guard let delivery = member.deliveries[header.job], delivery.inquiry == header.number,
        !delivery.isLeaving, !missing.isEmpty
      else { return [] }
      member.deliveries[header.job] = Delivery(movedAt: now, inquiry: delivery.inquiry + 1)
      return [.sendResult(header.job, chunks: missing)]
    case .values:
      guard isWanted(header, member) else { return [] }
      var receipts =
        member.receipts[header.step] ?? ChunkReceipts(chunkCount: member.values.chunkCount)
      guard receipts.insert(header.chunk) else { return [] }
      member.receipts[header.step] = receipts
      member.awaited[header.step] =
        receipts.isComplete
        ? nil : Awaited(movedAt: now, patience: configuration.deadlines.resendSeconds)
      var actions: [WorkerAction] = [
        .storeValues(step: header.step, range: member.values.range(of: header.chunk))
      ]
      if receipts.isComplete { actions += Self.start(&member, &computing) }
      return actions
    case .contribution, .measurements, .fetch, .inquiry, .knock, .heard, .spans: return []
    }
  }

  /// Whether a message is about a version of the values, whole, of which something is missing.
  func lacks(_ header: DataHeader) -> Bool {
    guard case .joined(let member) = phase, member.isPrepared, header.kind == .values,
      header.run == member.welcome.run, header.session == member.welcome.session,
      member.receipts[header.step]?.isComplete != true
    else { return false }
    return header.parts(of: member.values).allSatisfy { isWanted($0, member) }
  }

  /// Whether a chunk of the values is of a version that the lease needs, or of one that the next
  /// lease may: never of more versions than memory was reckoned for.
  private func isWanted(_ header: DataHeader, _ member: Membership) -> Bool {
    guard header.chunk < member.values.chunkCount,
      header.count == member.values.range(of: header.chunk).count
    else { return false }
    if member.lease.versions.contains(header.step) || member.receipts[header.step] != nil {
      return true
    }
    let early = member.receipts.keys.count { $0 >= member.lease.step }
    return header.step >= member.lease.step - 1 && early < 2
  }

  /// The data socket has taken some of a result, or, as `isAll` says, the last of it.
  mutating func sent(_ job: Job, isAll: Bool, now: Double) {
    guard case .joined(var member) = phase else { return }
    member.dataSentAt = now
    member.deliveries[job]?.movedAt = now
    if isAll { member.deliveries[job]?.isLeaving = false }
    phase = .joined(member)
  }

  /// What to do if nothing comes over the data socket, although the server answers on the other.
  mutating func whenDataIsSilent(
    _ member: Membership, now: Double
  ) -> [WorkerAction]? {
    guard let preparedAt = member.preparedAt else { return nil }
    guard let heardAt = member.dataHeardAt else {
      guard now - preparedAt > configuration.deadlines.joinSeconds / 2 else { return nil }
      // One connection may be half dead; a new one hardly is.
      guard wasDeaf else {
        wasDeaf = true
        return leaveToRejoin(
          member, "Nothing heard from the data port of \(configuration.server)", now: now)
      }
      let reason = """
        The server at \(configuration.server) answers, but its port for data, \
        \(member.welcome.dataPort), does not. Open that port between the two machines; \
        ParameterServer --data-port fixes its number.
        """
      return [.send(.goodbye(departure(of: member, because: reason)))] + end(.failed(reason))
    }
    // While something is leaving, that it moves is sign enough.
    let silence = now - max(heardAt, member.dataSentAt)
    guard silence > 10 * member.welcome.silenceSeconds else { return nil }
    var reason =
      "Nothing heard from the data port of \(configuration.server) for \(tenths(silence)) s"
    var pause = 0.0
    if member.hasHadWork, !member.hasDelivered {
      fruitlessSessions += 1
      pause = min(300, 15 * Double(1 << min(fruitlessSessions, 5)))
      reason += """
        , number \(member.welcome.dataPort), although it was reached: no result has arrived over \
        it, \(fruitlessSessions) times in a row. Where short messages pass and long ones do not, \
        something on the way carries shorter packets than these machines send: lower the MTU of \
        their interfaces
        """
    }
    return leaveToRejoin(member, reason, after: pause, now: now)
  }

  private mutating func leaveToRejoin(
    _ member: Membership, _ reason: String, after pause: Double = 0, now: Double
  ) -> [WorkerAction] {
    [.send(.goodbye(departure(of: member, because: "\(reason), joins again")))]
      + rejoin(reason, after: pause, now: now)
  }

  /// Asks for what became of results that left a while ago, in the lease's order, so that the same
  /// events give the same actions.
  static func inquire(
    _ member: inout Membership, after seconds: Double, now: Double
  ) -> [WorkerAction] {
    var actions: [WorkerAction] = []
    for job in member.lease.jobs {
      guard let delivery = member.deliveries[job], !delivery.isLeaving,
        now - delivery.movedAt > seconds
      else { continue }
      member.deliveries[job]?.movedAt = now
      actions.append(.inquire(job, number: delivery.inquiry))
    }
    return actions
  }
}
