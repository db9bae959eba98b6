// On which hosts a run is computed, from the command line.

import ArgumentParser
import Messaging
import Training

/// The options of `relate train` about other hosts.
struct HostOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Train on the hosts in this file, reached by ssh, with the server on this machine. A line "
        + "for each: user@host workers=4 threads=1 port=22 data=DIR relate=DIR, all but the first "
        + "word optional.", valueName: "file"))
  var hosts: String?

  @Option(
    help: ArgumentHelp(
      "The package that hosts are given, as scripts/package.sh makes it; the one that this program "
        + "belongs to unless said.", valueName: "file"))
  var package: String?

  @Option(
    help: ArgumentHelp(
      "The command that connects to hosts, its words separated by spaces.", valueName: "command"))
  var ssh = HostOptions.standardSSH

  /// Asks nothing, and takes a link that is down for a while for what it is.
  static let standardSSH = "ssh -o BatchMode=yes -o ConnectTimeout=5 -o ServerAliveInterval=20"

  @Option(
    help: ArgumentHelp(
      "The address to listen on for the hosts; port 0 takes a free one.", valueName: "host:port"))
  var listen = "*:0"

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The port for bulk data; 0 takes a free one.", valueName: "port"))
  var dataPort: UInt16 = 0

  @Option(
    help: ArgumentHelp(
      "The name of this machine for the hosts; the address that their ssh came from unless said.",
      valueName: "host"))
  var address: String?

  func validate() throws {
    let endpoint: Endpoint
    do throws(MessagingError) { endpoint = try Endpoint(listen) } catch {
      throw ValidationError("--listen: \(error.description)")
    }
    guard case .tcp = endpoint.transport else {
      throw ValidationError("--listen takes HOST:PORT, not \(listen).")
    }
    guard !ssh.split(separator: " ").isEmpty else {
      throw ValidationError("--ssh needs the name of a program.")
    }
  }

  /// The crew of the hosts that were named; `nil` without any.
  func crew(
    for plan: RunPlan, data: String?, stop: StopRequest, log: Log
  ) throws -> HostCrew? {
    guard let hosts else { return nil }
    return HostCrew(
      try HostList(path: hosts),
      options: .init(
        ssh: ssh.split(separator: " ").map(String.init), package: package, listen: listen,
        address: address, data: data),
      numerics: try RunNumerics(of: plan), stop: stop, log: log)
  }

  /// What was said, for whoever is to say the same.
  var arguments: [String] {
    var words: [String] = []
    for (name, said, usual) in [
      ("--hosts", hosts, nil), ("--package", package, nil), ("--ssh", ssh, Self.standardSSH),
      ("--listen", listen, "*:0"), ("--address", address, nil),
    ] {
      if let said, said != usual { words += [name, said] }
    }
    return words + (dataPort == 0 ? [] : ["--data-port", String(dataPort)])
  }
}
