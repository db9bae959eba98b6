// A worker's half of the protocol as a pure value: events in, actions out. No clock, no socket.

import Learning

/// What the worker's loop is to do.
enum WorkerAction: Hashable, Sendable {
  /// Sends a control message to the server.
  case send(ControlMessage)
  /// Builds the task of the run and connects the data socket; then `prepared` is due.
  case prepare(ControlMessage.Welcome)
  /// Asks for chunks of a version; none named: for all.
  case fetch(step: Int, chunks: [Int])
  /// Keeps the payload that came with the header.
  case storeValues(step: Int, range: Range<Int>)
  /// Frees a version of the values.
  case forgetValues(step: Int)
  /// Computes a job; then `computed` is due.
  case compute(Job)
  /// Sends what a job yielded (again).
  case sendResult(Job)
  /// Frees what a job yielded.
  case forgetResult(Job)
  /// Something that people should read.
  case log(String)
  /// The worker ends.
  case end(WorkerEnding)
}

/// How a worker's part in a run ended.
public enum WorkerEnding: Hashable, Sendable {
  /// The server said that the run is over or stopped, and why.
  case closed(String)
  /// The worker was asked to leave.
  case left
  /// It could not join or go on, in a sentence.
  case failed(String)
}

/// A worker's half of the protocol.
///
/// Times are seconds on any clock that does not go back.
struct WorkerState: Sendable {
  /// What does not change while the worker runs.
  struct Configuration: Sendable {
    var server: String
    var hello: ControlMessage.Hello
    var deadlines: Deadlines
  }

  private struct Membership: Sendable {
    var welcome: ControlMessage.Welcome
    var values: Chunking
    /// When the task was built.
    var preparedAt: Double?
    /// Whether anything has come over the data socket, which the server answers at once.
    var isDataHeard = false
    var lastHeard: Double
    var lastHeartbeat: Double
    var lease = Lease.none
    /// When the worker last introduced its data socket, which it does until it has a lease.
    var introducedAt = -Double.infinity
    /// Which chunks of each version are here.
    var receipts: [Int: ChunkReceipts] = [:]
    /// When the last chunk of each incomplete version arrived, or was asked for.
    var progressAt: [Int: Double] = [:]
    /// The results that the server has not acknowledged, and when each was last sent.
    var unacknowledged: [Job: Double] = [:]
    /// What need not be computed again under the present lease.
    var finished: Set<Job> = []

    var isPrepared: Bool { preparedAt != nil }
  }

  private enum Phase: Sendable {
    /// Saying hello to a server until `deadline`.
    case joining(since: Double, deadline: Double, lastHello: Double)
    case joined(Membership)
    case ended
  }

  private let configuration: Configuration
  private var phase: Phase
  /// What the compute thread is busy with, and for which run, whatever became of its session.
  private var computing: (job: Job, run: UInt64)?
  private var isPreparing = false

  /// A worker that has not said hello yet.
  init(_ configuration: Configuration, now: Double) {
    self.configuration = configuration
    phase = .joining(
      since: now, deadline: now + configuration.deadlines.joinSeconds, lastHello: -.infinity)
  }

  /// Whether the worker belongs to a run at present.
  var isJoined: Bool {
    if case .joined = phase { true } else { false }
  }

  // MARK: Events

  /// A control message arrived.
  mutating func receive(_ message: ControlMessage, now: Double) -> [WorkerAction] {
    switch (phase, message) {
    case (.ended, _): return []
    case (_, .refused(let refused)): return end(.failed("The server refused: \(refused.reason)"))
    case (.joining, .welcome(let welcome)):
      guard welcome.chunkScalars > 0, welcome.chunkScalars <= 1 << 22,
        (1...Int(UInt16.max)).contains(welcome.dataPort), welcome.experiment.problem() == nil,
        !isPreparing
      else { return [] }
      // The length of the values is known once the task is built; until then nothing is stored.
      phase = .joined(
        Membership(
          welcome: welcome, values: Chunking(count: 1, chunkScalars: welcome.chunkScalars),
          lastHeard: now, lastHeartbeat: now))
      isPreparing = true
      return [.prepare(welcome)]
    case (.joined(var member), .lease(let notice)):
      guard notice.run == member.welcome.run, notice.session == member.welcome.session,
        notice.lease.isPlausible(for: member.welcome.experiment)
      else { return [] }
      member.lastHeard = now
      guard notice.lease.number > member.lease.number else {
        phase = .joined(member)
        return []
      }
      phase = .joined(member)
      return take(notice.lease, now: now)
    case (.joined(var member), .beat(let beat)) where beat.run == member.welcome.run:
      member.lastHeard = now
      phase = .joined(member)
      return []
    case (.joined, .rejoin):
      return rejoin("The server does not know this worker (any more)", now: now)
    case (.joined(let member), .close(let close)) where close.run == member.welcome.run:
      return end(.closed(close.reason))
    default: return []
    }
  }

  /// The task is built: the values have `valueCount` scalars.
  mutating func prepared(valueCount: Int, now: Double) -> [WorkerAction] {
    isPreparing = false
    guard case .joined(var member) = phase else { return [] }
    member.preparedAt = now
    member.values = Chunking(
      count: max(1, valueCount), chunkScalars: member.welcome.chunkScalars)
    phase = .joined(member)
    return advance(now: now)
  }

  /// The task could not be built.
  mutating func preparationFailed(_ reason: String) -> [WorkerAction] {
    isPreparing = false
    guard case .joined(let member) = phase else { return end(.failed(reason)) }
    let departure = departure(of: member, because: reason)
    return [.send(.goodbye(departure))] + end(.failed(reason))
  }

  /// A message arrived on the data socket whose header is sound.
  mutating func receive(_ header: DataHeader, now: Double) -> [WorkerAction] {
    guard case .joined(var member) = phase, member.isPrepared,
      header.run == member.welcome.run, header.session == member.welcome.session
    else { return [] }
    member.lastHeard = now
    member.isDataHeard = true
    defer { if case .joined = phase { phase = .joined(member) } }
    switch header.kind {
    case .acknowledgement:
      let job: Job =
        header.purpose == .training
        ? .training(step: header.step, replica: header.index)
        : .evaluation(
          .init(step: header.step, split: header.purpose, part: header.index))
      guard member.unacknowledged.removeValue(forKey: job) != nil else { return [] }
      return [.forgetResult(job)]
    case .values:
      let isWanted =
        header.step >= member.lease.step - 1 || member.lease.versions.contains(header.step)
      guard isWanted, header.chunk < member.values.chunkCount,
        header.count == member.values.range(of: header.chunk).count
      else { return [] }
      var receipts =
        member.receipts[header.step] ?? ChunkReceipts(chunkCount: member.values.chunkCount)
      guard receipts.insert(header.chunk) else { return [] }
      member.receipts[header.step] = receipts
      member.progressAt[header.step] = now
      var actions: [WorkerAction] = [
        .storeValues(step: header.step, range: member.values.range(of: header.chunk))
      ]
      if receipts.isComplete { actions += Self.start(&member, &computing) }
      return actions
    case .contribution, .measurements, .fetch: return []
    }
  }

  /// The compute thread has finished a job.
  mutating func computed(_ job: Job, now: Double) -> [WorkerAction] {
    let run = computing?.run
    computing = nil
    guard case .joined(var member) = phase else { return [.forgetResult(job)] }
    var actions: [WorkerAction] = []
    // What was begun for another run may have had other values.
    if member.lease.jobs.contains(job), run == member.welcome.run {
      member.finished.insert(job)
      member.unacknowledged[job] = now
      actions.append(.sendResult(job))
    } else {
      actions.append(.forgetResult(job))
    }
    actions += Self.start(&member, &computing)
    phase = .joined(member)
    return actions
  }

  /// A job cannot be computed, here or anywhere.
  mutating func computationFailed(_ job: Job, reason: String) -> [WorkerAction] {
    computing = nil
    guard case .joined(let member) = phase else { return [] }
    let departure = departure(of: member, because: "\(job): \(reason)")
    return [.send(.failed(departure))] + end(.failed("\(job): \(reason)"))
  }

  /// The worker was told to leave.
  mutating func leave() -> [WorkerAction] {
    guard case .joined(let member) = phase else { return end(.left) }
    return [.send(.goodbye(departure(of: member, because: "it was told to")))] + end(.left)
  }

  /// Time passed.
  ///
  /// To be called a few times a second.
  mutating func tick(now: Double) -> [WorkerAction] {
    let deadlines = configuration.deadlines
    switch phase {
    case .ended: return []
    case .joining(let since, let deadline, let lastHello):
      guard now <= deadline else {
        return end(
          .failed(
            """
            No answer from a parameter server at \(configuration.server) for \
            \(tenths(now - since)) s. Is it running, and is the address the one it printed?
            """))
      }
      guard now - lastHello >= 1, !isPreparing else { return [] }
      phase = .joining(since: since, deadline: deadline, lastHello: now)
      return [.send(.hello(configuration.hello))]
    case .joined(var member):
      guard now - member.lastHeard <= 3 * member.welcome.silenceSeconds else {
        return rejoin(
          "Nothing heard from \(configuration.server) for \(tenths(now - member.lastHeard)) s",
          now: now)
      }
      if let preparedAt = member.preparedAt, !member.isDataHeard,
        now - preparedAt > deadlines.joinSeconds
      {
        let reason = """
          The server at \(configuration.server) answers, but its port for data, \
          \(member.welcome.dataPort), does not. Open that port between the two machines; \
          ParameterServer --data-port fixes its number.
          """
        return [.send(.goodbye(departure(of: member, because: reason)))] + end(.failed(reason))
      }
      var actions: [WorkerAction] = []
      if now - member.lastHeartbeat >= member.welcome.heartbeatSeconds {
        member.lastHeartbeat = now
        actions.append(
          .send(
            .heartbeat(
              .init(
                run: member.welcome.run, session: member.welcome.session,
                lease: member.lease.number, isBusy: computing != nil))))
      }
      // In the lease's order, so that the same events give the same actions.
      for job in member.lease.jobs {
        guard let sentAt = member.unacknowledged[job], now - sentAt > deadlines.resendSeconds
        else { continue }
        member.unacknowledged[job] = now
        actions.append(.sendResult(job))
      }
      phase = .joined(member)
      return actions + advance(now: now)
    }
  }

  // MARK: Transitions

  private mutating func take(_ lease: Lease, now: Double) -> [WorkerAction] {
    guard case .joined(var member) = phase else { return [] }
    let jobs = Set(lease.jobs)
    member.finished.formIntersection(jobs)
    var actions: [WorkerAction] = []
    for job in member.lease.jobs where !jobs.contains(job) {
      guard member.unacknowledged.removeValue(forKey: job) != nil else { continue }
      actions.append(.forgetResult(job))
    }
    member.lease = lease
    // Later versions may be on their way already; earlier ones are needed for evaluations only.
    for version in member.receipts.keys.sorted()
    where version < lease.step - 1 && !lease.versions.contains(version) {
      member.receipts[version] = nil
      member.progressAt[version] = nil
      actions.append(.forgetValues(step: version))
    }
    phase = .joined(member)
    return actions + advance(now: now)
  }

  /// Starts the next job, and asks for values that are missing.
  private mutating func advance(now: Double) -> [WorkerAction] {
    guard case .joined(var member) = phase, member.isPrepared else { return [] }
    var actions: [WorkerAction] = []
    if member.lease.number == 0,
      now - member.introducedAt > configuration.deadlines.resendSeconds
    {
      // Which version is in use only a lease tells; the server answers with that one.
      member.introducedAt = now
      actions.append(.fetch(step: 0, chunks: []))
    }
    for version in member.lease.versions.sorted() {
      let receipts = member.receipts[version]
      if receipts?.isComplete == true { continue }
      guard let progress = member.progressAt[version] else {
        member.progressAt[version] = now
        // The values before the lease's step are sent without being asked for.
        if version != member.lease.step - 1 { actions.append(.fetch(step: version, chunks: [])) }
        continue
      }
      if now - progress > configuration.deadlines.resendSeconds {
        member.progressAt[version] = now
        actions.append(.fetch(step: version, chunks: receipts?.missing ?? []))
      }
    }
    actions += Self.start(&member, &computing)
    phase = .joined(member)
    return actions
  }

  /// Gives the compute thread the first job of the lease whose values are here.
  private static func start(
    _ member: inout Membership, _ computing: inout (job: Job, run: UInt64)?
  ) -> [WorkerAction] {
    guard computing == nil, member.isPrepared else { return [] }
    let next = member.lease.jobs.first { job in
      !member.finished.contains(job) && member.receipts[job.version]?.isComplete == true
    }
    guard let next else { return [] }
    computing = (next, member.welcome.run)
    return [.compute(next)]
  }

  private mutating func rejoin(_ reason: String, now: Double) -> [WorkerAction] {
    guard case .joined(let member) = phase else { return [] }
    phase = .joining(
      since: now, deadline: now + configuration.deadlines.rejoinSeconds, lastHello: -.infinity)
    return member.receipts.keys.sorted().map { .forgetValues(step: $0) }
      + member.lease.jobs.filter { member.unacknowledged[$0] != nil }
      .map { .forgetResult($0) }
      + [.log("\(reason); joining again.")]
  }

  private mutating func end(_ ending: WorkerEnding) -> [WorkerAction] {
    phase = .ended
    return [.end(ending)]
  }

  private func departure(of member: Membership, because reason: String)
    -> ControlMessage.Departure
  {
    .init(run: member.welcome.run, session: member.welcome.session, reason: reason)
  }
}
