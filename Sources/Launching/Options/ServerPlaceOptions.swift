// Where a worker looks for its server, from the command line.

import ArgumentParser
import Messaging
import Training

/// The options that say where the server is.
struct ServerPlaceOptions: ParsableArguments {
  @Option(
    name: .customLong("server"), parsing: .singleValue,
    help: ArgumentHelp(
      "The address that the server printed. Said several times: one after another is tried.",
      valueName: "host:port"))
  var servers: [String] = []

  @Option(
    name: .customLong("server-file"),
    help: ArgumentHelp(
      "The file that the server writes its address to (--endpoint-file), on a folder that both "
        + "see; read again whenever the connection is lost.", valueName: "file"))
  var file: String?

  func validate() throws {
    guard servers.isEmpty != (file == nil) else {
      throw ValidationError("Say where the server is: --server HOST:PORT or --server-file FILE.")
    }
  }

  /// The place that was said.
  func resolved() throws -> ServerPlace {
    if let file { return .file(file) }
    return .addresses(try servers.map { try serverEndpoint($0, option: "--server") })
  }

  /// What was said, for whoever is to say the same.
  var arguments: [String] {
    servers.flatMap { ["--server", $0] } + (file.map { ["--server-file", $0] } ?? [])
  }
}

/// The address that an option names.
func serverEndpoint(_ text: String, option: String) throws -> Endpoint {
  let endpoint: Endpoint
  do throws(MessagingError) { endpoint = try Endpoint(text) } catch {
    throw ValidationError("\(option): \(error.description)")
  }
  if case .inproc = endpoint.transport {
    throw ValidationError("\(option) takes HOST:PORT or ipc:///PATH, not \(text).")
  }
  return endpoint
}
