// Where a worker looks for its server, and when it gives up one connection for another.

import Files
import Foundation
import Messaging

/// Where a server may be found.
public enum ServerPlace: Hashable, Sendable, CustomStringConvertible {
  /// At one of these addresses, which are tried in turn; there is one at least.
  case addresses([Endpoint])
  /// At the address in a file, which a server that comes back elsewhere replaces.
  case file(String)

  /// The addresses to try; none while the file is not there.
  ///
  /// Throws if the file holds something else, or cannot be read.
  func addresses() throws -> [Endpoint] {
    switch self {
    case .addresses(let addresses): return addresses
    case .file(let path):
      guard FileManager.default.fileExists(atPath: path) else { return [] }
      let text = String(decoding: try readFile(path, limit: 1 << 16), as: UTF8.self)
      let lines = text.split(whereSeparator: \.isNewline)
      return try lines.map { line in
        do throws(MessagingError) { return try Endpoint(String(line)) } catch {
          throw FileError(in: path, error.description)
        }
      }
    }
  }

  /// What to call it in a sentence.
  public var description: String {
    switch self {
    case .addresses(let addresses): addresses.map(\.description).joined(separator: " or ")
    case .file(let path): "the address in \(path)"
    }
  }
}

/// Decides when a worker is to connect, and where.
///
/// libzmq connects again after a connection has broken, but never after a refused greeting and
/// never elsewhere, and after an outage only when the kernel next sends what it holds. So whoever
/// looks for a server gives up a connection that brings no answer and makes another, to the next
/// address, which is the same one if there is no other.
struct ServerSearch: Sendable {
  /// How long a connection is given to bring an answer, in seconds.
  let patience: Double
  /// Where the worker is connected, or tries to be.
  private(set) var current: Endpoint?
  private var connectedAt = -Double.infinity
  private var lookedAt = -Double.infinity

  init(patience: Double) { self.patience = patience }

  /// The address to connect to now; `nil` leaves the connection as it is.
  ///
  /// - Parameters:
  ///   - isLooking: whether the worker is without a server.
  ///   - addresses: where one may be; asked once a second while the worker is without.
  mutating func next(
    isLooking: Bool, now: Double, addresses: () throws -> [Endpoint]
  ) rethrows -> Endpoint? {
    guard isLooking else {
      // The patience with a connection that has worked begins when it is lost.
      (connectedAt, lookedAt) = (now, -.infinity)
      return nil
    }
    guard now - lookedAt >= 1 else { return nil }
    lookedAt = now
    let known = try addresses()
    guard let first = known.first else { return nil }
    let place = current.flatMap(known.firstIndex)
    if place != nil, now - connectedAt < patience { return nil }
    let next = place.map { known[($0 + 1) % known.count] } ?? first
    (current, connectedAt) = (next, now)
    return next
  }
}
