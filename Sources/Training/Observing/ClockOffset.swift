// How far apart the clocks of a server and a worker are: for traces, which show both on one line.

/// How much a server's clock is ahead of a worker's, from heartbeats and their answers.
///
/// The server read its clock somewhere between the sending of a heartbeat and the arrival of its
/// answer, so the middle is wrong by half of that time at the most. The shortest round trip counts,
/// until it has aged: clocks drift.
struct ClockOffset: Sendable {
  private var best: (seconds: Double, roundTrip: Double, at: Double)?
  /// How fast clocks may drift apart: a second in three hours.
  private static let drift = 1e-4

  /// What is to be added to the worker's time; `nil` before the first answer.
  var seconds: Double? { best?.seconds }

  /// An answer came, with all times in seconds: when the heartbeat left and the answer came by the
  /// worker's clock, and what the server's said in between.
  mutating func note(sentAt sent: Double, server: Double, receivedAt received: Double) {
    let roundTrip = received - sent
    guard roundTrip >= 0, abs(server) < 1e10 else { return }
    if let best, roundTrip > best.roundTrip + (received - best.at) * Self.drift { return }
    best = (server - (sent + received) / 2, roundTrip, received)
  }
}
