// Tells how long a thread did what: one reading of the clock whenever it turns to something else.

/// How long a thread has done each of its activities, of which it always does exactly one.
///
/// It belongs to the thread that it is about. Turning to another activity reads the clock once and
/// allocates nothing.
final class Stopwatch {
  /// What an activity is about: a step, and in a worker a replica or a part of an evaluation.
  struct Subject: Hashable, Sendable {
    var step = 0
    var index = 0
  }

  /// The step that the thread is at, for activities that name none.
  var step = 0
  private var activity: Activity
  private var subject = Subject()
  /// When the activity began, in seconds since `startedAt`.
  private var since: Double
  private var totals = [Double](repeating: 0, count: Activity.allCases.count)
  private let startedAt: ContinuousClock.Instant
  private let spans: (buffer: SpanBuffer, track: Track)?

  /// A thread that begins with an activity.
  ///
  /// - Parameters:
  ///   - startedAt: the beginning of the times that the process speaks of.
  ///   - spans: where each activity is noted, if somebody wants a trace, and on which line of it.
  init(
    beginning activity: Activity, startedAt: ContinuousClock.Instant = .now,
    spans: (buffer: SpanBuffer, track: Track)? = nil
  ) {
    self.activity = activity
    self.startedAt = startedAt
    self.spans = spans
    since = startedAt.duration(to: .now).seconds
  }

  /// The seconds spent with an activity so far.
  subscript(activity: Activity) -> Double {
    let running = activity == self.activity ? startedAt.duration(to: .now).seconds - since : 0
    return totals[Int(activity.rawValue)] + running
  }

  /// The thread turns to something, or goes on with it.
  func turn(to next: Activity, _ nextSubject: Subject? = nil) {
    let nextSubject = nextSubject ?? Subject(step: step)
    guard next != activity || nextSubject != subject else { return }
    note(activity, until: startedAt.duration(to: .now).seconds)
    (activity, subject) = (next, nextSubject)
  }

  /// Counts what `body` does as an activity; the thread then goes on with what it did before.
  func during<Result>(_ next: Activity, _ body: () throws -> Result) rethrows -> Result {
    let (before, subjectBefore) = (activity, subject)
    turn(to: next)
    defer { turn(to: before, subjectBefore) }
    return try body()
  }

  /// The first seconds of the present activity were spent with another.
  func began(with other: Activity, for seconds: Double) {
    guard seconds > 0 else { return }
    note(other, until: min(since + seconds, startedAt.duration(to: .now).seconds))
  }

  private func note(_ activity: Activity, until end: Double) {
    totals[Int(activity.rawValue)] += end - since
    if let spans, activity != .idle, activity != .gathering {
      spans.buffer.append(
        Span(
          spans.track, activity, of: subject, start: Int64(since * 1e6), end: Int64(end * 1e6)))
    }
    since = end
  }
}
