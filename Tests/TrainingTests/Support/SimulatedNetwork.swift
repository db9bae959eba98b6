// The connections of a simulation: what each carries, how fast, and what holds it up.

/// One direction of one connection.
struct Line: Hashable {
  /// The address by which the server knows the connection.
  var peer: Int
  var direction: Direction
}

/// Connections that carry one message after another and hold only so many.
struct SimulatedNetwork {
  /// How long a message keeps a line busy.
  var secondsPerMessage = 0.0
  /// When the messages that wait in each line will have left.
  private var departures: [Line: [Double]] = [:]
  /// When nothing gets through a line.
  private var blocks: [Line: Range<Double>] = [:]
  /// When everything is slower, and how much.
  private var slowness: (factor: Double, from: Double, until: Double) = (1, 0, 0)

  /// Entrusts a message to a line; when it will have left, or `nil` if the line takes no more.
  mutating func entrust(to line: Line, limit: Int, now: Double) -> Double? {
    let waiting = departures[line, default: []].filter { $0 > now }
    guard waiting.count < limit else { return nil }
    let begins = max(now, waiting.last ?? now)
    let isSlow = (slowness.from..<slowness.until).contains(begins)
    let usual = begins + secondsPerMessage * (isSlow ? slowness.factor : 1)
    let left = max(usual, blocks[line].flatMap { $0.contains(usual) ? $0.upperBound : nil } ?? 0)
    departures[line] = waiting + [left]
    return left
  }

  /// When a line that is full takes another message.
  func roomAt(_ line: Line, now: Double) -> Double {
    max(now, departures[line]?.first { $0 > now } ?? now)
  }

  /// When what is entrusted to an idle line leaves.
  func openAt(_ line: Line, now: Double) -> Double {
    blocks[line].flatMap { $0.contains(now) ? $0.upperBound : nil } ?? now
  }

  /// Lets nothing through a line for a time; what waits in it arrives afterwards.
  mutating func block(_ line: Line, from start: Double, until end: Double) {
    blocks[line] = start..<max(end, start)
    departures[line] = departures[line]?.map { $0 > start ? max($0, end) : $0 }
  }

  /// Whether nothing gets through a line.
  func isBlocked(_ line: Line, at time: Double) -> Bool { blocks[line]?.contains(time) ?? false }

  /// Makes all lines slower for a time.
  mutating func slow(by factor: Double, from start: Double, until end: Double) {
    slowness = (factor, start, end)
  }
}

/// The clock of a process: it does not begin with the simulation, nor run as fast.
struct SimulatedClock {
  var offset = 0.0
  var rate = 1.0

  func time(at now: Double) -> Double { offset + rate * now }
}
