// What is said between a launcher and the hosts of a run, over the channel that ssh is.

import Foundation
import Learning
import Tensors
import Training

/// What a host says of itself once Relate runs there.
struct HostGreeting: Codable, Sendable {
  var version: String
  var host: String
  var cores: Int
  var engine: String
  /// What its clock says, in seconds since 1970.
  var time: Double
  /// The fingerprint of each engine and precision, by key.
  var numerics: [String: Digest]
  /// The address that the launcher's connection comes from, as the host sees it.
  var launcher: String?

  /// What begins the line that a greeting is: programs that run at a login may say other things.
  private static let mark = "relate-host "

  /// The greeting of this machine.
  static func ofThisMachine() -> HostGreeting {
    let information = ProcessInfo.processInfo
    return HostGreeting(
      version: relateVersion, host: information.hostName, cores: information.activeProcessorCount,
      engine: Numerics.engines(), time: 0, numerics: Numerics.fingerprints(),
      launcher: information.environment["SSH_CONNECTION"]?.split(separator: " ").first
        .map(String.init))
  }

  /// The greeting in a line that a host said; `nil` if it is none.
  init?(line: String) {
    guard line.hasPrefix(Self.mark),
      let greeting = try? JSONDecoder().decode(
        HostGreeting.self, from: Data(line.dropFirst(Self.mark.count).utf8))
    else { return nil }
    self = greeting
  }

  private init(
    version: String, host: String, cores: Int, engine: String, time: Double,
    numerics: [String: Digest], launcher: String?
  ) {
    (self.version, self.host, self.cores) = (version, host, cores)
    (self.engine, self.time, self.numerics) = (engine, time, numerics)
    self.launcher = launcher
  }

  /// The line that says it.
  func line() throws -> String {
    var greeting = self
    greeting.time = Date().timeIntervalSince1970
    return Self.mark + String(decoding: try JSONEncoder().encode(greeting), as: UTF8.self)
  }
}

/// What a launcher tells a host that has greeted, in a line of JSON on its standard input: never as
/// words of a command, which everybody on that host could read.
struct HostOrders: Codable, Sendable {
  /// Where the server is.
  var server: String
  var workers: Int
  var threads: Int
  var data: String?
  /// The secret of the workers' keys, and the public key of their server.
  var secret: String
  var serverKey: String
}

/// The arithmetic that all workers of a run must have.
struct RunNumerics: Sendable {
  let experiment: Experiment
  let fingerprint: Digest
  let engine: String

  /// That of a run that begins here, or of one that goes on.
  init(of plan: RunPlan) throws {
    if let experiment = plan.beginning {
      let context = try computeContext(engine: experiment.engine, precision: experiment.precision)
      self.experiment = experiment
      (fingerprint, engine) = (Numerics.fingerprint(of: context), context.engineDescription)
    } else {
      let record = try plan.directory.readExperiment()
      (experiment, fingerprint, engine) = (record.experiment, record.numerics, record.engine)
    }
  }

  /// Why a host cannot compute the run, as the end of a sentence that begins with its name.
  func objection(to host: HostGreeting) -> String? {
    guard host.version == relateVersion else {
      return "has release \(host.version) of Relate, this is \(relateVersion)"
    }
    guard let numerics = host.numerics[experiment.numericsKey] else {
      return """
        cannot compute with \(experiment.numericsKey). \(Numerics.requirement(of: experiment)), or \
        begin the run with --engine and --precision that every host has: there are \
        \(host.numerics.keys.sorted().joined(separator: ", "))
        """
    }
    guard numerics == fingerprint else {
      return """
        computes with other bits than the run: it has \(host.engine), the run has \(engine). \
        \(Numerics.remedy(for: experiment.engine)), or leave the host out
        """
    }
    return nil
  }
}
