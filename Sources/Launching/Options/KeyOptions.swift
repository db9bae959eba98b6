// Which keys are used across machines, from the command line.

import ArgumentParser
import Messaging

/// The options that say how the two ends of a connection know each other.
struct KeyOptions: ParsableArguments {
  @Option(
    name: .customLong("keys"),
    help: ArgumentHelp(
      "The directory of keys, as `relate keys new` makes it; ~/.config/relate/keys unless said, "
        + "where keys are made when they are first needed.", valueName: "dir"))
  var path: String?

  @Flag(help: "Use neither encryption nor keys on a network that is trusted.")
  var insecure = false

  func validate() throws {
    guard path == nil || !insecure else {
      throw ValidationError("Say --keys or --insecure, not both.")
    }
  }

  /// What was said, for whoever is to say the same.
  var arguments: [String] {
    (insecure ? ["--insecure"] : []) + (path.map { ["--keys", $0] } ?? [])
  }

  /// Where the keys are.
  var place: KeyPlace { KeyPlace(path: path, isInsecure: insecure) }
}

/// Where the keys of a worker are, as far as it was said.
struct KeyPlace: Sendable {
  let path: String?
  let isInsecure: Bool

  /// The directory to use for an address; `nil` for no keys, as through a Unix socket, which only
  /// its owner reaches.
  func directory(for address: Endpoint) throws -> KeyDirectory? {
    guard case .tcp = address.transport, !isInsecure else { return nil }
    return try path.map(KeyDirectory.init) ?? .standard()
  }

  /// How a worker and the server at an address know each other.
  func security(for address: Endpoint) throws -> Security {
    guard let directory = try directory(for: address) else { return .none }
    return .client(try directory.ownKeys(), of: try directory.serverKey())
  }
}
