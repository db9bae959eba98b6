// A parameter server and workers started one by one, as a person does on several terminals.

import Foundation

/// A `ParameterServer` and the `Worker`s that were started for it.
final class ClusterByHand {
  let workspace: Workspace
  private(set) var server: RunningProcess
  private(set) var workers: [RunningProcess] = []
  /// The address that the server listens on.
  let endpoint: String

  /// Starts the server of a trial in `run`, and waits until it listens.
  init(_ trial: Trial, _ arguments: [String] = [], run: String, in workspace: Workspace) throws {
    self.workspace = workspace
    (server, endpoint) = try Self.startServer(
      trial.options + ["--run", run] + arguments, in: workspace)
  }

  /// Starts a server on the same address that goes on with the run.
  func resumeServer(run: String, _ arguments: [String] = []) throws {
    (server, _) = try Self.startServer(
      ["--run", run, "--resume", "--listen", endpoint] + arguments, in: workspace)
  }

  /// Starts a worker.
  @discardableResult
  func startWorker(_ arguments: [String] = [], environment: [String: String] = [:]) throws
    -> RunningProcess
  {
    let worker = try RunningProcess(
      .worker, ["--server", endpoint] + arguments, in: workspace, environment: environment)
    workers.append(worker)
    return worker
  }

  /// Waits until the server has said something.
  func waitForServer(toSay text: String) throws {
    try waitUntil("the server to say \"\(text)\"; it said\n\(server.output)") {
      server.output.contains(text)
    }
  }

  private static func startServer(_ arguments: [String], in workspace: Workspace) throws
    -> (RunningProcess, endpoint: String)
  {
    let file = workspace.freshPath("endpoint")
    let server = try RunningProcess(
      .server, arguments + ["--endpoint-file", file], in: workspace)
    var endpoint = ""
    try waitUntil("the server to listen") {
      guard server.isRunning else {
        throw TestFailure("The server did not listen: \(try server.wait())")
      }
      endpoint = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
      return endpoint.hasSuffix("\n")
    }
    return (server, endpoint.trimmingCharacters(in: .whitespacesAndNewlines))
  }
}
