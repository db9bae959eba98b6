// Workers find their server: at one of several addresses, or where a file says that it is.

import Foundation
import Glibc
import Testing
import Training

@Suite struct ServerPlaceTests {
  private let workspace: Workspace

  init() throws { workspace = try Workspace() }

  /// The worker is there first, and the server that is killed comes back at another port.
  @Test func aServerIsFoundWhereItsFileSays() throws {
    let trial = Trial.states
    let worker = try RunningProcess(.worker, ["--server-file", "address"], in: workspace)
    let beginning = ["--endpoint-file", "address", "--silence", "0.5", "--run", "run"]
    let first = try RunningProcess(.server, trial.options + beginning, in: workspace)
    try workspace.run("run").waitForStep(30)
    let address = try String(contentsOfFile: workspace.path("address"), encoding: .utf8)
    first.send(SIGKILL)
    _ = try first.wait()
    let second = try RunningProcess(.server, beginning + ["--resume"], in: workspace)
    try second.wait().requiringSuccess()
    let other = try String(contentsOfFile: workspace.path("address"), encoding: .utf8)
    #expect(address != other)
    let ended = try worker.wait().requiringSuccess()
    #expect(ended.output.components(separatedBy: "Joined ").count == 3, "\(ended)")
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
  }

  @Test func addressesAreTriedInTurn() throws {
    let nobody = try freePort()
    let cluster = try ClusterByHand(.short, run: "run", in: workspace)
    let worker = try RunningProcess(
      .worker, ["--server", "127.0.0.1:\(nobody)", "--server", cluster.endpoint], in: workspace)
    try cluster.server.wait().requiringSuccess()
    let ended = try worker.wait().requiringSuccess()
    #expect(ended.output.contains("127.0.0.1:\(nobody) cannot be reached"), "\(ended)")
  }

  /// So that whoever starts workers knows whether to start them again.
  @Test func aWorkerTellsAStoppedRunFromACompleteOne() throws {
    let cluster = try ClusterByHand(.states, run: "run", in: workspace)
    let worker = try cluster.startWorker()
    try workspace.run("run").waitForStep(10)
    cluster.server.send(SIGTERM)
    #expect(try cluster.server.wait().code == 130)
    #expect(try worker.wait().code == 130)
    try cluster.resumeServer(run: "run")
    let crew = try RunningProcess(
      .relate, ["work", "--workers", "2", "--server", cluster.endpoint], in: workspace)
    try cluster.server.wait().requiringSuccess()
    #expect(try crew.wait().code == 0)
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
  }

  @Test func mistakesAreAnswered() throws {
    func worker(_ arguments: [String]) throws -> Ended {
      try RunningProcess(.worker, arguments + ["--join", "2"], in: workspace).wait()
    }
    let neither = try worker([])
    #expect(neither.code == 64 && neither.errors.contains("--server-file"), "\(neither)")
    expectRefusal(try worker(["--server-file", "missing"]), ["the address in missing"])
    try "not an address\n".write(
      toFile: workspace.path("file"), atomically: true, encoding: .utf8)
    expectRefusal(try worker(["--server-file", "file"]), ["file: ", "space"])
  }
}
