// How much of the work is done twice, to find machines whose numbers cannot be relied on.

import ArgumentParser

/// The option for computing a share of the replicas on two workers each.
public struct AuditOptions: ParsableArguments {
  /// The share of the replicas, from 0 to 1.
  @Option(
    name: .customLong("audit"),
    help: ArgumentHelp(
      "Compute this share of the replicas, from 0 to 1, on two workers each, and send away whoever "
        + "finds other numbers than two others. Bits do not depend on it.", valueName: "share"))
  var share = 0.0

  /// No options.
  public init() {}

  /// Checks that the share is one.
  public func validate() throws {
    guard (0...1).contains(share) else {
      throw ValidationError("--audit must be from 0 to 1, not \(share).")
    }
  }

  /// Refuses to compare what one process alone finds, if it is known to be alone.
  func requireWorkers(_ count: Int?) throws {
    guard share > 0, count == 1 else { return }
    throw ValidationError(
      "--audit compares what two workers find: say --workers 3, or at least 2.")
  }

  /// The option for a server, if there is anything to say.
  var arguments: [String] { share > 0 ? ["--audit", String(share)] : [] }
}
