// Which keys are used across machines, from the command line.

import ArgumentParser
import Messaging

/// The options that say how the two ends of a connection know each other.
struct KeyOptions: ParsableArguments {
  @Option(
    name: .customLong("keys"),
    help: ArgumentHelp(
      "The directory of keys, as `relate keys new` makes it. Connections to other machines always "
        + "use keys, those on this machine where this is said.", valueName: "dir"))
  var path: String?

  @Flag(help: "Use neither encryption nor keys on a network that is trusted.")
  var insecure = false

  func validate() throws {
    guard path == nil || !insecure else {
      throw ValidationError("Say --keys or --insecure, not both.")
    }
  }

  /// The directory to use for an address; `nil` for no keys.
  ///
  /// Throws if the address needs keys and there are none.
  func directory(for address: Endpoint) throws -> KeyDirectory? {
    if insecure { return nil }
    if let path { return KeyDirectory(path: path) }
    guard !address.isLocal else { return nil }
    let standard = KeyDirectory(path: KeyDirectory.standardPath)
    guard standard.holdsKeys else {
      throw ValidationError(
        """
        \(address) is reached through a network, where connections need keys, and there are none \
        in \(standard.path). Make some with relate keys new (relate help keys), or say --insecure \
        if everybody on the network is trusted.
        """)
    }
    return standard
  }

  /// How a worker and the server at an address know each other.
  func security(for address: Endpoint) throws -> Security {
    guard let directory = try directory(for: address) else { return .none }
    return .client(try directory.ownKeys(), of: try directory.serverKey())
  }
}
