// The small messages: joining, leases, heartbeats. docs/PROTOCOL.md says what each means.

import Foundation
import Learning

/// The version of the protocol that this software speaks.
public let protocolVersion = 3

/// Why something that came from a socket was dropped.
enum WireError: Error, Hashable {
  /// Not a message of this protocol, or a damaged one; says what is wrong with it.
  case malformed(String)
}

/// A message on the control socket: a JSON object with the message's name as its only key.
enum ControlMessage: Hashable, Sendable {
  case hello(Hello)
  case welcome(Welcome)
  case refused(Refused)
  case lease(LeaseNotice)
  case heartbeat(Heartbeat)
  case beat(Beat)
  case rejoin(Rejoin)
  case failed(Failure)
  case goodbye(Departure)
  case close(Close)

  /// A worker asks to join.
  struct Hello: Codable, Hashable, Sendable {
    var version: Int
    /// The numerics fingerprint of each `engine/precision` that the worker can compute with.
    var numerics: [String: Digest]
    /// The engines in words.
    var engine: String
    var host: String
    var process: Int
  }

  /// The worker has joined; everything that it needs to know.
  struct Welcome: Codable, Hashable, Sendable {
    var run: UInt64
    var session: SessionID
    /// Counts the sessions of the server, for people.
    var worker: Int
    var dataPort: Int
    var experiment: Experiment
    /// A hash of the model's names and shapes, and of what is measured of it.
    var layout: Digest
    /// A hash of what is measured of some samples; absent if the server has no data.
    var samples: Digest?
    var chunkScalars: Int
    var heartbeatSeconds: Double
    var silenceSeconds: Double
    /// Whether the server takes spans, for a trace; absent if it does not.
    var takesSpans: Bool?
    /// Memory for payloads, if the two are on one machine.
    var memory: Memory?
  }

  /// Where shared memory is found.
  struct Memory: Codable, Hashable, Sendable {
    /// Two versions of the values.
    var values: String
    /// A contribution of the worker.
    var contributions: String
  }

  /// The worker cannot join.
  struct Refused: Codable, Hashable, Sendable { var reason: String }

  /// What a session is to compute from now on.
  struct LeaseNotice: Codable, Hashable, Sendable {
    var run: UInt64
    var session: SessionID
    var lease: Lease
  }

  /// The worker is alive.
  struct Heartbeat: Codable, Hashable, Sendable {
    var run: UInt64
    var session: SessionID
    /// The number of the last lease that arrived.
    var lease: Int
    /// Whether it is computing.
    var isBusy: Bool
    /// What it has spent its time with, in seconds; for people.
    var times: ActivityReport?
    /// When it was sent by the worker's clock, in seconds; of a traced run only.
    var sentAt: Double?
  }

  /// The server is alive.
  struct Beat: Codable, Hashable, Sendable {
    var run: UInt64
    var step: Int
    /// The `sentAt` of the heartbeat that this answers.
    var sentAt: Double?
    /// When the heartbeat came by the server's clock, in seconds.
    var heardAt: Double?
  }

  /// The session is not known: say hello again.
  struct Rejoin: Codable, Hashable, Sendable {}

  /// The worker cannot compute something, and ends.
  struct Failure: Codable, Hashable, Sendable {
    var run: UInt64
    var session: SessionID
    /// The step and the replica of what it was to compute, if it was no part of an evaluation.
    var step: Int?
    var replica: Int?
    var evaluation: EvaluationLease?
    var reason: String

    /// What could not be computed; `nil` if the message names nothing, or both.
    var job: Job? {
      switch (step, replica, evaluation) {
      case (let step?, let replica?, nil): .training(step: step, replica: replica)
      case (nil, nil, let lease?): .evaluation(lease)
      default: nil
      }
    }
  }

  /// The worker leaves.
  struct Departure: Codable, Hashable, Sendable {
    var run: UInt64
    var session: SessionID
    var reason: String
  }

  /// The run is over, stopped or failed.
  struct Close: Codable, Hashable, Sendable {
    var run: UInt64
    var isFailure = false
    var reason: String
  }

  /// The session that a worker says it speaks for, if the message names one.
  var session: SessionID? {
    switch self {
    case .heartbeat(let beat): beat.session
    case .failed(let failure): failure.session
    case .goodbye(let departure): departure.session
    case .hello, .welcome, .refused, .lease, .beat, .rejoin, .close: nil
    }
  }

  /// The most bytes that a control message to a worker may have.
  static let sizeLimit = 1 << 20
  /// The most bytes that a control message to a server may have, which anybody can send.
  static let sizeLimitToServer = 1 << 14

  /// The message as one frame.
  func encoded() -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do { return Array(try encoder.encode(self)) } catch {
      preconditionFailure("a control message cannot be written as JSON: \(error)")
    }
  }

  /// The message in a frame that may hold anything.
  init(decoding bytes: some Collection<UInt8>) throws(WireError) {
    guard bytes.count <= Self.sizeLimit else {
      throw .malformed("a control message of \(bytes.count) bytes")
    }
    do { self = try JSONDecoder().decode(ControlMessage.self, from: Data(bytes)) } catch {
      throw .malformed("a control message that cannot be read: \(readable(error))")
    }
  }
}

extension ControlMessage: Codable {
  private enum Name: String, CodingKey {
    case hello, welcome, refused, lease, heartbeat, beat, rejoin, failed, goodbye, close
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Name.self)
    guard container.allKeys.count == 1, let name = container.allKeys.first else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: [], debugDescription: "not exactly one known message name"))
    }
    func body<Body: Decodable>() throws -> Body { try container.decode(Body.self, forKey: name) }
    switch name {
    case .hello: self = .hello(try body())
    case .welcome: self = .welcome(try body())
    case .refused: self = .refused(try body())
    case .lease: self = .lease(try body())
    case .heartbeat: self = .heartbeat(try body())
    case .beat: self = .beat(try body())
    case .rejoin: self = .rejoin(try body())
    case .failed: self = .failed(try body())
    case .goodbye: self = .goodbye(try body())
    case .close: self = .close(try body())
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Name.self)
    switch self {
    case .hello(let body): try container.encode(body, forKey: .hello)
    case .welcome(let body): try container.encode(body, forKey: .welcome)
    case .refused(let body): try container.encode(body, forKey: .refused)
    case .lease(let body): try container.encode(body, forKey: .lease)
    case .heartbeat(let body): try container.encode(body, forKey: .heartbeat)
    case .beat(let body): try container.encode(body, forKey: .beat)
    case .rejoin(let body): try container.encode(body, forKey: .rejoin)
    case .failed(let body): try container.encode(body, forKey: .failed)
    case .goodbye(let body): try container.encode(body, forKey: .goodbye)
    case .close(let body): try container.encode(body, forKey: .close)
    }
  }
}
