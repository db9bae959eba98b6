// relate doctor: whether runs will work here, and if not, why.

import ArgumentParser
import Foundation
import Training

/// `relate doctor`.
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Check this machine, and a server or hosts, and say what to do.",
    discussion: """
      Ends with 1 if something would keep a run from working. A server notes that a worker has \
      come and gone.

      Examples: relate doctor; relate doctor --server HOST:5555; relate doctor --hosts FILE
      """)

  @Option(help: ArgumentHelp("Check this server, as a worker here.", valueName: "host:port"))
  var server: String?

  @Option(help: ArgumentHelp("Check the hosts of this file, by ssh.", valueName: "file"))
  var hosts: String?

  @Option(
    help: ArgumentHelp("What to bring to hosts, as for relate train --hosts.", valueName: "file"))
  var package: String?

  @Option(help: ArgumentHelp("The command that connects to hosts.", valueName: "command"))
  var ssh = HostOptions.standardSSH

  @Option(
    help: ArgumentHelp("The directory whose disk is looked at.", valueName: "dir"))
  var disk = "."

  @OptionGroup var keys: KeyOptions

  @Flag(help: "Print a line of JSON for each check.")
  var json = false

  func validate() throws {
    guard !ssh.split(separator: " ").isEmpty else {
      throw ValidationError("--ssh needs the name of a program.")
    }
  }

  func run() throws {
    try reportingErrors {
      let place = keys.place
      var checks = Check.machine(disk: disk, keys: place)
      if let server {
        checks += Check.server(try serverEndpoint(server, option: "--server"), keys: place)
      }
      if let hosts { checks += try hostChecks(try HostList(path: hosts)) }
      if json {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        for check in checks { print(String(decoding: try encoder.encode(check), as: UTF8.self)) }
      } else {
        print(Check.table(checks))
      }
      return checks.contains { $0.verdict == .bad } ? ExitStatus.failed : 0
    }
  }

  private func hostChecks(_ list: HostList) throws -> [Check] {
    let scratch = try Cluster.makePrivateDirectory()
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    let needsPackage = list.hosts.contains { $0.relate == nil }
    return try Check.hosts(
      list, ssh: ssh.split(separator: " ").map(String.init),
      package: needsPackage ? try HostPackage(package, scratch: scratch) : nil)
  }
}
