// What a worker tells of itself for a trace: spans, in the server's time.

/// What a worker notes for a trace, from the welcome of a server that wants one.
final class WorkerTrace {
  /// What the worker's threads did and has not been sent.
  let spans = SpanBuffer()
  /// What the thread that talks to the server does; `nil` if nobody wants to know.
  private(set) var thread: Stopwatch?
  private var clock = ClockOffset()
  private let startedAt: ContinuousClock.Instant

  /// Nothing is noted yet.
  ///
  /// - Parameter startedAt: the beginning of the worker's times.
  init(startedAt: ContinuousClock.Instant) {
    self.startedAt = startedAt
    spans.isOpen = false
  }

  /// A server has let the worker in.
  func begin(_ welcome: ControlMessage.Welcome) {
    spans.isOpen = welcome.takesSpans == true
    clock = ClockOffset()
    thread =
      spans.isOpen
      ? Stopwatch(beginning: .receiving, startedAt: startedAt, spans: (spans, .messages)) : nil
  }

  /// The server has answered a heartbeat.
  func note(_ beat: ControlMessage.Beat, now: Double) {
    guard let sent = beat.sentAt, let heard = beat.heardAt else { return }
    clock.note(sentAt: sent, server: heard, receivedAt: now)
  }

  /// The next spans to send as they travel, and how many were lost before them; `nil` if there is
  /// nothing to be said.
  func take(isLast: Bool) -> (payload: [UInt8], lost: Int)? {
    guard let offset = clock.seconds, isLast || !spans.isEmpty else { return nil }
    let taken = spans.take(atMost: [Span].limit)
    return (taken.encoded(movedBy: offset), spans.takeDropped())
  }
}
