// What the processes of a run spend their time with, in one list for all of them.

/// What a thread of a run does, exactly one thing at a time.
enum Activity: UInt8, CaseIterable, Sendable {
  /// A server or a worker is not in the run yet: it waits for others, or builds its task.
  case gathering = 0
  /// Nothing is to be done: a server's thread waits for messages.
  case idle = 1
  /// Messages are taken in, and what follows from them is decided.
  case receiving = 2
  /// The contributions of a step are summed.
  case summing = 3
  /// Adam is applied, and the new version hashed.
  case updating = 4
  /// The values of a version are handed to the sockets.
  case broadcasting = 5
  /// Lines are written about steps and evaluations.
  case recording = 6
  /// A checkpoint is written.
  case checkpointing = 7
  /// A worker computes a replica or a part of an evaluation.
  case computing = 8
  /// A worker's computing stands still until its mini-batch is drawn.
  case waitingForData = 9
  /// A worker has nothing to compute, and results of it are not in at the server.
  case delivering = 10
  /// A worker has nothing to compute and nothing on its way: it waits for values.
  case waitingForValues = 11
  /// A worker hands a result to its socket, whatever is computed meanwhile.
  case sending = 12

  /// Those of a server's loop.
  static let ofServers: [Activity] = [
    .gathering, .idle, .receiving, .summing, .updating, .broadcasting, .recording, .checkpointing,
  ]

  /// The activity in words, as traces show it.
  var name: String {
    switch self {
    case .gathering: "gather"
    case .idle: "idle"
    case .receiving: "receive"
    case .summing: "sum"
    case .updating: "update"
    case .broadcasting: "broadcast"
    case .recording: "record"
    case .checkpointing: "checkpoint"
    case .computing: "compute"
    case .waitingForData: "wait for data"
    case .delivering: "wait for receipt"
    case .waitingForValues: "wait for values"
    case .sending: "send"
    }
  }
}
