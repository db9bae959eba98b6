// Trained models that are given away: tried here, and loaded by another program.

import Files
import Foundation
import Learning
import NeuralNetworks
import Tensors
import Testing
import Training

@Suite struct PublishedModelTests {
  private let workspace: Workspace

  init() throws { workspace = try Workspace() }

  private func publish() throws {
    try workspace.relate(["publish", try Reference.short.get().run.path, "--to", "model"])
      .requiringSuccess()
  }

  @Test func aPublishedModelIsEvaluatedLikeItsRun() throws {
    try publish()
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: workspace.path("model")).sorted()
        == ["experiment.json", "summary.json", "weights.safetensors"])
    let run = try Reference.short.get().run.path
    for split in Split.allCases.map(\.rawValue) {
      let outputs = try ["model", run].map {
        try workspace.relate(["evaluate", $0, "--split", split, "--json"]).requiringSuccess().output
      }
      #expect(outputs[0] == outputs[1])
    }
    expectRefusal(
      try workspace.relate(["publish", run, "--to", "model"]), ["model exists already"])
    expectRefusal(
      try workspace.relate(["evaluate", "model", "--step", "1"]), ["published model", "step"])
  }

  /// The models that come with the sources do what is said of them, on any engine but for a few
  /// samples that lie between two answers.
  @Test func theModelsThatAreShippedDoWhatTheirSummarySays() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("models")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(names.contains("sort-of-clevr-quick"))
    for name in names {
      let model = RunDirectory(path: folder.appendingPathComponent(name).path)
      let summary = try #require(try model.readSummary())
      let output = try workspace.relate(
        ["evaluate", model.path, "--json"] + dataOptions(of: model, name)
      ).requiringSuccess().output
      let result = try JSONDecoder().decode(JSONValue.self, from: Data(output.utf8))
      #expect(result["step"] == .integer(summary.bestStep))
      for (path, expected) in summary.test.metrics {
        let value = try #require(result["metrics"]?[path])
        let found = if case .integer(let whole) = value { Double(whole) } else { number(value) }
        #expect(abs(found - expected) < 0.004, "\(name): \(path)")
      }
    }
  }

  /// Where the data of a model are that was trained on packed ones: what was generated before it was
  /// packed is generated again.
  private func dataOptions(of model: RunDirectory, _ name: String) throws -> [String] {
    let experiment = try model.readExperiment().experiment
    guard experiment.data != nil else { return [] }
    let data = workspace.path("data-of-\(name)")
    try workspace.relate(
      ["generate", experiment.task.family, "--out", data, "--split", "test"]
    ).requiringSuccess()
    return ["--data", data]
  }

  private func number(_ value: JSONValue) -> Double {
    if case .number(let number) = value { number } else { .nan }
  }

  @Test func anUnfinishedRunIsNotPublished() throws {
    let copy = workspace.run("copy")
    try FileManager.default.copyItem(atPath: Reference.short.get().run.path, toPath: copy.path)
    try FileManager.default.removeItem(atPath: copy.summaryPath)
    expectRefusal(
      try workspace.relate(["publish", "copy", "--to", "model"]), ["copy is not finished"])
    #expect(!FileManager.default.fileExists(atPath: workspace.path("model")))
  }

  @Test func aDamagedModelIsNotUsed() throws {
    try publish()
    let path = workspace.path("model/weights.safetensors")
    var data = try Data(contentsOf: URL(fileURLWithPath: path))
    data[data.count - 9] ^= 4
    try data.write(to: URL(fileURLWithPath: path))
    expectRefusal(
      try workspace.relate(["evaluate", "model"]), ["weights.safetensors", "checksum"])
    expectRefusal(try workspace.relate(["export", "model", "--to", "weights"]), ["checksum"])
  }

  /// The lines of docs/PARAMETERS.md that load exported weights.
  private func snippet() throws -> String {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("docs/PARAMETERS.md").path
    let blocks = try String(contentsOfFile: path, encoding: .utf8)
      .components(separatedBy: "```python\n").dropFirst()
      .compactMap { $0.components(separatedBy: "```").first }
    return try #require(blocks.first { $0.contains("load_state_dict") })
  }

  private static let shapes = [
    "rn.f.0.bias": [128], "rn.f.0.weight": [128, 128], "rn.f.2.bias": [128],
    "rn.f.2.weight": [128, 128], "rn.f.4.bias": [10], "rn.f.4.weight": [10, 128],
    "rn.g.0.bias": [128], "rn.g.0.weight": [128, 31], "rn.g.2.bias": [128],
    "rn.g.2.weight": [128, 128], "rn.g.4.bias": [128], "rn.g.4.weight": [128, 128],
    "rn.g.6.bias": [128], "rn.g.6.weight": [128, 128],
  ]

  /// With PyTorch the documented lines themselves; without, the header read in plain Python.
  @Test(.enabled(if: hasPython, "needs python3")) func pythonLoadsWhatWasExported() throws {
    try publish()
    try workspace.relate(["export", "model", "--to", "weights.safetensors"]).requiringSuccess()
    let hasTorch = try workspace.shell("python3 -c 'import torch, safetensors.torch'").code == 0
    let tail =
      hasTorch
      ? """

      shapes = {name: list(value.shape) for name, value in model.state_dict().items()}
      first = model.state_dict()["rn.f.4.bias"].tolist()
      """
      : """
      import json, struct
      data = open("weights.safetensors", "rb").read()
      count, = struct.unpack("<Q", data[:8])
      header = json.loads(data[8:8 + count])
      header.pop("__metadata__")
      assert all(entry["dtype"] == "F32" for entry in header.values())
      shapes = {name: entry["shape"] for name, entry in header.items()}
      start, end = header["rn.f.4.bias"]["data_offsets"]
      first = list(struct.unpack("<10f", data[8 + count + start:8 + count + end]))
      """
    let program =
      (hasTorch ? try snippet() : "") + tail
      + "\nimport json\nprint(json.dumps({\"shapes\": shapes, \"first\": first}))\n"
    try program.write(toFile: workspace.path("load.py"), atomically: true, encoding: .utf8)
    let output = try workspace.shell("exec python3 load.py").requiringSuccess().output
    struct Loaded: Decodable {
      let shapes: [String: [Int]]
      let first: [Float]
    }
    let loaded = try JSONDecoder().decode(Loaded.self, from: Data(output.utf8))
    #expect(loaded.shapes == Self.shapes)
    let file = try Safetensors(contentsOf: workspace.path("weights.safetensors"))
    #expect(try file.tensor("rn.f.4.bias").scalars == loaded.first)
    // Whoever has no PyTorch at least knows that the lines are there.
    #expect(try snippet().contains("load_file(\"weights.safetensors\")"))
  }
}
