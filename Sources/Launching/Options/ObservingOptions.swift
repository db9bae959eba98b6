// How a run is watched by other programs, from the command line.

import ArgumentParser
import Foundation
import Learning
import Messaging
import Training

/// The options that show a run to other programs.
struct ObservingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Answer GET /metrics, for Prometheus, and /healthz at this address; a port alone is one of "
        + "127.0.0.1, and port 0 a free one.", valueName: "host:port"))
  var metrics: MetricsAddress?

  @Option(
    help: ArgumentHelp(
      "Write what each thread of all processes did when to this file, in the format of Chrome's "
        + "traces, for ui.perfetto.dev.", valueName: "file"))
  var trace: String?

  @OptionGroup var log: LogOptions

  /// The options as they were said, for a server that this process starts; without `trace`.
  var arguments: [String] {
    (metrics.map { ["--metrics", $0.text] } ?? []) + log.arguments
  }

  /// Begins the trace, if that was asked for, in the place of a file that was there.
  ///
  /// Throws if it cannot be written.
  func openTrace() throws -> (file: TraceFile, path: String)? {
    try trace.map { (try TraceFile($0), $0) }
  }

  /// Begins to answer, if that was asked for; the numbers to keep, and where they are.
  ///
  /// Throws if the address cannot be listened on.
  func serve(_ plan: RunPlan) throws -> (numbers: RunMetrics, endpoint: Endpoint)? {
    guard let address = metrics?.endpoint else { return nil }
    let experiment = try plan.beginning ?? plan.directory.readExperiment().experiment
    let metrics = RunMetrics(of: experiment, in: plan.directory, steps: plan.moreSteps)
    do throws(MessagingError) {
      let server = try HTTPServer(on: address) { path in
        switch path {
        case "/metrics":
          HTTPAnswer(
            contentType: "text/plain; version=0.0.4; charset=utf-8", body: metrics.exposition())
        case "/healthz":
          metrics.problem().map { HTTPAnswer(status: 503, body: $0 + "\n") }
            ?? HTTPAnswer(body: "ok\n")
        default: nil
        }
      }
      return (metrics, server.endpoint)
    } catch {
      throw TrainingError("--metrics: \(error.description).")
    }
  }
}

/// The address that numbers are asked for at.
struct MetricsAddress: ExpressibleByArgument {
  /// As it was written.
  let text: String
  /// Where to listen.
  let endpoint: Endpoint

  init?(argument: String) {
    let address = UInt16(argument) == nil ? argument : "127.0.0.1:\(argument)"
    guard let endpoint = try? Endpoint(address), case .tcp = endpoint.transport else { return nil }
    (text, self.endpoint) = (argument, endpoint)
  }

  var defaultValueDescription: String { text }
}
