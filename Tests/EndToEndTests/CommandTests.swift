// The commands beside training: what they print, write and end with.

import Foundation
import NeuralNetworks
import RelationNetworks
import Tensors
import Testing
import Training

@Suite struct CommandTests {
  private let workspace: Workspace

  init() throws { workspace = try Workspace() }

  private func json(_ text: String) throws -> JSONValue {
    try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
  }

  @Test(arguments: [
    "", "tasks", "train", "evaluate", "generate", "compare", "bench", "bench step",
    "bench kernels", "parity",
  ])
  func helpHasAnExample(command: String) throws {
    let words = command.split(separator: " ").map(String.init)
    let help = try workspace.relate(words + ["--help"]).requiringSuccess().output
    #expect(help.contains("Example: relate \(command)"))
    #expect(help.contains("USAGE: relate \(command)"))
    #expect(!hasUnexplainedOption(help), "\(help)")
  }

  @Test(arguments: [Executable.server, .worker])
  func theRolesHaveHelpWithAnExample(role: Executable) throws {
    let help = try RunningProcess(role, ["--help"], in: workspace).wait().requiringSuccess().output
    #expect(help.contains("Example: \(role.rawValue) "))
    #expect(!hasUnexplainedOption(help), "\(help)")
    let version = try RunningProcess(role, ["--version"], in: workspace).wait().requiringSuccess()
    #expect(version.output.wholeMatch(of: /\d+\.\d+\.\d+\n/) != nil)
  }

  /// Whether an option has no explanation behind it or below it.
  private func hasUnexplainedOption(_ help: String) -> Bool {
    let lines = help.split(separator: "\n", omittingEmptySubsequences: false)
    return zip(lines, lines.dropFirst() + [""]).contains { line, next in
      line.wholeMatch(of: /\ \ (-|<)\S*( <\S*>)?\s*/) != nil && !next.hasPrefix("        ")
    }
  }

  @Test func tasksAreListedWithModelsAndPresets() throws {
    let output = try workspace.relate(["tasks"]).requiringSuccess().output
    for name in ["sort-of-clevr", "cnn-rn", "cnn-mlp", "small", "paper", "quick", "parameters"] {
      #expect(output.contains(name))
    }
  }

  @Test func otherStepsStretchTheCyclesOfAPreset() throws {
    try workspace.relate(
      [
        "train", "sort-of-clevr", "--preset", "small", "--run", "run", "--single-process",
        "--steps", "19", "--batch-size", "1", "--training-images", "20",
        "--validation-images", "1", "--test-images", "1",
      ]
    ).requiringSuccess()
    let experiment = try workspace.run("run").readExperiment().experiment
    #expect(experiment.steps == 19)
    #expect(
      experiment.learningRate
        == .cosineRestarts(rate: 2.5e-4, warmUpSteps: 0, cycles: [11, 8], finalFraction: 0.02))
  }

  @Test func evaluatingGivesTheNumbersOfTheSummary() throws {
    let reference = try Reference.short.get()
    let path = reference.run.path
    let output = try workspace.relate(["evaluate", path, "--json"]).requiringSuccess().output
    let report = try JSONDecoder().decode(EvaluationReport.self, from: Data(output.utf8))
    #expect(SplitSummary(report) == reference.summary.test)
    #expect(report.step == reference.summary.bestStep)
    let table = try workspace.relate(["evaluate", path, "--split", "validation"])
      .requiringSuccess().output
    for name in ["relational", "non-relational", "closest", "overall"] {
      #expect(table.contains(name))
    }
  }

  @Test func runsAreCompared() throws {
    let path = try Reference.short.get().run.path
    let same = try workspace.relate(["compare", path, path])
    #expect(same.code == 0)
    #expect(same.output == "identical: 4 steps\n")
    try workspace.train(.short, ["--single-process", "--seed", "2"], run: "other")
    let other = try workspace.relate(["compare", path, "other"])
    #expect(other.code == 1)
    #expect(other.output.hasPrefix("different from step 1 on: "))
  }

  @Test func aDataSetIsGenerated() throws {
    let arguments = [
      "generate", "sort-of-clevr", "--out", "data", "--training-images", "3",
      "--validation-images", "1", "--test-images", "2", "--scale", "2",
    ]
    try workspace.relate(arguments).requiringSuccess()
    for (split, count) in [("training", 3), ("validation", 1), ("test", 2)] {
      let folder = workspace.path("data/\(split)")
      let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      #expect(names == (0..<count).map { "00000\($0).png" } + ["questions.json"])
      let png = try Data(contentsOf: URL(fileURLWithPath: folder + "/000000.png"))
      #expect(png.prefix(8) == Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
      // The width and the height in the first chunk.
      #expect([UInt8](png[16..<24]) == [0, 0, 0, 150, 0, 0, 0, 150])
      let entries = try json(String(contentsOfFile: folder + "/questions.json", encoding: .utf8))
      #expect(entries.list?.count == count)
      #expect(entries.list?.first?["questions"]?.list?.count == 20)
    }
    // The same again is no mistake, another data set in the same place is one.
    #expect(try workspace.relate(arguments).code == 0)
    #expect(try workspace.relate(arguments + ["--data-seed", "2"]).code == 1)
  }

  private func bench(_ command: String, _ config: String) throws -> JSONValue {
    try json(
      workspace.relate([
        "bench", command, "--config", config, "--batch", "2", "--steps", "2", "--warmup", "1",
        "--json",
      ]).requiringSuccess().output)
  }

  @Test func aStepIsTimed() throws {
    let result = try bench("step", "clevr-state")
    #expect(
      result.names == [
        "batch", "config", "engine", "mode", "ms_median", "ms_min", "parameters", "peak_bytes",
        "peak_rss_bytes", "precision", "samples_per_s", "threads",
      ])
    #expect(result["batch"] == .integer(2))
    guard case .integer(let tensors)? = result["peak_bytes"],
      case .integer(let process)? = result["peak_rss_bytes"]
    else { throw TestFailure("The peaks are no integers.") }
    // At least parameters, both moments and the gradient; and tensors are part of the process.
    #expect(tensors >= 4 * 4 * 2_055_517 && tensors < process)
  }

  @Test func theTimeOfAStepIsSharedOutAmongItsParts() throws {
    let result = try bench("kernels", "babi")
    guard let parts = result["parts"]?.list, case .number(let best)? = result["best_gigaflops"]
    else { throw TestFailure("No parts or no best rate: \(result)") }
    let names = parts.map { $0["name"] }
    #expect(names.contains(.string("relation")) && names.contains(.string("lstm")))
    #expect(best > 1)
    let shares = parts.map { part in
      if case .number(let share)? = part["share"] { share } else { 0.0 }
    }
    #expect(abs(shares.reduce(0, +) - 1) < 0.1)
  }

  @Test func parityTakesAndGivesSafetensors() throws {
    let model = try BenchmarkModel(name: "sort-of-clevr-small")
    var weights = SafetensorsWriter()
    weights.add(ParameterVector(initializing: model.layout, seed: 3))
    try weights.write(to: workspace.path("weights"))
    let inputs = model.randomInputs(batch: 2, seed: 3)
    guard case .numbers(let image) = inputs.seen.scene,
      case .bits(let question) = inputs.seen.question,
      case .labels(let labels) = inputs.target
    else { throw TestFailure("The model takes other inputs than the test gives it.") }
    var batch = SafetensorsWriter()
    batch.add("image", image)
    batch.add("question", question)
    batch.add("target", labels)
    try batch.write(to: workspace.path("batch"))
    for (threads, out) in [("1", "one"), ("2", "two")] {
      try workspace.relate([
        "parity", "--config", "sort-of-clevr-small", "--weights", "weights", "--batch", "batch",
        "--out", out, "--threads", threads,
      ]).requiringSuccess()
    }
    let output = try Safetensors(contentsOf: workspace.path("one"))
    let gradients = model.layout.parameters.map { "gradient.\($0.name)" }
    #expect(Set(output.entries.map(\.name)) == Set(gradients + ["logits", "loss"]))
    #expect(output.entry("logits")?.shape == [2, 10])
    #expect(
      FileManager.default.contentsEqual(
        atPath: workspace.path("one"), andPath: workspace.path("two")))
  }

  @Test func progressIsPlainLinesWithoutATerminal() throws {
    let ended = try workspace.train(.short, ["--workers", "1"], run: "run")
    #expect(!ended.output.contains("\r"))
    #expect(ended.output.contains(/step 4\/4  0 s left  loss \d+\.\d+ .*  1 worker\n/))
    #expect(ended.output.contains("Test accuracy of the best version"))
  }

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/script")))
  func progressIsALiveLineOnATerminal() throws {
    let train = ([Executable.relate.path, "train"] + Trial.short.options).joined(separator: " ")
    let ended = try RunningProcess(
      "/usr/bin/script", ["-qec", "\(train) --workers 1 --run run", "/dev/null"], in: workspace
    ).wait().requiringSuccess()
    #expect(ended.output.contains(/\rstep 1\/4  \d+ s left  loss/))
    #expect(ended.output.contains(/\rstep 4\/4  0 s left  loss/))
  }
}
