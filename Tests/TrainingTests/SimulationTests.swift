// Whatever happens to the cluster, the run ends with the bits of an undisturbed one.

import Learning
import Testing

@testable import Training

@Suite struct SimulationTests {
  private static let misfortunes = [
    Misfortune(name: "nothing"),
    Misfortune(name: "a slow network", delay: 1.2),
    Misfortune(name: "a lossy network", dropRate: 0.15, duplicateRate: 0.1, delay: 0.3),
    Misfortune(name: "disasters", disasterCount: 6),
    Misfortune(
      name: "everything", dropRate: 0.1, duplicateRate: 0.1, delay: 0.8, disasterCount: 10),
  ]

  @Test(arguments: misfortunes, 0..<5)
  func aRunEndsWithTheSameBits(misfortune: Misfortune, block: Int) {
    for seed in UInt64(block * 10)..<UInt64(block * 10 + 10) {
      let run = ToyRun(
        steps: 6 + Int(seed % 5), replicas: 1 + Int(seed % 7), evaluationInterval: 1 + block)
      var cluster = SimulatedCluster(run, misfortune, seed: seed)
      cluster.runToEnd()
      #expect(cluster.violations == [], "seed \(seed)")
      #expect(cluster.ending == .completed, "seed \(seed), after \(cluster.now) s")
      #expect(cluster.storage.digests == run.versions.dropFirst().map(\.digest), "seed \(seed)")
      let steps = run.experiment.steps
      let evaluated = (1...steps).filter { run.experiment.evaluates(step: $0) }
      #expect(cluster.storage.validations.map(\.step).sorted() == evaluated, "seed \(seed)")
      #expect(cluster.storage.isFinished, "seed \(seed)")
      let best = VersionChoice(by: run.facts).best(of: cluster.storage.validations)
      #expect(cluster.storage.test?.step == best?.step, "seed \(seed)")
    }
  }

  @Test func theSameSeedGivesTheSameCourse() {
    let courses = (0..<2).map { _ in
      var cluster = SimulatedCluster(
        ToyRun(steps: 8, replicas: 5, evaluationInterval: 3), Self.misfortunes[4], seed: 77)
      cluster.runToEnd()
      return [cluster.now, Double(cluster.dataMessages)]
    }
    #expect(courses[0] == courses[1])
  }

  /// A contribution takes three seconds to leave, longer than the resend time: it leaves once.
  @Test(arguments: UInt64(0)..<5) func aSlowLinkCarriesEverythingOnce(seed: UInt64) {
    let run = ToyRun(steps: 6, replicas: 3, evaluationInterval: 3)
    var quick = SimulatedCluster(run, Misfortune(name: "nothing"), seed: seed)
    quick.runToEnd()
    var slow = SimulatedCluster(
      run, Misfortune(name: "slow links", secondsPerMessage: 0.75), seed: seed)
    slow.runToEnd()
    #expect(slow.violations == [])
    #expect(slow.ending == .completed, "after \(slow.now) s")
    #expect(slow.storage.digests == run.versions.dropFirst().map(\.digest))
    // Inquiries and knocks are small; chunks are not sent twice.
    #expect(slow.dataMessages < 2 * quick.dataMessages)
    // Three chunks and measurements each way and step, and the evaluations.
    #expect(slow.now < 6 * 8 + 30, "after \(slow.now) s")
  }

  /// A data connection that is dead in one direction, while the control connection lives, costs the
  /// time until its work is given to another, once.
  @Test(arguments: [Misfortune.Cut.toServer, .toWorker], UInt64(0)..<5)
  func aHalfDeadConnectionCostsItsWorkOnce(cut: Misfortune.Cut, seed: UInt64) {
    let run = ToyRun(steps: 40, replicas: 6, evaluationInterval: 50)
    var cluster = SimulatedCluster(run, Misfortune(name: "cut", cut: cut), seed: seed)
    cluster.runToEnd()
    #expect(cluster.violations == [])
    #expect(cluster.ending == .completed, "after \(cluster.now) s")
    #expect(cluster.storage.digests == run.versions.dropFirst().map(\.digest))
    // Two seconds a step, and one or two waits of thirty.
    #expect(cluster.now < 40 * 2 + 80, "after \(cluster.now) s")
  }
}
