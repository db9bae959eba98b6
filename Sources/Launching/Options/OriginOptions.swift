// What a run takes over from another, from the command line.

import ArgumentParser
import Learning
import NeuralNetworks
import Training

/// The options that let a run begin with parameters of another one.
struct OriginOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Begin with the parameters of another run or published model: its best version, or the one "
        + "of a step.", valueName: "run[@step]"))
  var from: String?

  @Option(
    help: ArgumentHelp(
      "Take over only the parameters under this prefix, e.g. conv; all unless said.",
      valueName: "prefix"))
  var take: String?

  @Option(
    help: ArgumentHelp(
      "Keep the parameters under this prefix as they begin. May be said again.",
      valueName: "prefix"))
  var freeze: [String] = []

  /// Checks what belongs together.
  func validate() throws {
    if take != nil && from == nil {
      throw ValidationError("--take says what to take over: say --from RUN as well.")
    }
  }

  /// Puts what was said into an experiment.
  func apply(to experiment: inout Experiment) throws {
    if let source = try source() {
      let layout = try catalogue.facts(of: experiment.task, data: experiment.data).layout
      experiment.origin = try Origin(
        taking: source.saved.values, into: layout, step: source.saved.step, prefix: take)
    }
    if !freeze.isEmpty { experiment.frozen = freeze }
  }

  /// The version that was named.
  func source() throws -> SavedVersion? { try from.map { try SavedVersion(named: $0) } }
}
