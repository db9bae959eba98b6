// What a worker's loop tells of itself: lines for people, times with heartbeats, spans for a trace.

import Learning
import Messaging

extension WorkerLoop {
  /// Says that something is not as it should be.
  func warn(_ line: String) { say(LogEntry(.warning, line, fields)) }

  /// Which worker of which experiment speaks.
  var fields: [String: JSONValue] {
    guard let welcome else { return [:] }
    return [
      "worker": .integer(welcome.worker),
      "experiment": .string(welcome.experiment.fingerprint().description),
    ]
  }

  func noteActivity() {
    let (activity, subject) = machine.activity
    times.turn(to: activity, subject)
    trace.thread?.step = subject.step
  }

  /// Sends what was noted for a trace, if the socket has room; what it has none for is left out.
  func sendSpans(isLast: Bool = false) throws {
    guard let welcome, trace.thread != nil else { return }
    while let (payload, lost) = trace.take(isLast: isLast) {
      var header = DataHeader(kind: .spans, run: welcome.run, session: welcome.session, step: 0)
      (header.count, header.number) = (payload.count / 4, lost)
      header.index = isLast && trace.spans.isEmpty ? 1 : 0
      let outcome = try payload.withUnsafeBytes { bytes in
        try data?.send(header.encoded(payload: bytes), payload: .copied(bytes))
      }
      if outcome != .sent { trace.spans.drop(payload.count / [Span].byteCount + lost) }
      if header.index == 1 { return }
    }
  }

  /// The message, with what the machine does not know.
  func completed(_ message: ControlMessage) -> ControlMessage {
    guard case .heartbeat(var beat) = message else { return message }
    beat.times = ActivityReport(times)
    if trace.thread != nil { beat.sentAt = now }
    return .heartbeat(beat)
  }
}
