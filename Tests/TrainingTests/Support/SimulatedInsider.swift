// A worker that was let in and is no honest one: what it forges, replays and lies about.

import Learning
import Tensors

@testable import Training

/// Somebody with an allowed key, who knows the protocol.
///
/// The one thing that it does not do, unless it is told to, is to lie about finite numbers in work
/// that was leased to it.
struct Insider {
  /// What it does with the work that it is given.
  enum Conduct: Sendable {
    /// Computes it.
    case computes
    /// Says that it cannot.
    case fails
    /// Sends numbers that are not finite.
    case sendsNaN
    /// Sends finite numbers that are wrong.
    case lies
    /// Takes it, shows that it lives, and sends nothing.
    case sleeps
  }

  /// A message that an honest worker would not send.
  enum Forgery {
    case control(ControlMessage)
    case data(DataHeader, payload: [UInt8])
  }

  let conduct: Conduct
  /// The sessions that it has had, the present one last.
  var sessions: [SessionID] = []

  /// A message to the server.
  ///
  /// - Parameter others: the numbers of other sessions that it knows, and of its own that are over.
  func forge(
    _ toy: ToyRun, run: UInt64, others: [SessionID], _ random: inout CounterRandom
  ) -> Forgery {
    let isOwn = random.integer(below: 3) == 0
    let number =
      others.isEmpty ? random.next() : others[Int(random.integer(below: UInt32(others.count)))]
    let session = isOwn ? sessions.last ?? number : number
    let anyRun = random.integer(below: 6) == 0 ? run &- UInt64(random.integer(below: 3)) : run
    return random.integer(below: 3) == 0
      ? .control(control(toy, anyRun, session, isOwn: isOwn, &random))
      : data(toy, anyRun, session, isOwn: isOwn, &random)
  }

  private func control(
    _ toy: ToyRun, _ run: UInt64, _ session: SessionID, isOwn: Bool, _ random: inout CounterRandom
  ) -> ControlMessage {
    let step = Int(random.integer(below: UInt32(toy.experiment.steps + 2)))
    let replica = Int(random.integer(below: UInt32(toy.experiment.replicas + 1)))
    switch random.integer(below: 7) {
    case 0 where !isOwn: return .goodbye(.init(run: run, session: session, reason: "forged"))
    case 1 where !isOwn:
      return .failed(
        .init(run: run, session: session, step: step, replica: replica, reason: "forged"))
    case 2: return .failed(.init(run: run, session: session, reason: "\u{1B}[2J"))
    case 3: return .close(.init(run: run, isFailure: true, reason: "forged"))
    case 4: return .rejoin(.init())
    case 5:
      let lease = Lease(number: .max, step: step, replicas: [replica], evaluations: [])
      return .lease(.init(run: run, session: session, lease: lease))
    default:
      let busy = random.integer(below: 2) == 0
      return .heartbeat(
        .init(run: run, session: session, lease: isOwn ? 0 : .max, isBusy: busy))
    }
  }

  private func data(
    _ toy: ToyRun, _ run: UInt64, _ session: SessionID, isOwn: Bool, _ random: inout CounterRandom
  ) -> Forgery {
    let kinds = DataHeader.Kind.allCases
    var header = DataHeader(
      kind: kinds[Int(random.integer(below: UInt32(kinds.count)))],
      purpose: Split.allCases[Int(random.integer(below: 3))], run: run, session: session,
      step: Int(random.integer(below: UInt32(toy.experiment.steps + 2))),
      index: Int(random.integer(below: UInt32(toy.experiment.replicas + 2))),
      chunk: Int(random.integer(below: UInt32(toy.chunking.chunkCount + 2))),
      number: Int(random.next32()), shard: random.integer(below: 9) == 0 ? 1 : 0)
    if random.integer(below: 20) == 0 { header.chunk = DataHeader.allChunks }
    let payload = payload(of: header, toy, isOwn: isOwn, &random)
    header.count = payload.count / header.kind.scalarSize
    return .data(header, payload: payload)
  }

  /// Under its own session's number it tells the truth or what has no possible length: the work may
  /// be leased to it by the time that the message arrives.
  private func payload(
    of header: DataHeader, _ toy: ToyRun, isOwn: Bool, _ random: inout CounterRandom
  ) -> [UInt8] {
    let fits = random.integer(below: 3) > 0
    let known = (1...toy.experiment.steps).contains(header.step)
    let isReplica = header.purpose == .training && header.index < toy.experiment.replicas
    guard isOwn, header.kind == .contribution || header.kind == .measurements else {
      let count = fits ? 2 : Int(random.integer(below: 9))
      return (0..<count * header.kind.scalarSize).map { _ in UInt8(random.integer(below: 256)) }
    }
    guard fits, known, isReplica, header.chunk < toy.chunking.chunkCount else {
      // One scalar more than any chunk has, one metric more than the task.
      return Array(repeating: 0, count: header.kind == .contribution ? 12 : 48)
    }
    let job = Job.training(step: header.step, replica: header.index)
    let result = toy.result(of: job, on: toy.versions[header.step - 1].flat)
    guard header.kind == .contribution, let contribution = result.contribution else {
      return result.measurements.encoded()
    }
    return Array(SharedScalars(contribution.flat).bytes(of: toy.chunking.range(of: header.chunk)))
  }

  /// What it makes of a result that it has computed; `nil` if it sends nothing.
  func tamper(with result: JobResult, of toy: ToyRun) -> JobResult? {
    switch conduct {
    case .computes, .fails: return result
    case .sleeps: return nil
    case .sendsNaN, .lies:
      guard let contribution = result.contribution else { return result }
      var changed = result
      let wrong: Float = conduct == .lies ? 0.25 : .nan
      changed.contribution = Contribution(
        layout: contribution.layout,
        flat: Tensor(contribution.flat.scalars.map { $0 + wrong }, shape: [5]))
      return changed
    }
  }
}
