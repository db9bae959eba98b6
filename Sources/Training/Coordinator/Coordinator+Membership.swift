// Who joins and who leaves: hello, welcome, refusal, loss.

import Learning

extension Coordinator {
  func isKnown(_ run: UInt64, _ session: SessionID) -> Bool {
    run == configuration.run && sessions[session] != nil
  }

  /// Whether a session is another key's than the one that names it, which is counted: a number
  /// alone lets nobody speak for the worker that was welcomed with it.
  mutating func isForeign(_ session: SessionID?, key: String?) -> Bool {
    guard let session, let owner = sessions[session], owner.key != key else { return false }
    foreign.count("the number of a session that belongs to another key")
    return true
  }

  /// A session's data socket has shown that it lives: it may be given work again, unless that has
  /// been in vain too often of late.
  mutating func showedLife(_ session: SessionID, now: Double) {
    guard let restsUntil = sessions[session]?.restsUntil, now >= restsUntil else { return }
    sessions[session]?.isStuck = false
  }

  /// Something that a session was to compute has come from it.
  mutating func answeredInTime(_ session: SessionID) {
    sessions[session]?.isStuck = false
    sessions[session]?.strikes = 0
  }

  /// A session's work had to be given to another after some time: it gets none until it shows that
  /// it lives, and, if that happens again and again, not for twice as long each time.
  mutating func becameStuck(_ session: SessionID, after patience: Double, now: Double) {
    guard let strikes = sessions[session]?.strikes, sessions[session]?.isStuck == false else {
      return
    }
    sessions[session]?.isStuck = true
    sessions[session]?.strikes = strikes + 1
    sessions[session]?.restsUntil = now + patience * Double((1 << min(strikes, 20)) - 1)
  }

  mutating func admit(
    _ hello: ControlMessage.Hello, from peer: Peer, key: String?, now: Double
  ) -> [CoordinatorAction<Peer>] {
    if let reason = objection(to: hello) {
      return [.send(.refused(.init(reason: reason)), to: peer)]
        + noteRefusal(of: hello, because: reason, now: now)
    }
    // A worker that did not get its welcome yet asks again from the same address.
    if let known = sessions.first(where: { $0.value.control == peer })?.key {
      return [.send(welcome(known), to: peer)]
    }
    let id = newSessionID()
    let name = "worker \(sessionCount) (host \(hello.host.printable), process \(hello.process))"
    sessions[id] = Session(
      number: sessionCount, name: name, key: key, control: peer, lastHeard: now)
    tallies.joined(
      id, number: sessionCount, host: hello.host.printable, process: hello.process)
    return [.send(welcome(id), to: peer), .tell(.joined(worker: name, step: step))]
  }

  /// Makes this process its own only worker.
  mutating func joinLocally(as peer: Peer, now: Double) -> [CoordinatorAction<Peer>] {
    let id = newSessionID()
    var session = Session(
      number: sessionCount, name: "this process", control: peer, lastHeard: now)
    (session.data, session.isLocal) = (peer, true)
    sessions[id] = session
    return beginStep(now: now)
  }

  private mutating func newSessionID() -> SessionID {
    sessionCount += 1
    return configuration.sessionID(sessionCount)
  }

  /// A line about a refusal, at most one a second: whoever is refused may come again at once.
  private mutating func noteRefusal(
    of hello: ControlMessage.Hello, because reason: String, now: Double
  ) -> [CoordinatorAction<Peer>] {
    guard now - refusalNotedAt >= 1 else {
      unnotedRefusals += 1
      return []
    }
    let others = unnotedRefusals == 0 ? "" : " (\(unnotedRefusals) more since the last such line)"
    (refusalNotedAt, unnotedRefusals) = (now, 0)
    return [
      .tell(
        .note(
          """
          Refused a worker of host \(hello.host.printable) (process \(hello.process))\(others): \
          \(reason)
          """))
    ]
  }

  func objection(to hello: ControlMessage.Hello) -> String? {
    guard hello.version == protocolVersion else {
      return """
        This worker speaks version \(hello.version) of the protocol, the server version \
        \(protocolVersion). Run the same release of Relate on both sides.
        """
    }
    let key = configuration.experiment.numericsKey
    guard let numerics = hello.numerics[key] else {
      return """
        This worker cannot compute with \(key), which the experiment asks for; it has \
        \(hello.numerics.keys.sorted().joined(separator: ", ").printable). \
        \(Numerics.requirement(of: configuration.experiment)), or begin the run with --engine and \
        --precision that every worker has.
        """
    }
    guard numerics == configuration.numerics else {
      return """
        This worker computes with other bits than the run: it has \(hello.engine.printable), the \
        run has \(configuration.engine). \
        \(Numerics.remedy(for: configuration.experiment.engine)), or use a processor of the same \
        kind.
        """
    }
    return nil
  }

  func welcome(_ session: SessionID) -> ControlMessage {
    .welcome(
      .init(
        run: configuration.run, session: session, worker: sessions[session]?.number ?? 0,
        dataPort: configuration.dataPort, experiment: configuration.experiment,
        layout: configuration.facts.fingerprint, samples: configuration.samples,
        chunkScalars: configuration.chunkScalars,
        heartbeatSeconds: configuration.deadlines.heartbeatSeconds,
        silenceSeconds: configuration.deadlines.silenceSeconds,
        takesSpans: configuration.takesSpans ? true : nil))
  }

  mutating func remove(_ id: SessionID, because reason: String, now: Double)
    -> [CoordinatorAction<Peer>]
  {
    guard let session = sessions.removeValue(forKey: id) else { return [] }
    let freed = replicas.release(id)
    tallies.left(id, losing: freed.count)
    for index in evaluations.indices { evaluations[index].release(id) }
    if sessions.isEmpty { (aloneSince, hasBeenAlone) = (now, true) }
    let consequence =
      switch (freed.isEmpty, sessions.isEmpty) {
      case (_, true): " No worker is left; waiting for one."
      case (false, false): " Its replicas \(freed) go to others."
      case (true, false): ""
      }
    let news = CoordinatorAction<Peer>.tell(
      .left(worker: session.name, consequence: "\(reason).\(consequence)"))
    // A signal to all processes of a job: nobody will finish the step.
    if isStopRequested && sessions.isEmpty { return [news] + end(.stopped) }
    return [news] + leaseOutstanding(now: now)
  }
}
