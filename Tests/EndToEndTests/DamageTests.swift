// Files of a run that are damaged, foreign or cannot be written: said clearly, and nothing is lost.

import Foundation
import Learning
import NeuralNetworks
import Testing
import Training

@Suite struct DamageTests {
  private let workspace: Workspace
  private let run: RunDirectory

  /// Begins with a copy of a run that ended just before its summary, with checkpoints of steps 2
  /// and 4.
  init() throws {
    workspace = try Workspace()
    run = workspace.run("run")
    try FileManager.default.copyItem(atPath: Reference.short.get().run.path, toPath: run.path)
    try FileManager.default.removeItem(atPath: run.summaryPath)
    #expect(run.checkpointSteps() == [2, 4])
  }

  private func resume() throws -> Ended {
    try workspace.relate(["train", "--run", "run", "--resume", "--single-process"])
  }

  private func change(_ path: String, _ change: (inout Data) -> Void) throws {
    var data = try Data(contentsOf: URL(fileURLWithPath: path))
    change(&data)
    try data.write(to: URL(fileURLWithPath: path))
  }

  /// The run goes on from the checkpoint before the last one, says so, and keeps the damaged one.
  private func expectFallback(from damaged: String) throws {
    let content = try #require(FileManager.default.contents(atPath: damaged))
    let ended = try resume().requiringSuccess()
    let note = "\(damaged.split(separator: "/").last ?? "") cannot be used"
    #expect(ended.output.contains(note) && ended.output.contains("goes on from step 2"), "\(ended)")
    #expect(FileManager.default.contents(atPath: damaged + ".damaged") == content)
    #expect(try run.digests() == Reference.short.get().digests)
  }

  @Test(arguments: [0, 4, 100, 5_000, 500_000])
  func aTruncatedCheckpointIsNotUsed(bytes: Int) throws {
    let path = run.checkpointPath(step: 4)
    try change(path) { $0 = $0.prefix(bytes) }
    try expectFallback(from: path)
  }

  @Test(arguments: [3, 40, 2_000, 200_000, 1_000_000])
  func aFlippedBitInACheckpointIsNoticed(byte: Int) throws {
    let path = run.checkpointPath(step: 4)
    try change(path) { $0[byte] ^= 4 }
    try expectFallback(from: path)
  }

  @Test func aCheckpointOfAnotherExperimentIsNotUsed() throws {
    try workspace.train(.short, ["--single-process", "--seed", "2"], run: "other")
    let path = run.checkpointPath(step: 4)
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.copyItem(
      atPath: workspace.run("other").checkpointPath(step: 4), toPath: path)
    expectRefusal(try resume(), ["another experiment"])
    expectRefusal(
      try workspace.relate(["evaluate", "run", "--step", "4"]), ["another experiment"])
  }

  @Test func aChangedExperimentIsNoticed() throws {
    try change(run.experimentPath) {
      $0 = Data(
        String(decoding: $0, as: UTF8.self).replacing(
          "\"batchSize\" : 4", with: "\"batchSize\" : 5"
        )
        .utf8)
    }
    expectRefusal(try resume(), ["another experiment"])
  }

  @Test func anImpossibleExperimentIsNoticed() throws {
    try change(run.experimentPath) {
      $0 = Data(
        String(decoding: $0, as: UTF8.self).replacing(
          "\"evaluationInterval\" : 2", with: "\"evaluationInterval\" : 0"
        ).utf8)
    }
    expectRefusal(try resume(), ["experiment.json is damaged", "evaluation interval"])
  }

  @Test(arguments: ["experiment.json", "steps.jsonl"])
  func damagedRecordsAreNoticed(name: String) throws {
    try change("\(run.path)/\(name)") { $0[0] = UInt8(ascii: "}") }
    expectRefusal(try resume(), [name, "damaged"])
  }

  @Test func aDamagedEvaluationIsDoneAgain() throws {
    let evaluations = try run.readEvaluations().filter { $0.split == .validation }
    try change(run.evaluationsPath) { $0[0] = UInt8(ascii: "}") }
    let ended = try resume().requiringSuccess()
    #expect(ended.output.contains("evaluations.jsonl has 1 damaged line"), "\(ended)")
    let found = try run.readEvaluations().filter { $0.split == .validation }
    #expect(found.sorted { $0.step < $1.step } == evaluations)
  }

  @Test func halfALineAtTheEndIsNoDamage() throws {
    try change(run.stepsPath) { $0 += Data("{\"step\":5,\"lo".utf8) }
    try resume().requiringSuccess()
    #expect(try run.digests() == Reference.short.get().digests)
  }

  @Test(arguments: [["--single-process"], ["--workers", "1"]])
  func aRunIsNotWrittenOver(arguments: [String]) throws {
    let before = try Data(contentsOf: URL(fileURLWithPath: run.stepsPath))
    let ended = try workspace.start(.short, arguments, run: "run").wait()
    expectRefusal(ended, ["There is a run in run already", "--resume"])
    #expect(try Data(contentsOf: URL(fileURLWithPath: run.stepsPath)) == before)
  }

  @Test func withoutItsBestCheckpointARunReportsOnTheBestThatIsLeft() throws {
    var evaluations = try run.readEvaluations().filter { $0.split == .validation }
    #expect(evaluations.map(\.step) == [2, 4])
    (evaluations[0].metrics["accuracy"], evaluations[1].metrics["accuracy"]) = (0.9, 0.1)
    let lines = try evaluations.map {
      String(decoding: try JSONEncoder().encode($0), as: UTF8.self)
    }
    try (lines.joined(separator: "\n") + "\n")
      .write(toFile: run.evaluationsPath, atomically: true, encoding: .utf8)
    try FileManager.default.removeItem(atPath: run.checkpointPath(step: 2))
    let ended = try resume().requiringSuccess()
    #expect(ended.output.contains("The checkpoint of step 2, the best by validation, is gone"))
    #expect(try run.readSummary()?.bestStep == 4)
  }

  @Test func withoutAnyCheckpointARunIsNotBegunAgain() throws {
    let before = [run.stepsPath, run.evaluationsPath].map(FileManager.default.contents)
    try FileManager.default.removeItem(atPath: run.checkpointsPath)
    expectRefusal(try resume(), ["checkpoints", "was evaluated", "--run"])
    #expect([run.stepsPath, run.evaluationsPath].map(FileManager.default.contents) == before)
  }

  @Test(arguments: [["--single-process"], ["--workers", "1"]])
  func aCompleteRunIsShownAndNotTouched(arguments: [String]) throws {
    try resume().requiringSuccess()
    try FileManager.default.removeItem(atPath: run.checkpointsPath)
    let ended = try workspace.relate(["train", "--run", "run", "--resume"] + arguments)
      .requiringSuccess()
    #expect(ended.output.contains("The run is complete."))
    #expect(ended.output.contains(try Reference.short.get().digests.last?.description ?? "none"))
    #expect(!FileManager.default.fileExists(atPath: run.checkpointsPath))
  }

  @Test func whatACrashLeftOfACheckpointIsRemoved() throws {
    let left = run.checkpointPath(step: 3) + ".partial"
    try Data(repeating: 1, count: 100).write(to: URL(fileURLWithPath: left))
    try resume().requiringSuccess()
    #expect(!FileManager.default.fileExists(atPath: left))
  }

  /// A limit to the size of files stands for a full disk: the same call fails at the same place.
  @Test(arguments: ["--single-process", "--workers 1"])
  func aFullDiskLosesNothing(arguments: String) throws {
    let train = ([Executable.relate.path, "train"] + Trial.short.options).joined(separator: " ")
    let ended = try workspace.shell(
      "trap '' XFSZ; ulimit -f 100; exec \(train) \(arguments) --run full")
    expectRefusal(ended, ["File too large"])
    #expect(workspace.run("full").checkpointSteps() == [])
    let left = try FileManager.default.contentsOfDirectory(
      atPath: workspace.run("full").checkpointsPath)
    #expect(left == [])
    try workspace.resume("full", ["--workers", "1"])
    #expect(try workspace.run("full").digests() == Reference.short.get().digests)
  }
}
