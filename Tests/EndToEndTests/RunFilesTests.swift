// What a run leaves in its directory, for people and other programs to read.

import Foundation
import Glibc
import Learning
import NeuralNetworks
import Testing
import Training

@Suite struct RunFilesTests {
  private func run() throws -> RunDirectory { try Reference.short.get().run }

  private func json(_ path: String) throws -> JSONValue {
    try JSONDecoder().decode(
      JSONValue.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
  }

  private func lines(_ path: String) throws -> [JSONValue] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
      try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8))
    }
  }

  private static let metrics = [
    "accuracy", "accuracy/non_relational", "accuracy/non_relational/horizontal",
    "accuracy/non_relational/shape", "accuracy/non_relational/vertical", "accuracy/relational",
    "accuracy/relational/closest", "accuracy/relational/count", "accuracy/relational/furthest",
    "loss",
  ]

  @Test func theFilesOfARun() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: run().path).sorted()
    #expect(
      names == [
        "checkpoints", "evaluations.jsonl", "experiment.json", "lock", "logs", "steps.jsonl",
        "summary.json",
      ])
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: run().checkpointsPath).sorted() == [
        "step-00000002.safetensors", "step-00000004.safetensors",
      ])
  }

  @Test func stepsHaveALineEach() throws {
    let workspace = try Workspace()
    try workspace.train(.short, ["--workers", "1"], run: "run")
    let steps = try lines(workspace.run("run").stepsPath)
    #expect(steps.count == Trial.short.steps)
    for (index, step) in steps.enumerated() {
      #expect(
        step.names == [
          "accuracy", "data_wait", "digest", "learning_rate", "loss", "seconds", "step",
          "waited_for", "workers",
        ])
      #expect(step["step"] == .integer(index + 1))
      #expect(step["digest"]?.text?.wholeMatch(of: /[0-9a-f]{16}/) != nil)
      #expect(step["waited_for"]?.text?.contains("worker 1 (host ") == true)
    }
  }

  @Test func evaluationsHaveALineEach() throws {
    let evaluations = try lines(run().evaluationsPath)
    #expect(
      evaluations.map { $0["split"] } == ["validation", "validation", "test"].map { .string($0) })
    #expect(evaluations.prefix(2).map { $0["step"] } == [.integer(2), .integer(4)])
    for evaluation in evaluations {
      #expect(
        evaluation.names == [
          "baselines", "counts", "metrics", "samples", "split", "step",
        ])
      #expect(evaluation["metrics"]?.names == Self.metrics)
      #expect(evaluation["counts"]?.names == Self.metrics)
    }
  }

  @Test func theSummaryHasItsKeys() throws {
    let summary = try json(run().summaryPath)
    #expect(
      summary.names == ["best_step", "digest", "seconds", "steps", "test", "validation"])
    for split in ["test", "validation"] {
      #expect(
        summary[split]?.names == [
          "categories", "metrics", "non_relational", "overall", "relational",
        ])
      #expect(
        summary[split]?["categories"]?.names == [
          "closest", "count", "furthest", "horizontal", "shape", "vertical",
        ])
    }
    #expect(summary["test"]?["metrics"]?.names == Self.metrics)
    #expect(summary["test"]?["overall"] == summary["test"]?["metrics"]?["accuracy"])
    #expect(summary["steps"] == .integer(Trial.short.steps))
    let last = try run().digests().last
    #expect(summary["digest"]?.text == last)
  }

  @Test func theExperimentNamesEverythingThatFixesTheRun() throws {
    let record = try json(run().experimentPath)
    #expect(
      record.names == [
        "earlierSteps", "engine", "experiment", "fingerprint", "machine", "numerics", "relate",
        "samples", "started",
      ])
    #expect(record["experiment"]?["batchSize"] == .integer(4))
    // The file is what the next run may begin from.
    let workspace = try Workspace()
    let path = try run().experimentPath
    try workspace.relate(["train", "--experiment", path, "--single-process", "--run", "run"])
      .requiringSuccess()
    #expect(try workspace.run("run").digests() == Reference.short.get().digests)
  }

  @Test func checkpointsAreSafetensors() throws {
    let file = try Data(contentsOf: URL(fileURLWithPath: run().checkpointPath(step: 4)))
    let headerCount = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try JSONDecoder().decode(
      [String: JSONValue].self, from: file.dropFirst(8).prefix(headerCount))
    let metadata = try #require(header["__metadata__"])
    #expect(metadata["step"]?.text == "4")
    let last = try run().digests().last
    #expect(metadata["digest"]?.text == last)
    let names = header.keys.filter { $0 != "__metadata__" }
    let parameters = names.filter { $0.hasPrefix("model.") }.map { $0.dropFirst(6) }
    for kind in ["adam.first.", "adam.second."] {
      let moments = names.filter { $0.hasPrefix(kind) }.map { $0.dropFirst(kind.count) }
      #expect(moments.count > 4)
      #expect(Set(moments).isSubset(of: parameters))
    }
    let byteCount = names.compactMap { header[$0]?["data_offsets"]?.list?.last?.integer }.max()
    #expect(byteCount == file.count - 8 - headerCount)
  }

  @Test func aResumedRunReadsAsIfItHadNeverBeenInterrupted() throws {
    let workspace = try Workspace()
    let launcher = try workspace.start(.states, ["--workers", "2"], run: "run")
    let run = workspace.run("run")
    try run.waitForStep(40)
    launcher.send(SIGTERM)
    #expect(try launcher.wait().code == 130)
    try workspace.resume("run", ["--workers", "1"])
    let reference = try Reference.states.get()
    func settled(_ step: StepRecord) -> StepRecord {
      var step = step
      (step.seconds, step.dataWait, step.waitedFor, step.workers) = (0, nil, nil, nil)
      return step
    }
    #expect(try run.readSteps().map(settled) == reference.run.readSteps().map(settled))
    func sorted(_ reports: [EvaluationReport]) -> [EvaluationReport] {
      reports.sorted { ($0.split.rawValue, $0.step) < ($1.split.rawValue, $1.step) }
    }
    #expect(try sorted(run.readEvaluations()) == sorted(reference.run.readEvaluations()))
    var summary = try #require(try run.readSummary())
    (summary.seconds, summary.activity) = (reference.summary.seconds, nil)
    #expect(summary == reference.summary)
    #expect(run.checkpointSteps() == reference.run.checkpointSteps())
    for step in run.checkpointSteps() {
      let files = [run, reference.run].map { $0.checkpointPath(step: step) }
      #expect(FileManager.default.contentsEqual(atPath: files[0], andPath: files[1]))
    }
  }
}
