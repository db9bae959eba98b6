// What goes wrong in a simulation, chosen by hand or by a seed, and what each fault may cost.

import Tensors
import Testing

@testable import Training

/// What goes wrong in a simulation.
struct Misfortune: Sendable, CustomTestStringConvertible {
  var name: String
  var dropRate: Float = 0
  var duplicateRate: Float = 0
  /// The longest time that a message is on its way, in seconds; also how far messages overtake.
  var delay: Float = 0.002
  /// How many seconds each message on a data connection keeps it busy, either way.
  var secondsPerMessage = 0.0
  /// How many messages may wait in a data connection, either way, until it takes no more.
  var queueLimit = 1000
  /// How many faults happen in the first 25 seconds.
  var faultCount = 0
  /// How far each process's clock may run fast or slow, as a share of the time.
  var drift: Float = 0
  /// How long the server's disk takes to write a checkpoint, in seconds.
  var diskSeconds = 0.0
  /// How many workers forge, replay and lie.
  var insiderCount = 0
  /// What insiders do beside forging messages.
  var insider = Insider.Conduct.computes
  /// How many changed messages each insider sends at a time, in the names of others.
  var changedFrames = 0
  /// Whether each worker has a key of its own; insiders then know every session's number.
  var hasKeys = false
  /// The share of the replicas that is audited.
  var audit = 0.0
  /// What of the first data connection of the first worker never arrives, from two seconds on.
  var cut: Direction?

  var testDescription: String { name }

  init(name: String) { self.name = name }

  /// A mixture of everything, as a seed says.
  init(seed: UInt64) {
    self.init(name: "seed \(seed)")
    var random = CounterRandom(seed: seed, purpose: .trial, index: 2)
    func one<Value>(of values: [Value]) -> Value {
      values[Int(random.integer(below: UInt32(values.count)))]
    }
    dropRate = one(of: [0, 0, 0.02, 0.1])
    duplicateRate = one(of: [0, 0.1])
    delay = one(of: [0.002, 0.1, 0.8])
    secondsPerMessage = one(of: [0, 0, 0.01, 0.2])
    queueLimit = one(of: [1000, 4, 2])
    faultCount = one(of: [0, 1, 2, 6, 12])
    drift = one(of: [0, 0.02])
    diskSeconds = one(of: [0, 0, 1, 6])
    insiderCount = one(of: [0, 0, 1, 2])
    hasKeys = one(of: [true, false])
    audit = one(of: [0, 0, 0.3, 1])
  }

  /// The same network and disk, on which nothing goes wrong.
  var undisturbed: Misfortune {
    var calm = Misfortune(name: "nothing")
    (calm.delay, calm.secondsPerMessage) = (delay, secondsPerMessage)
    (calm.queueLimit, calm.diskSeconds) = (queueLimit, diskSeconds)
    return calm
  }
}

/// A direction of a connection.
enum Direction: Hashable, Sendable { case toServer, toWorker }

/// What happens to a cluster once.
enum Fault: Hashable, Sendable, CaseIterable {
  case kill, freeze, stall, leave, join
  case stop, killServer, freezeServer
  /// Nothing gets through a worker's data connection in one direction, for ever.
  case cutData
  /// Nothing gets through all of a worker's connections in one direction, for a while.
  case cutHost
  /// A worker's connections break and are made again, under other addresses.
  case reconnect
  /// All data connections carry a tenth for a while.
  case slowLinks
  /// A worker that is no honest one has joined.
  case insider
  case messageLost
}

/// The most time that faults may cost: so many waits for a worker whose work is given to another,
/// and so many seconds.
///
/// It follows from the deadlines alone, and from how long a fault itself lasts.
struct Allowance {
  private(set) var waits = 0
  private(set) var seconds = 0.0
  /// How often the steps since the last checkpoint were lost.
  private(set) var lostVersions = 0
  private(set) var counts: [Fault: Int] = [:]

  /// Adds what a fault may cost that itself lasts for some seconds.
  mutating func add(_ fault: Fault, lasting duration: Double = 0) {
    counts[fault, default: 0] += 1
    let deadlines = Deadlines()
    // A server gives a worker up after one silence, a worker its server after three; then it says
    // hello within a second, and builds its task within two.
    let rejoining = 3 * deadlines.silenceSeconds + 1 + 2
    seconds += duration
    switch fault {
    case .join: seconds += 0
    case .messageLost: seconds += 2 * deadlines.resendSeconds
    case .reconnect: seconds += 4 * deadlines.resendSeconds
    case .slowLinks, .freezeServer: seconds += rejoining
    case .kill, .leave, .freeze: seconds += deadlines.silenceSeconds + rejoining
    case .stall: waits += 1
    case .cutData, .cutHost:
      // Its work is given to another, at worst twice until it joins again.
      waits += 2
      seconds += 10 * deadlines.silenceSeconds + rejoining
    case .stop, .killServer:
      lostVersions += 1
      seconds += deadlines.stopSeconds + rejoining + deadlines.gatherSeconds
    case .insider:
      waits += 2
      seconds += rejoining
    }
  }
}
