// How long each side waits before it acts. docs/PROTOCOL.md has the table of what follows.

/// How long each side waits before it acts, in seconds.
public struct Deadlines: Hashable, Sendable {
  /// Between two heartbeats of a worker: so often that one or two may be lost before it counts as
  /// silent.
  public var heartbeatSeconds: Double { min(0.5, silenceSeconds / 6) }
  /// Without a word from a worker, until its leases go to others.
  ///
  /// A worker gives its server three times as long, because a server that is writing a checkpoint
  /// cannot answer.
  public var silenceSeconds = 3.0
  /// Without an acknowledgement, or with a chunk missing, until it is sent or fetched again.
  public var resendSeconds = 2.0
  /// From the lease of a replica until it is leased to a second worker as well, at the least.
  public var raceSeconds = 30.0
  /// Without any worker, until the run ends with an error.
  public var waitSeconds = 600.0
  /// With fewer workers than expected, until the first step begins all the same.
  public var gatherSeconds = 10.0
  /// Trying to join for the first time, and hearing nothing from the data port of a server that it
  /// has joined, until a worker ends with an error.
  public var joinSeconds = 60.0
  /// Saying hello over a connection without an answer, until a worker makes another.
  public var connectionSeconds = 5.0
  /// Trying to join again after the server of a run was lost, until a worker ends with an error.
  ///
  /// As long as a server waits for workers: whoever repairs either side has the same time.
  public var rejoinSeconds = 600.0
  /// For the step in progress, once a stop was asked for.
  public var stopSeconds = 10.0

  /// The standard deadlines.
  public init() {}
}
