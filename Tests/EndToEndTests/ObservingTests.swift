// What is shown of a run: who did what, while it goes on and at its end.

import Foundation
import Glibc
import Learning
import Testing
import Training

@Suite struct ObservingTests {
  private let workspace: Workspace

  init() throws { workspace = try Workspace() }

  @Test func theTableOfWorkersAtTheEnd() throws {
    let ended = try workspace.train(.states, ["--workers", "2"], run: "run")
    let summary = try #require(try workspace.run("run").readSummary())
    let activity = try #require(summary.activity)
    #expect(activity.workers.map(\.number) == [1, 2])
    let replicas = activity.workers.map(\.replicas)
    #expect(replicas.reduce(0, +) == 4 * Trial.states.steps && !replicas.contains(0), "\(replicas)")
    for worker in activity.workers {
      let shares = [worker.computing, worker.sending, worker.waiting, worker.dataWait]
      #expect(worker.seconds == 0 || abs(shares.reduce(0, +) - 1) < 1e-9, "\(worker)")
      #expect(ended.output.contains("worker \(worker.number) (host \(worker.host), process "))
    }
    let server = activity.server
    let shares = [
      server.receiving, server.updating, server.broadcasting, server.recording, server.idle,
    ]
    #expect(abs(shares.reduce(0, +) - 1) < 1e-9 && !shares.contains(0), "\(server)")
    #expect(ended.output.contains("broadcasting"))
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
    #expect(try Reference.states.get().summary.activity == nil)
  }

  @Test func aSingleWorkerHasNoTable() throws {
    let ended = try workspace.train(.short, ["--workers", "1"], run: "run")
    #expect(!ended.output.contains("broadcasting"))
    #expect(try workspace.run("run").readSummary()?.activity?.workers.count == 1)
    // What is given away does not say on whose hosts it was computed.
    try workspace.relate(["publish", "run", "--to", "model"]).requiringSuccess()
    let published = try #require(try workspace.run("model").readSummary())
    let summary = try workspace.run("run").readSummary()
    #expect(published.activity == nil && published.test == summary?.test)
  }
}
