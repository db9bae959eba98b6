// Whatever happens to the cluster, the run ends with the bits of an undisturbed one, and soon.

import Foundation
import Learning
import Testing

@testable import Training

@Suite struct SimulationTests {
  /// What is not as it should be at the end of a simulated run.
  static func faults(of cluster: SimulatedCluster) -> [String] {
    let (run, storage) = (cluster.run, cluster.storage)
    var faults = cluster.violations
    if cluster.ending != .completed {
      faults.append("it ended with \(String(describing: cluster.ending)) after \(cluster.now) s")
    }
    if storage.digests != run.versions.dropFirst().map(\.digest) {
      faults.append("the digests differ")
    }
    let evaluated = (1...run.experiment.steps).filter { run.experiment.evaluates(step: $0) }
    if storage.validations.map(\.step).sorted() != evaluated { faults.append("not all evaluated") }
    if !storage.isFinished { faults.append("it was not finished") }
    let best = VersionChoice(by: run.facts).best(of: storage.validations)
    if storage.test?.step != best?.step { faults.append("another version was tested") }
    return faults
  }

  /// A run of some size, as a seed says.
  static func run(_ seed: UInt64) -> ToyRun {
    ToyRun(
      steps: 6 + Int(seed % 5), replicas: 1 + Int(seed % 7),
      evaluationInterval: 1 + Int(seed / 7 % 5))
  }

  // MARK: By seed

  /// The seeds to try: a few, or those that `scripts/simulate.sh` names.
  private static let seeds: Range<UInt64> = {
    let named = ProcessInfo.processInfo.environment["RELATE_SIMULATION_SEEDS"] ?? "0-300"
    let ends = named.split(separator: "-").compactMap { UInt64($0) }
    precondition(ends.count == 2 && ends[0] < ends[1], "seeds \(named) are no FIRST-END")
    return ends[0]..<ends[1]
  }()

  private static let blocks = stride(from: seeds.lowerBound, to: seeds.upperBound, by: 50)
    .map { $0..<min($0 + 50, seeds.upperBound) }

  /// The bits are the same, and the time lost is no more than the faults may cost.
  @Test(arguments: blocks) func everySeedEndsWithTheSameBitsAndSoon(block: Range<UInt64>) {
    var counts: [Fault: Int] = [:]
    var (lost, allowed) = (0.0, 0.0)
    for seed in block {
      let run = Self.run(seed)
      let misfortune = Misfortune(seed: seed)
      var calm = SimulatedCluster(run, misfortune.undisturbed, seed: seed, workers: 1)
      calm.runToEnd()
      var cluster = SimulatedCluster(run, misfortune, seed: seed)
      cluster.runToEnd()
      // With one worker left, every replica that is audited twice may be computed by it alone.
      let work = calm.now * (1 + misfortune.audit) * (1 + Double(misfortune.drift))
      let step = 2 * work / Double(run.experiment.steps)
      let allowance =
        Double(cluster.allowance.waits) * (cluster.longestPatience + step)
        + cluster.allowance.seconds * (1 + 2 * Double(misfortune.drift))
        + Double(cluster.allowance.lostVersions) * step * Double(run.experiment.evaluationInterval)
      var wrong = Self.faults(of: cluster)
      if cluster.now > work + allowance {
        wrong.append("it took \(cluster.now) s of at most \(work) s and \(allowance) s for faults")
      }
      if !wrong.isEmpty {
        Issue.record("\(wrong.joined(separator: "; ")): scripts/simulate.sh --seed \(seed)")
      }
      counts.merge(cluster.allowance.counts, uniquingKeysWith: +)
      lost += max(0, cluster.now - calm.now)
      allowed += allowance
    }
    report(counts, lost: lost, of: allowed, in: block)
  }

  /// A line for the script that adds them up.
  private func report(
    _ counts: [Fault: Int], lost: Double, of allowed: Double, in block: Range<UInt64>
  ) {
    guard ProcessInfo.processInfo.environment["RELATE_SIMULATION_SEEDS"] != nil else { return }
    let faults = counts.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: " ")
    print("SIMULATED \(block.count) \(Int(lost)) \(Int(allowed)) \(faults)")
  }

  @Test func theSameSeedGivesTheSameCourse() {
    let courses = (0..<2).map { _ in
      var misfortune = Misfortune(seed: 8)
      (misfortune.faultCount, misfortune.insiderCount) = (10, 2)
      var cluster = SimulatedCluster(
        ToyRun(steps: 8, replicas: 5, evaluationInterval: 3), misfortune, seed: 77)
      cluster.runToEnd()
      return [cluster.now, Double(cluster.dataMessages)]
    }
    #expect(courses[0] == courses[1])
  }

  /// A simulation whose faults do not happen would find nothing.
  @Test func everyFaultHappens() {
    var counts: [Fault: Int] = [:]
    for seed in UInt64(0)..<60 {
      var misfortune = Misfortune(seed: seed)
      misfortune.faultCount = 12
      var cluster = SimulatedCluster(Self.run(seed), misfortune, seed: seed)
      cluster.runToEnd()
      counts.merge(cluster.allowance.counts, uniquingKeysWith: +)
    }
    for fault in Fault.allCases { #expect(counts[fault, default: 0] > 3, "\(fault): \(counts)") }
  }

  // MARK: One kind of trouble

  /// A contribution takes three seconds to leave, longer than the resend time: it leaves once.
  @Test(arguments: UInt64(0)..<5) func aSlowLinkCarriesEverythingOnce(seed: UInt64) {
    let run = ToyRun(steps: 6, replicas: 3, evaluationInterval: 3)
    var quick = SimulatedCluster(run, Misfortune(name: "nothing"), seed: seed)
    quick.runToEnd()
    var links = Misfortune(name: "slow links")
    links.secondsPerMessage = 0.75
    var slow = SimulatedCluster(run, links, seed: seed)
    slow.runToEnd()
    #expect(Self.faults(of: slow) == [])
    // Inquiries and knocks are small; chunks are not sent twice.
    #expect(slow.dataMessages < 2 * quick.dataMessages)
    // Three chunks and measurements each way and step, and the evaluations.
    #expect(slow.now < 6 * 8 + 30, "after \(slow.now) s")
  }

  /// A data connection that is dead in one direction, while the control connection lives, costs the
  /// time until its work is given to another, once.
  @Test(arguments: [Direction.toServer, .toWorker], UInt64(0)..<5)
  func aHalfDeadConnectionCostsItsWorkOnce(cut: Direction, seed: UInt64) {
    let run = ToyRun(steps: 40, replicas: 6, evaluationInterval: 50)
    var misfortune = Misfortune(name: "cut")
    misfortune.cut = cut
    var cluster = SimulatedCluster(run, misfortune, seed: seed)
    cluster.runToEnd()
    #expect(Self.faults(of: cluster) == [])
    // Two seconds a step, and one or two waits of thirty.
    #expect(cluster.now < 40 * 2 + 80, "after \(cluster.now) s")
  }

  // MARK: Insiders

  /// Whoever fails, or sends what is no number, costs little and changes nothing: two honest
  /// workers are there.
  @Test(arguments: [Insider.Conduct.fails, .sendsNaN, .sleeps], [false, true])
  func anInsiderThatDoesNotDoItsWorkChangesNothing(conduct: Insider.Conduct, hasKeys: Bool) {
    for seed in UInt64(0)..<10 {
      let run = ToyRun(steps: 12, replicas: 6, evaluationInterval: 3)
      var misfortune = Misfortune(name: "an insider")
      (misfortune.insiderCount, misfortune.insider) = (1, conduct)
      misfortune.hasKeys = hasKeys
      var cluster = SimulatedCluster(run, misfortune, seed: seed)
      cluster.runToEnd()
      #expect(Self.faults(of: cluster) == [], "seed \(seed)")
      // One that sleeps is given work ever more rarely.
      #expect(cluster.now < 12 * 3 + 160, "seed \(seed): after \(cluster.now) s")
    }
  }

  /// Whoever lies in its own work is found when all of it is audited, and no lie counts.
  @Test func aLiarIsFoundAndNamed() {
    for seed in UInt64(0)..<20 {
      let run = ToyRun(steps: 8, replicas: 4, evaluationInterval: 3)
      var misfortune = Misfortune(name: "a liar")
      (misfortune.insiderCount, misfortune.insider, misfortune.audit) = (1, .lies, 1)
      var cluster = SimulatedCluster(run, misfortune, seed: seed)
      cluster.runToEnd()
      #expect(Self.faults(of: cluster) == [], "seed \(seed)")
      let named = cluster.lines.all.filter { $0.contains("its machine cannot be relied on") }
      #expect(named.contains { $0.hasPrefix("worker ") }, "seed \(seed): \(cluster.lines.all)")
    }
  }

  /// Without an audit nobody notices: that is why there is one.
  @Test func withoutAnAuditALieCounts() {
    let run = ToyRun(steps: 8, replicas: 4, evaluationInterval: 3)
    var misfortune = Misfortune(name: "a liar")
    (misfortune.insiderCount, misfortune.insider) = (1, .lies)
    var cluster = SimulatedCluster(run, misfortune, seed: 1)
    cluster.runToEnd()
    #expect(Self.faults(of: cluster).contains("the digests differ"))
  }
}
