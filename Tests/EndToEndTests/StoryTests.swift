// Stories from files: looked over, packed, trained on, and read as they are published.

import Foundation
import Learning
import RelationNetworks
import TestSupport
import Testing
import Training

@Suite struct StoryTests {
  private let workspace: Workspace

  init() throws {
    workspace = try Workspace()
    try StoryFiles.write(to: workspace.path("stories"))
  }

  private static let options = [
    "babi", "--preset", "small", "--steps", "4", "--evaluate-every", "2", "--batch-size", "8",
    "--set", "pairWidths=8", "--set", "readoutWidths=8", "--set", "tasks=1,8,16",
  ]

  /// Packs the stories and trains on them.
  private func train(_ options: [String], run: String) throws -> Ended {
    try workspace.relate(["train"] + Self.options + options + ["--run", run]).requiringSuccess()
  }

  private func pack() throws {
    let ended = try workspace.relate(["data", "import", "babi", "stories", "--to", "packed"])
      .requiringSuccess()
    #expect(ended.output == "Packed 50 test, 200 training, 50 validation samples in packed\n")
  }

  @Test func publishedFilesAreLookedOver() throws {
    let ended = try workspace.relate(["data", "check", "stories"]).requiringSuccess()
    #expect(ended.output.hasPrefix("babi, as it is published\n  test: 50 samples\n"))
    #expect(ended.output.hasSuffix("All is well.\n"))
    expectRefusal(
      try workspace.relate(["data", "check", "stories", "--renew"]), ["has no description"])
    let path = workspace.path("stories/qa1_valid.txt")
    let text = try String(contentsOfFile: path, encoding: .utf8)
    try text.replacing("2 ", with: "3 ").replacing("5 Where", with: "5Where")
      .write(toFile: path, atomically: true, encoding: .utf8)
    let found = try workspace.relate(["data", "check", "stories"])
    #expect(found.code == 1)
    #expect(found.output.contains("stories/qa1_valid.txt, line 2: the line has the number 3"))
    #expect(found.output.contains("stories/qa1_valid.txt, line 5: a line begins with its number"))
    expectRefusal(
      try workspace.relate(["data", "import", "babi", "stories", "--to", "packed"]),
      ["stories/qa1_valid.txt, line 2"])
    #expect(!FileManager.default.fileExists(atPath: workspace.path("packed/dataset.json")))
  }

  @Test func packedStoriesAreTrainedOnByAnyNumberOfProcesses() throws {
    try pack()
    #expect(
      try workspace.relate(["data", "check", "packed"]).requiringSuccess().output
        .hasSuffix("All is well.\n"))
    let ended = try train(["--data", "packed", "--workers", "2"], run: "two")
    #expect(ended.output.contains("tasks-passed"))
    _ = try train(["--data", "packed", "--single-process"], run: "one")
    #expect(try workspace.run("one").digests() == workspace.run("two").digests())
    let summary = try #require(try workspace.run("one").readSummary())
    #expect(summary.test.metrics["tasks_passed"] != nil)
    #expect(summary.test.metrics["mean_error"] != nil)
    #expect(
      Set(summary.test.categories.keys) == [
        "single-supporting-fact", "lists-sets", "basic-induction",
      ])
  }

  /// A folder with the files of one split is enough, and nothing has to be packed.
  @Test func aPublishedModelReadsFilesAsTheyAre() throws {
    try pack()
    _ = try train(["--data", "packed", "--single-process"], run: "run")
    try workspace.relate(["publish", "run", "--to", "model"]).requiringSuccess()
    try StoryFiles.write(to: workspace.path("test"), splits: ["test"])
    let outputs = try ["packed", "stories", "test"].map { data in
      try workspace.relate(["evaluate", "model", "--data", data, "--split", "test", "--json"])
        .requiringSuccess().output
    }
    #expect(outputs[1] == outputs[0] && outputs[2] == outputs[0])
    let report = try JSONDecoder().decode(JSONValue.self, from: Data(outputs[0].utf8))
    #expect(report["samples"]?.integer == 50)
    let metrics = try #require(report["metrics"])
    for name in ["tasks_passed", "mean_error", "accuracy/single-supporting-fact"] {
      #expect(metrics[name] != nil, "\(name)")
    }
    expectRefusal(
      try workspace.relate(["evaluate", "model", "--data", "test", "--split", "validation"]),
      ["no validation split"])
    try workspace.relate(
      ["evaluate", "model", "--data", "test", "--predictions", "answers.jsonl"]
    ).requiringSuccess()
    let lines = try String(contentsOfFile: workspace.path("answers.jsonl"), encoding: .utf8)
      .split(separator: "\n").map { try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8)) }
    #expect(lines.count == 50)
    #expect(lines.allSatisfy { $0["question"]?.text?.hasSuffix("?") == true })
    #expect(
      lines.allSatisfy {
        $0.names == ["answer", "probability", "question", "sample", "story", "task", "truth"]
      })
  }

  @Test func storiesThatAreNotPackedAreNotTrainedOn() throws {
    expectRefusal(
      try workspace.relate(["train"] + Self.options + ["--run", "run"]), code: 64,
      ["babi learns from stories on disk", "--data DIR"])
    expectRefusal(
      try workspace.relate(["train"] + Self.options + ["--data", "stories", "--run", "run"]),
      ["relate data import TASK stories --to DIR"])
    #expect(!FileManager.default.fileExists(atPath: workspace.path("run")))
  }
}
