// CLEVR by the commands: generated, looked over, packed, trained on and evaluated.

import Foundation
import Testing
import Training

@Suite struct CLEVRCommandTests {
  private let workspace: Workspace

  init() throws { workspace = try Workspace() }

  private static let scenes = ["training=12", "validation=3", "test=3"].flatMap {
    ["--set", "scenes.\($0)"]
  }

  private func relate(_ arguments: [String]) throws -> Ended {
    try workspace.relate(
      arguments, environment: ["RELATE_CACHE": workspace.path("cache")], atMost: 120)
  }

  /// Trains a few steps of a small model of the kind.
  private func train(_ model: String, _ options: [String], run: String) throws {
    let sizes = [
      "convolutionChannels=4,4,4,4", "questionWidth=8", "pairWidths=16,16", "readoutWidths=16",
      "model=\(model)",
    ].flatMap { ["--set", $0] }
    try relate(
      ["train", "clevr", "--preset", "state-small", "--run", run, "--single-process"]
        + ["--steps", "3", "--batch-size", "4", "--evaluate-every", "3", "--precision", "fp32"]
        + sizes + options
    ).requiringSuccess()
  }

  /// One and the same run and its results, whether the data are generated, read or mapped.
  @Test(arguments: ["state-rn", "cnn-rn"]) func formsOfTheDataDoNotMatter(model: String) throws {
    try relate(["generate", "clevr", "--out", "data"] + Self.scenes).requiringSuccess()
    #expect(
      try relate(["data", "check", "data"]).requiringSuccess().output.contains("All is well"))
    let packed = try relate(["data", "import", "clevr", "data", "--to", "packed"])
      .requiringSuccess()
    #expect(packed.output == "Packed 30 test, 120 training, 30 validation samples in packed\n")
    #expect(
      try relate(["data", "check", "packed"]).requiringSuccess().output.contains("All is well"))
    try train(model, Self.scenes, run: "generated")
    try train(model, ["--data", "data"], run: "read")
    try train(model, ["--data", "packed"], run: "mapped")
    let digests = try workspace.run("generated").digests()
    #expect(try workspace.run("read").digests() == digests)
    #expect(try workspace.run("mapped").digests() == digests)
    // Without its description the folder is one as it is published.
    try FileManager.default.removeItem(atPath: workspace.path("data/dataset.json"))
    let results = try [["--data", "data"], ["--data", "packed"], Self.scenes].map {
      try relate(["evaluate", "generated", "--split", "validation", "--json"] + $0)
        .requiringSuccess().output
    }
    #expect(results[0].contains("\"accuracy/compare-numbers\":"))
    #expect(results[1] == results[0] && results[2] == results[0])
  }

  @Test func predictionsAreInWords() throws {
    try train("question", Self.scenes, run: "run")
    try relate(["evaluate", "run", "--split", "test", "--predictions", "lines.jsonl"])
      .requiringSuccess()
    let lines = try String(contentsOfFile: workspace.path("lines.jsonl"), encoding: .utf8)
      .split(separator: "\n")
    #expect(lines.count == 30)
    for key in ["\"category\":", "\"image\":\"CLEVR_test_00000", "\"question\":", "\"truth\":"] {
      #expect(lines.allSatisfy { $0.contains(key) }, "\(key)")
    }
  }

  @Test func aPublishedFolderIsLookedOver() throws {
    try relate(["generate", "clevr", "--out", "data", "--split", "validation"] + Self.scenes)
      .requiringSuccess()
    try FileManager.default.removeItem(atPath: workspace.path("data/dataset.json"))
    let sound = try relate(["data", "check", "data"]).requiringSuccess()
    #expect(sound.output.contains("validation: 30 samples\nAll is well.\n"))
    try FileManager.default.removeItem(
      atPath: workspace.path("data/images/val/CLEVR_val_000001.png"))
    let damaged = try relate(["data", "check", "data"])
    #expect(damaged.code == 1 && damaged.output.contains("CLEVR_val_000001.png"), "\(damaged)")
    // Models of state descriptions need no images.
    try train("state-rn", Self.scenes, run: "run")
    try relate(["evaluate", "run", "--data", "data", "--split", "validation"]).requiringSuccess()
  }
}
