// What each worker process has done for a run, for people: nothing is decided by it.

/// What the worker processes of a run have done, whatever sessions they had.
struct WorkerTallies: Sendable {
  /// One process.
  struct Tally: Hashable, Sendable {
    let host: String
    let process: Int
    /// The number of its last session.
    var number: Int
    var replicas = 0
    var lost = 0
    var times = ActivityReport()
  }

  private(set) var tallies: [Tally] = []
  private var sessions: [SessionID: Int] = [:]
  /// How many processes are told apart: a run of weeks must not grow with those that came and went.
  private static let limit = 1024

  /// A worker has joined, perhaps not for the first time.
  mutating func joined(_ id: SessionID, number: Int, host: String, process: Int) {
    if let known = tallies.firstIndex(where: { $0.host == host && $0.process == process }) {
      sessions[id] = known
    } else if tallies.count < Self.limit {
      sessions[id] = tallies.count
      tallies.append(Tally(host: host, process: process, number: number))
    } else {
      sessions[id] = tallies.count - 1
    }
    sessions[id].map { tallies[$0].number = number }
  }

  /// A session is over, and so many of its replicas were given to others.
  mutating func left(_ id: SessionID, losing count: Int) {
    lost(count, by: id)
    sessions[id] = nil
  }

  /// A replica of a session is in.
  mutating func computed(by id: SessionID) { sessions[id].map { tallies[$0].replicas += 1 } }

  /// Replicas of a session were given to others as well.
  mutating func lost(_ count: Int, by id: SessionID) {
    sessions[id].map { tallies[$0].lost += count }
  }

  /// A worker has said what it spent its time with.
  mutating func reported(_ times: ActivityReport?, by id: SessionID) {
    guard let times, times.isPlausible else { return }
    sessions[id].map { tallies[$0].times = times }
  }

  /// What they did, by their numbers.
  var activities: [RunActivity.Worker] {
    tallies.sorted { $0.number < $1.number }.map { tally in
      let times = tally.times
      func share(_ part: Double) -> Double { times.total > 0 ? part / times.total : 0 }
      return RunActivity.Worker(
        number: tally.number, host: tally.host, process: tally.process, replicas: tally.replicas,
        lost: tally.lost, seconds: times.total, computing: share(times.computing),
        sending: share(times.sending), waiting: share(times.waiting),
        dataWait: share(times.data))
    }
  }
}
