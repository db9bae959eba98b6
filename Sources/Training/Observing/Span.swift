// What a thread did from when to when: the pieces of a trace, and how they travel.

/// A line of a trace within a process.
enum Track: UInt8, CaseIterable, Sendable {
  /// The thread that talks to the others, of a server or a worker.
  case messages = 0
  /// What a worker's computing does or waits for.
  case computing = 1
}

/// An activity of a thread, with its time.
struct Span: Hashable, Sendable {
  var track: Track
  var activity: Activity
  var subject: Stopwatch.Subject
  /// In microseconds since the process began to speak of times.
  var start: Int64
  /// In the same microseconds; at least `start`.
  var end: Int64

  /// A span between two times.
  init(
    _ track: Track, _ activity: Activity, of subject: Stopwatch.Subject, start: Int64, end: Int64
  ) {
    self.track = track
    self.activity = activity
    self.subject = subject
    (self.start, self.end) = (start, end)
  }
}

/// The spans of a process that have not been handed on: few, however long nobody takes them.
final class SpanBuffer {
  private var spans: [Span] = []
  /// The last span of each track, while it has not been taken.
  private var last = [Int?](repeating: nil, count: Track.allCases.count)
  /// How many did not fit in since that was last asked.
  private var droppedCount = 0

  /// The spans that are kept at the most.
  static let limit = 8192
  /// Whether spans are kept at all.
  var isOpen = true
  /// Pieces of one activity that are no further apart count as one: a message is taken in a few
  /// microseconds, and a line for each would make a trace long and not clearer.
  static let joinedMicroseconds: Int64 = 100

  /// Whether there is nothing to take.
  var isEmpty: Bool { spans.isEmpty }

  /// How many wait to be taken.
  var count: Int { spans.count }

  /// Keeps a span, or makes the last one longer.
  func append(_ span: Span) {
    guard isOpen, span.end > span.start else { return }
    let track = Int(span.track.rawValue)
    if let index = last[track], spans[index].activity == span.activity,
      spans[index].subject == span.subject,
      span.start - spans[index].end <= Self.joinedMicroseconds
    {
      spans[index].end = span.end
      return
    }
    guard spans.count < Self.limit else {
      droppedCount += 1
      return
    }
    last[track] = spans.count
    spans.append(span)
  }

  /// Spans that were taken could not be handed on.
  func drop(_ count: Int) { droppedCount += count }

  /// How many spans were lost since the last call.
  func takeDropped() -> Int {
    defer { droppedCount = 0 }
    return droppedCount
  }

  /// The spans so far, at most so many, the oldest first, which are no longer kept here.
  func take(atMost count: Int = limit) -> [Span] {
    defer {
      spans.removeFirst(min(count, spans.count))
      for track in last.indices { last[track] = nil }
    }
    return Array(spans.prefix(count))
  }
}
