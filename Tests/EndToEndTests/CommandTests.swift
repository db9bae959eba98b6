// The commands beside training: what they print, write and end with.

import Foundation
import Learning
import NeuralNetworks
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
    "bench kernels", "bench sync", "parity", "publish", "export", "data", "data check",
    "data import",
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
        "--steps", "19", "--batch-size", "1", "--set", "images.training=20",
        "--set", "images.validation=1", "--set", "images.test=1",
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
    let report = try json(output)
    #expect(report.names == ["digest", "metrics", "samples", "split", "step"])
    #expect(try report["metrics"] == JSONValue(encoding: reference.summary.test.metrics))
    #expect(report["step"]?.integer == reference.summary.bestStep)
    #expect(report["digest"]?.text == reference.digests[reference.summary.bestStep - 1])
    let table = try workspace.relate(["evaluate", path, "--split", "validation"])
      .requiringSuccess().output
    for name in ["relational", "non-relational", "closest", "accuracy", "loss"] {
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

  @Test func moreRunsAreComparedWithTheFirst() throws {
    let path = try Reference.short.get().run.path
    let options = ["--single-process", "--seed", "2", "--set", "pairWidths=8"]
    try workspace.train(.short, options, run: "other")
    let ended = try workspace.relate(["compare", path, path, "other"])
    #expect(ended.code == 1)
    let lines = ended.output.split(separator: "\n")
    #expect(lines.count == 4)
    #expect(lines.first == "\(path): identical: 4 steps")
    #expect(lines.dropFirst().first?.hasPrefix("other: different from step 1 on: ") == true)
    #expect(
      lines.suffix(2) == [
        "  seed: 1 and 2", "  task.settings.pairWidths: [128, 128, 128, 128] and [8]",
      ])
    #expect(try workspace.relate(["compare", path, path, path]).code == 0)
  }

  @Test func aDataSetIsGenerated() throws {
    let arguments = [
      "generate", "sort-of-clevr", "--out", "data", "--set", "images.training=3",
      "--set", "images.validation=1", "--set", "images.test=2", "--scale", "2",
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
    #expect(try workspace.relate(arguments + ["--set", "dataSeed=2"]).code == 1)
  }

  private func bench(_ command: String, _ model: [String]) throws -> JSONValue {
    try json(
      workspace.relate(
        ["bench", command] + model + [
          "--batch", "2", "--steps", "2", "--warmup", "1", "--json",
        ]
      ).requiringSuccess().output)
  }

  @Test func aStepOfATrainedModelIsTimed() throws {
    let run = try Reference.short.get().run.path
    let result = try bench("step", ["--weights", run])
    #expect(result["config"]?.text == run)
    #expect(result["parameters"] == .integer(87_946))
    expectRefusal(
      try workspace.relate(["bench", "step", "--weights", run, "--config", "babi"]),
      ["leave out --config"])
    expectRefusal(try workspace.relate(["bench", "step"]), ["--config NAME", "--weights RUN"])
  }

  @Test func aStepIsTimed() throws {
    let result = try bench("step", ["--config", "clevr-state"])
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
    let result = try bench("kernels", ["--config", "babi"])
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

  @Test func progressIsPlainLinesWithoutATerminal() throws {
    let ended = try workspace.train(.short, ["--workers", "1"], run: "run")
    #expect(!ended.output.contains("\r"))
    #expect(ended.output.contains(/step 4\/4  0 s left  loss \d+\.\d+ .*  1 worker\n/))
    #expect(ended.output.contains("The best version by validation, step "))
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
