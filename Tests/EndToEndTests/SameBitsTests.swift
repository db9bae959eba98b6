// However many processes compute a run, whatever happens to them, its digests are the same.

import Foundation
import Glibc
import Tensors
import Testing
import Training

@Suite struct SameBitsTests {
  private let workspace: Workspace

  init() throws { workspace = try Workspace() }

  @Test(arguments: [
    ["--single-process", "--threads", "2"], ["--workers", "1"],
    ["--workers", "2", "--threads", "2"],
    ["--workers", "3"], ["--workers", "5"],
  ])
  func processesAndThreadsDoNotMatter(arguments: [String]) throws {
    try workspace.train(.pixels, arguments, run: "run")
    #expect(try workspace.run("run").digests() == Reference.pixels.get().digests)
  }

  /// Each engine and precision has bits of its own, and the same ones however they are computed.
  @Test func enginesAndPrecisionsHaveTheirOwnBits() throws {
    var seen: Set<[String]> = []
    for engine in MatrixEngine.allCases {
      for precision in Precision.allCases where engine.failure(computingIn: precision) == nil {
        let options = ["--engine", engine.rawValue, "--precision", precision.rawValue]
        let name = "\(engine)-\(precision)"
        try workspace.train(
          .pixels, options + ["--single-process", "--threads", "2"], run: "\(name)-alone")
        try workspace.train(.pixels, options + ["--workers", "2"], run: name)
        let digests = try workspace.run(name).digests()
        #expect(try workspace.run("\(name)-alone").digests() == digests)
        #expect(seen.insert(digests).inserted, "\(name)")
        let experiment = try workspace.run(name).readExperiment().experiment
        #expect(experiment.engine == engine && experiment.precision == precision)
      }
    }
  }

  @Test func anotherSeedHasOtherBits() throws {
    try workspace.train(.short, ["--single-process", "--seed", "2"], run: "run")
    #expect(try workspace.run("run").digests() != Reference.short.get().digests)
  }

  @Test func processesStartedByHand() throws {
    let cluster = try ClusterByHand(
      .short, ["--expect", "2"], run: "run", in: workspace)
    for _ in 0..<2 { try cluster.startWorker() }
    let server = try cluster.server.wait().requiringSuccess()
    #expect(server.output.contains("Worker --server \(cluster.endpoint)"))
    for worker in cluster.workers {
      #expect(try worker.wait().requiringSuccess().output.contains("the run is complete"))
    }
    #expect(try workspace.run("run").digests() == Reference.short.get().digests)
  }

  @Test(arguments: [
    (SIGTERM, ["--workers", "3"], ["--workers", "1"]),
    (SIGINT, ["--workers", "1"], ["--single-process"]),
    (SIGTERM, ["--single-process", "--threads", "1"], ["--workers", "2"]),
  ])
  func stoppedAndResumed(signal: Int32, before: [String], after: [String]) throws {
    let launcher = try workspace.start(.states, before, run: "run")
    try workspace.run("run").waitForStep(30)
    launcher.send(signal)
    let stopped = try launcher.wait()
    #expect(stopped.code == 130, "\(stopped)")
    #expect(stopped.output.contains("--run run --resume"))
    let steps = workspace.run("run").finishedSteps
    #expect((30..<Trial.states.steps).contains(steps))
    #expect(workspace.run("run").checkpointSteps().last == steps)
    try workspace.resume("run", after)
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
  }

  @Test func aWorkerIsKilledAndAnotherIsFrozenForAWhile() throws {
    let cluster = try ClusterByHand(
      .states, ["--silence", "1", "--expect", "3"], run: "run", in: workspace)
    for _ in 0..<3 { try cluster.startWorker() }
    try workspace.run("run").waitForStep(20)
    cluster.workers[0].send(SIGSTOP)
    cluster.workers[1].send(SIGKILL)
    try cluster.waitForServer(toSay: "process \(cluster.workers[0].identifier)) has not been")
    try cluster.waitForServer(toSay: "process \(cluster.workers[1].identifier)) has not been")
    let step = workspace.run("run").finishedSteps
    #expect(step < Trial.states.steps)
    cluster.workers[0].send(SIGCONT)
    try cluster.waitForServer(toSay: "worker 4 ")
    let server = try cluster.server.wait().requiringSuccess()
    #expect(
      server.output.contains("worker 4 (host")
        && server.output.contains("process \(cluster.workers[0].identifier)) joined at step"))
    #expect(try cluster.workers[0].wait().code == 0)
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
  }

  @Test func aWorkerJoinsLateAndAnotherLeaves() throws {
    let cluster = try ClusterByHand(.states, run: "run", in: workspace)
    try cluster.startWorker()
    try workspace.run("run").waitForStep(20)
    try cluster.startWorker()
    try cluster.waitForServer(toSay: "worker 2 ")
    cluster.workers[0].send(SIGTERM)
    #expect(try cluster.workers[0].wait().code == 0)
    let server = try cluster.server.wait().requiringSuccess()
    #expect(server.output.contains("process \(cluster.workers[0].identifier)) left"))
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
    #expect(try cluster.workers[1].wait().code == 0)
  }

  @Test func theServerIsKilledAndGoesOnFromItsCheckpoint() throws {
    let cluster = try ClusterByHand(
      .states, ["--silence", "1", "--expect", "2"], run: "run", in: workspace)
    for _ in 0..<2 { try cluster.startWorker() }
    try workspace.run("run").waitForStep(60)
    cluster.server.send(SIGKILL)
    #expect(try cluster.server.wait().code == 137)
    #expect(workspace.run("run").finishedSteps < Trial.states.steps)
    try cluster.resumeServer(run: "run", ["--silence", "1"])
    let server = try cluster.server.wait().requiringSuccess()
    #expect(server.output.contains("from step"))
    for worker in cluster.workers { #expect(try worker.wait().code == 0) }
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
  }
}
