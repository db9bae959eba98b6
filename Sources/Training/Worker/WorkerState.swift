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
  /// Sends what a job yielded: all of it, or the chunks that are named, whose number stands for the
  /// measurements; then `sent` is due.
  case sendResult(Job, chunks: [Int]?)
  /// Asks which chunks of a result are not in; the number is for the answer to name.
  case inquire(Job, number: Int)
  /// Tells the server where the session's data socket is.
  case knock
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
  /// The server said that the run has failed, and why.
  case runFailed(String)
  /// The worker was asked to leave.
  case left
  /// It could not join or go on, in a sentence.
  case failed(String)

  /// The server was stopped before the run's end, and may come back.
  public static let stopped = WorkerEnding.closed(stopReason)

  /// What a server that was stopped tells its workers.
  static let stopReason = "the run was stopped"
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
    /// The ports that the server may name for bulk data.
    var dataPorts = 1...Int(UInt16.max)
  }

  /// A result on its way.
  struct Delivery: Sendable {
    /// When the socket last took some of it.
    var movedAt: Double
    /// Whether the socket has not taken all of it yet.
    var isLeaving = true
    /// The number of the next inquiry, or of the one that is not answered.
    var inquiry = 1
  }

  /// A version of the values that is not complete.
  struct Awaited: Sendable {
    /// When a chunk last arrived, or was asked for.
    var movedAt: Double
    /// How long to wait until it is asked for.
    var patience: Double
  }

  struct Membership: Sendable {
    var welcome: ControlMessage.Welcome
    var values: Chunking
    /// When the task was built.
    var preparedAt: Double?
    /// When something last arrived on the data socket, if anything has.
    var dataHeardAt: Double?
    /// Whether there was ever something to compute, and whether the server has acknowledged any of
    /// it.
    var hasHadWork = false
    var hasDelivered = false
    /// When the data socket last took something to send.
    var dataSentAt = -Double.infinity
    /// When the worker last knocked.
    var knockedAt = -Double.infinity
    var lastHeard: Double
    var lastHeartbeat: Double
    var lease = Lease.none
    /// Which chunks of each version are here.
    var receipts: [Int: ChunkReceipts] = [:]
    /// The versions that are not complete.
    var awaited: [Int: Awaited] = [:]
    /// The results that the server has not acknowledged.
    var deliveries: [Job: Delivery] = [:]
    /// What need not be computed again under the present lease.
    var finished: Set<Job> = []

    var isPrepared: Bool { preparedAt != nil }
  }

  enum Phase: Sendable {
    /// Saying hello to a server until `deadline`.
    case joining(since: Double, deadline: Double, lastHello: Double)
    case joined(Membership)
    case ended
  }

  private(set) var configuration: Configuration
  var phase: Phase
  /// How many sessions in a row ended for want of data without a single result delivered.
  var fruitlessSessions = 0
  /// Whether the last session ended because nothing was ever heard on its data socket.
  var wasDeaf = false
  /// What the compute thread is busy with, and for which run, whatever became of its session.
  var computing: (job: Job, run: UInt64)?
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

  /// Whether the worker is without a server, and not pausing before it looks for one.
  func isLooking(at now: Double) -> Bool {
    if case .joining(let since, _, _) = phase { since <= now } else { false }
  }

  // MARK: Events

  /// The worker has connected, or connected anew, to a server that may name these ports for bulk
  /// data.
  mutating func connect(dataPorts: ClosedRange<Int>) {
    configuration.dataPorts = dataPorts
    // What was said to the server before is lost with the connection.
    if case .joining(let since, let deadline, _) = phase {
      phase = .joining(since: since, deadline: deadline, lastHello: -.infinity)
    }
  }

  /// A control message arrived.
  mutating func receive(_ message: ControlMessage, now: Double) -> [WorkerAction] {
    switch (phase, message) {
    case (.ended, _): return []
    case (_, .refused(let refused)): return end(.failed("The server refused: \(refused.reason)"))
    case (.joining, .welcome(let welcome)):
      guard welcome.chunkScalars > 0, welcome.chunkScalars <= 1 << 22,
        configuration.dataPorts.contains(welcome.dataPort), welcome.experiment.problem() == nil,
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
      return end(close.isFailure ? .runFailed(close.reason) : .closed(close.reason))
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

  /// The compute thread has finished a job.
  mutating func computed(_ job: Job, now: Double) -> [WorkerAction] {
    let run = computing?.run
    computing = nil
    guard case .joined(var member) = phase else { return [.forgetResult(job)] }
    var actions: [WorkerAction] = []
    // What was begun for another run may have had other values.
    if member.lease.jobs.contains(job), run == member.welcome.run {
      member.finished.insert(job)
      member.deliveries[job] = Delivery(movedAt: now)
      actions.append(.sendResult(job, chunks: nil))
    } else {
      actions.append(.forgetResult(job))
    }
    actions += Self.start(&member, &computing)
    phase = .joined(member)
    return actions
  }

  /// A job cannot be computed here.
  mutating func computationFailed(_ job: Job, reason: String) -> [WorkerAction] {
    computing = nil
    guard case .joined(let member) = phase else { return [] }
    let sentence = "\(job): \(reason)"
    var failure = ControlMessage.Failure(
      run: member.welcome.run, session: member.welcome.session, reason: sentence)
    switch job {
    case .training(let step, let replica): (failure.step, failure.replica) = (step, replica)
    case .evaluation(let lease): failure.evaluation = lease
    }
    return [.send(.failed(failure))] + end(.failed(sentence))
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
      guard now >= since, now - lastHello >= 1, !isPreparing else { return [] }
      phase = .joining(since: since, deadline: deadline, lastHello: now)
      return [.send(.hello(configuration.hello))]
    case .joined(var member):
      guard now - member.lastHeard <= 3 * member.welcome.silenceSeconds else {
        return rejoin(
          "Nothing heard from \(configuration.server) for \(tenths(now - member.lastHeard)) s",
          now: now)
      }
      if let ending = whenDataIsSilent(member, now: now) { return ending }
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
      actions += Self.inquire(&member, after: deadlines.resendSeconds, now: now)
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
      guard member.deliveries.removeValue(forKey: job) != nil else { continue }
      actions.append(.forgetResult(job))
    }
    member.lease = lease
    if !jobs.isEmpty { member.hasHadWork = true }
    // Later versions may be on their way already; earlier ones are needed for evaluations only.
    for version in member.receipts.keys.sorted()
    where version < lease.step - 1 && !lease.versions.contains(version) {
      member.receipts[version] = nil
      member.awaited[version] = nil
      actions.append(.forgetValues(step: version))
    }
    phase = .joined(member)
    return actions + advance(now: now)
  }

  /// Starts the next job, and asks for values that are missing.
  private mutating func advance(now: Double) -> [WorkerAction] {
    guard case .joined(var member) = phase, member.isPrepared else { return [] }
    var actions: [WorkerAction] = []
    let heardAt = member.dataHeardAt ?? -.infinity
    let (resend, silence) = (
      configuration.deadlines.resendSeconds, member.welcome.silenceSeconds
    )
    // Until the server has heard it there are no leases; later it shows that both ways are open.
    if now - heardAt > silence, now - member.knockedAt > resend,
      !member.deliveries.values.contains(where: \.isLeaving)
    {
      member.knockedAt = now
      actions.append(.knock)
    }
    for version in member.lease.versions.sorted() {
      let receipts = member.receipts[version]
      if receipts?.isComplete == true { continue }
      guard let awaited = member.awaited[version] else {
        member.awaited[version] = Awaited(movedAt: now, patience: resend)
        // The values that the lease's replicas need are sent without being asked for.
        let isSent = version == member.lease.step - 1 && !member.lease.replicas.isEmpty
        if !isSent { actions.append(.fetch(step: version, chunks: [])) }
        continue
      }
      if now - awaited.movedAt > awaited.patience {
        // What was asked for may wait in a queue on a slow link; asking often makes that longer.
        member.awaited[version] = Awaited(movedAt: now, patience: min(60, 2 * awaited.patience))
        actions.append(.fetch(step: version, chunks: receipts?.missing ?? []))
      }
    }
    actions += Self.start(&member, &computing)
    phase = .joined(member)
    return actions
  }

  /// Gives the compute thread the first job of the lease whose values are here.
  static func start(
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

  /// Leaves the session and looks for the server, after a pause in seconds if there is reason for
  /// one.
  mutating func rejoin(_ reason: String, after pause: Double = 0, now: Double) -> [WorkerAction] {
    guard case .joined(let member) = phase else { return [] }
    let start = now + pause
    phase = .joining(
      since: start, deadline: start + configuration.deadlines.rejoinSeconds, lastHello: -.infinity)
    let when = pause > 0 ? " in \(Int(pause)) s" : ""
    return member.receipts.keys.sorted().map { .forgetValues(step: $0) }
      + member.lease.jobs.filter { member.deliveries[$0] != nil }
      .map { .forgetResult($0) }
      + [.log("\(reason); joining again\(when).")]
  }

  mutating func end(_ ending: WorkerEnding) -> [WorkerAction] {
    phase = .ended
    return [.end(ending)]
  }

  func departure(of member: Membership, because reason: String)
    -> ControlMessage.Departure
  {
    .init(run: member.welcome.run, session: member.welcome.session, reason: reason)
  }
}
