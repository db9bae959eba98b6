// Systems of balls through the executables: trained, written, packed and looked at.

import Foundation
import Learning
import Testing
import Training

@Suite struct PhysicalCommandTests {
  private let workspace: Workspace

  init() throws { workspace = try Workspace() }

  private static let sizes = [
    "--set", "pairWidths=8", "--set", "readoutWidths=8", "--set", "scenes.training=20", "--set",
    "scenes.validation=5", "--set", "scenes.test=5",
  ]
  private static let run = [
    "--steps", "2", "--batch-size", "4", "--replicas", "2", "--evaluate-every", "2",
  ]

  /// The simulator greets on standard output, where nothing but JSON may stand; and the bits do not
  /// depend on who makes the scenes.
  @Test func aRunIsTrainedAndEvaluated() throws {
    let train = ["train", "physical"] + Self.sizes + Self.run
    try workspace.relate(train + ["--run", "one", "--single-process"]).requiringSuccess()
    try workspace.relate(train + ["--run", "two", "--workers", "2"]).requiringSuccess()
    #expect(try workspace.run("one").digests() == workspace.run("two").digests())
    let ended = try workspace.relate(["evaluate", "one", "--json"]).requiringSuccess()
    let result = try JSONDecoder().decode(JSONValue.self, from: Data(ended.output.utf8))
    #expect(result["samples"] == .integer(5))
    #expect(
      result["metrics"]?.names.contains("links/recall") == true
        && result["metrics"]?.names.contains("scenes") == true)
    let record = try #require(
      FileManager.default.contents(atPath: workspace.path("one/experiment.json")))
    #expect(String(decoding: record, as: UTF8.self).contains("Chipmunk 7"))
  }

  @Test func writtenScenesAreThoseThatTrainingMakes() throws {
    try workspace.relate(["generate", "physical", "--out", "scenes"] + Self.sizes)
      .requiringSuccess()
    try workspace.relate(["data", "check", "scenes"]).requiringSuccess()
    let packed = try workspace.relate(["data", "import", "physical", "scenes", "--to", "packed"])
      .requiringSuccess()
    #expect(packed.output == "Packed 5 test, 20 training, 5 validation samples in packed\n")
    let train = ["train", "physical", "--single-process"] + Self.sizes + Self.run
    try workspace.relate(train + ["--run", "made"]).requiringSuccess()
    for data in ["scenes", "packed"] {
      try workspace.relate(train + ["--run", "of-\(data)", "--data", data]).requiringSuccess()
      #expect(
        try workspace.run("made").digests() == workspace.run("of-\(data)").digests(), "\(data)")
    }
    try workspace.relate([
      "evaluate", "made", "--data", "packed", "--predictions", "links.jsonl",
    ]).requiringSuccess()
    let lines = try #require(
      FileManager.default.contents(atPath: workspace.path("links.jsonl"))
    ).split(separator: UInt8(ascii: "\n"))
    #expect(lines.count == 5)
    let line = try JSONDecoder().decode(JSONValue.self, from: lines[0])
    #expect(line["places"]?.list?.count == 10 && line["truth"]?.list != nil)
  }

  /// One file of numpy is enough to try a model on.
  @Test func aModelIsTriedOnAFileOfNumpy() throws {
    let train = ["train", "physical", "--single-process", "--run", "run"] + Self.sizes + Self.run
    try workspace.relate(train).requiringSuccess()
    try workspace.relate(
      ["generate", "physical", "--split", "test", "--out", "scenes"] + Self.sizes
    ).requiringSuccess()
    try FileManager.default.removeItem(atPath: workspace.path("scenes/dataset.json"))
    let check = try workspace.relate(["data", "check", "scenes"]).requiringSuccess()
    #expect(check.output == "physical, as it is published\n  test: 5 samples\nAll is well.\n")
    let evaluate = ["evaluate", "run", "--split", "test", "--json"]
    #expect(
      try workspace.relate(evaluate + ["--data", "scenes"]).requiringSuccess().output
        == workspace.relate(evaluate).requiringSuccess().output)
  }

  @Test func whatIsNoDataIsSaid() throws {
    try FileManager.default.createDirectory(
      atPath: workspace.path("nothing"), withIntermediateDirectories: true)
    let ended = try workspace.relate(["data", "import", "physical", "nothing", "--to", "packed"])
    #expect(ended.code == 1 && "\(ended)".contains("there is no split, such as test.npz"))
    let train = ["train", "physical", "--single-process", "--set", "simulator=Chipmunk 1"]
    let other = try workspace.relate(train + Self.sizes + Self.run + ["--run", "other"])
    #expect(other.code != 0 && "\(other)".contains("the scenes are those of Chipmunk 1"))
  }
}
