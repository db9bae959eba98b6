// What the processes of a run spent their time with: the table at its end.

/// What a server and its workers did, in shares of their time.
///
/// It belongs to the processes that computed and says nothing of the result: no bit of the run
/// depends on it. A run that was resumed has that of its last server process.
public struct RunActivity: Codable, Hashable, Sendable {
  /// What a server's thread did since the first step was begun.
  public struct Server: Codable, Hashable, Sendable {
    /// The time that the shares are of.
    public var seconds: Double
    /// Taking messages in and deciding what follows from them.
    public var receiving: Double
    /// Summing contributions, applying Adam and hashing.
    public var updating: Double
    /// Handing values to the sockets.
    public var broadcasting: Double
    /// Writing lines and checkpoints.
    public var recording: Double
    /// Waiting for messages.
    public var idle: Double
  }

  /// What a worker process did since it was ready, as it said itself twice a second.
  public struct Worker: Codable, Hashable, Sendable {
    /// The number that it joined with, the last one if it joined again.
    public var number: Int
    /// The host that it ran on.
    public var host: String
    /// Its process identifier there.
    public var process: Int
    /// The replicas of training steps that the server took from it.
    public var replicas: Int
    /// The replicas that it was given and that were given to others as well, because it was
    /// silent, slow or left.
    public var lost: Int
    /// The time that the shares are of.
    public var seconds: Double
    /// Computing.
    public var computing: Double
    /// Nothing to compute, while results were on their way to the server.
    public var sending: Double
    /// Nothing to compute and nothing on its way: the others, the update or the values take longer.
    public var waiting: Double
    /// Computing stood still for want of a mini-batch.
    public var dataWait: Double

    enum CodingKeys: String, CodingKey {
      case number, host, process, replicas, lost, seconds, computing, sending, waiting
      case dataWait = "data_wait"
    }
  }

  /// The server.
  public var server: Server
  /// The workers, by their numbers.
  public var workers: [Worker]
}

extension RunActivity.Server {
  /// What a stopwatch says of a server.
  init(_ times: Stopwatch) {
    let updating = times[.summing] + times[.updating]
    let recording = times[.recording] + times[.checkpointing]
    let parts = [times[.receiving], updating, times[.broadcasting], recording, times[.idle]]
    let total = parts.reduce(0, +)
    func share(_ part: Double) -> Double { total > 0 ? part / total : 0 }
    self.init(
      seconds: total, receiving: share(parts[0]), updating: share(parts[1]),
      broadcasting: share(parts[2]), recording: share(parts[3]), idle: share(parts[4]))
  }
}

/// The seconds that a worker has spent with what, as its heartbeats say.
struct ActivityReport: Codable, Hashable, Sendable {
  var computing = 0.0
  var sending = 0.0
  var waiting = 0.0
  var data = 0.0

  /// Nothing yet.
  init() {}

  /// What a stopwatch says of a worker.
  init(_ times: Stopwatch) {
    computing = times[.computing]
    sending = times[.delivering]
    waiting = times[.waitingForValues]
    data = times[.waitingForData]
  }

  var total: Double { computing + sending + waiting + data }

  /// Whether the numbers can be times; a report may come from anybody.
  var isPlausible: Bool {
    [computing, sending, waiting, data].allSatisfy { (0...1e10).contains($0) }
  }
}
