// What people say of an experiment, on the command line and in files, is what is trained.

import Foundation
import Glibc
import Learning
import NeuralNetworks
import Testing
import Training

@Suite struct ExperimentTests {
  private let workspace: Workspace

  init() throws { workspace = try Workspace() }

  private func experiment(of run: String) throws -> Experiment {
    try workspace.run(run).readExperiment().experiment
  }

  private func setting(_ key: String, of run: String) throws -> JSONValue? {
    try experiment(of: run).task.settings.value(at: key.split(separator: ".").map(String.init))
  }

  /// A file with an experiment that began as the reference's.
  private func file(_ change: (inout Experiment) -> Void) throws -> String {
    var experiment = try Reference.short.get().run.readExperiment().experiment
    change(&experiment)
    let path = workspace.freshPath("experiment")
    try experiment.canonicalJSON().write(to: URL(fileURLWithPath: path))
    return path
  }

  // MARK: Settings

  @Test func settingsAreSetOneByOne() throws {
    try workspace.train(
      .short,
      [
        "--single-process", "--set", "pairWidths=8,12", "--set", "readoutWidths=[9]", "--set",
        "dropout=0.5", "--set", "model=state-mlp",
      ], run: "run")
    #expect(try setting("pairWidths", of: "run") == .array([.integer(8), .integer(12)]))
    #expect(try setting("readoutWidths", of: "run") == .array([.integer(9)]))
    #expect(try setting("dropout", of: "run") == .number(0.5))
    #expect(try setting("model", of: "run") == .string("state-mlp"))
    #expect(try setting("images.training", of: "run") == .integer(50))
    // The widths are those of the model that was trained.
    let layers = try workspace.relate(["export", "run", "--to", "weights"]).requiringSuccess()
    let parameters = 71 * 8 + 8 + 8 * 12 + 12 + 12 * 9 + 9 + 9 * 10 + 10
    #expect(layers.output.hasPrefix("Wrote \(parameters) parameters of step "))
  }

  @Test func theSettingsOfATaskAreListedByPreset() throws {
    let output = try workspace.relate(["tasks", "sort-of-clevr"]).requiringSuccess().output
    for preset in ["small", "paper", "quick"] {
      #expect(output.contains("sort-of-clevr --preset \(preset)\n"))
    }
    let settings = try Reference.short.get().run.readExperiment().experiment.task.settings
    for key in settings.keys { #expect(output.contains("\n  \(key) "), "\(key)") }
    #expect(output.contains(/\n  pairWidths +\[2000, 2000, 2000, 2000\]\n/))
    expectRefusal(
      try workspace.relate(["tasks", "sort-of-clever"]), code: 64, ["sort-of-clevr"])
  }

  // MARK: Files

  @Test func optionsOverrideTheFile() throws {
    let path = try file { $0.clipping = GradientClipping(maximumNorm: 3) }
    try workspace.relate([
      "train", "--experiment", path, "--single-process", "--run", "run", "--seed", "7", "--set",
      "pairWidths=8", "--evaluate-every", "3",
    ]).requiringSuccess()
    let asked = try JSONValue(encoding: Experiment(contentsOf: path))
    let trained = try JSONValue(encoding: experiment(of: "run"))
    #expect(
      trained.differences(from: asked).map { "\($0.key): \($0.firstText)" } == [
        "evaluationInterval: 3", "seed: 7", "task.settings.pairWidths: [8]",
      ])
  }

  @Test(arguments: [
    ("\"pairWidths\"", "\"pairWidth\"", ["\"pairWidth\"", "pairWidths", "readoutWidths"]),
    ("\"dropout\":", "\"dropuot\":1,\"dropout\":", ["\"dropuot\"", "dropout"]),
    ("\"batchSize\":", "\"batchsize\":1,\"batchSize\":", ["batchsize", "batchSize"]),
    ("\"seed\":1", "\"seed\":\"one\"", ["seed"]),
  ])
  func aFileThatSaysWhatNobodyKnows(text: String, other: String, words: [String]) throws {
    let path = try file { _ in }
    let written = try String(contentsOfFile: path, encoding: .utf8)
    #expect(written.contains(text))
    try written.replacing(text, with: other)
      .write(toFile: path, atomically: true, encoding: .utf8)
    expectRefusal(
      try workspace.relate(["train", "--experiment", path, "--run", "run"]), code: 64, words)
    #expect(!FileManager.default.fileExists(atPath: workspace.path("run")))
  }

  @Test func stepsBesideAScheduleForOthers() throws {
    let path = try file {
      $0.steps = 400
      $0.learningRate = .cosine(
        rate: 1e-3, warmUpSteps: 10, totalSteps: 6000, finalFraction: 0)
    }
    expectRefusal(
      try workspace.relate(["train", "--experiment", path, "--run", "run"]), code: 64,
      ["steps is 400", "6000"])
    #expect(!FileManager.default.fileExists(atPath: workspace.path("run")))
  }

  // MARK: More steps

  @Test func resumingWithOtherStepsSaysWhatDiffers() throws {
    try workspace.train(.short, ["--single-process"], run: "run")
    let again = ["train", "--run", "run", "--resume", "--single-process", "--steps"]
    expectRefusal(
      try workspace.relate(again + ["3"]), code: 64, ["steps: 3, but the run's is 4"])
    // The schedule ends with the steps, and would have been another.
    expectRefusal(try workspace.relate(again + ["8"]), ["steps is 8", "4 steps"])
    #expect(try experiment(of: "run").steps == 4)
    #expect(try workspace.run("run").digests() == Reference.short.get().digests)
  }

  @Test(arguments: [["--single-process"], ["--workers", "2"]])
  func moreStepsComeToTheDigestsOfARunThatBeganWithThem(arguments: [String]) throws {
    let path = try file { $0.learningRate = .constant(rate: 1e-3) }
    func train(_ words: [String]) throws {
      try workspace.relate(["train"] + words + arguments).requiringSuccess()
    }
    try train(["--experiment", path, "--run", "run"])
    #expect(try workspace.run("run").digests().count == 4)
    try train(["--run", "run", "--resume", "--steps", "8"])
    try train(["--experiment", path, "--steps", "8", "--run", "whole"])
    let digests = try workspace.run("whole").digests()
    #expect(digests.count == 8)
    #expect(try workspace.run("run").digests() == digests)
    #expect(try workspace.run("run").readSummary()?.steps == 8)
    #expect(FileManager.default.fileExists(atPath: workspace.path("run/summary-4.json")))
  }

  // MARK: Checkpoints

  @Test func checkpointsEverySoManySteps() throws {
    let launcher = try workspace.start(
      .states, ["--single-process", "--checkpoint-every", "5steps", "--evaluate-every", "200"],
      run: "run")
    let run = workspace.run("run")
    try run.waitForStep(12)
    launcher.send(SIGKILL)
    _ = try launcher.wait()
    let last = try #require(run.checkpointSteps().last)
    #expect(last >= 10 && last % 5 == 0)
    let ended = try workspace.resume("run", ["--single-process"])
    #expect(ended.output.contains(", from step \(last)\n"))
    #expect(try run.digests() == Reference.states.get().digests)
  }

  @Test func checkpointsEverySoManySeconds() throws {
    let launcher = try workspace.start(
      .states,
      [
        "--workers", "1", "--checkpoint-every", "1s", "--steps", "100000", "--evaluate-every",
        "99999",
      ], run: "run")
    try waitUntil("a checkpoint", atMost: 20) { !workspace.run("run").checkpointSteps().isEmpty }
    launcher.send(SIGTERM)
    #expect(try launcher.wait().code == 130)
  }

  @Test(arguments: ["0s", "0steps", "-1steps", "5step", "often"])
  func anImpossibleInterval(text: String) throws {
    let ended = try workspace.relate(
      ["train", "sort-of-clevr", "--run", "run", "--checkpoint-every", text])
    #expect(ended.code == 64 && ended.errors.contains("--checkpoint-every"), "\(ended)")
    #expect(!FileManager.default.fileExists(atPath: workspace.path("run")))
  }

  @Test func aRunKilledBeforeItsFirstCheckpointSaysSo() throws {
    let never = ["--single-process", "--evaluate-every", "200"]
    let launcher = try workspace.start(.states, never, run: "run")
    try workspace.run("run").waitForStep(5)
    launcher.send(SIGKILL)
    _ = try launcher.wait()
    #expect(workspace.run("run").checkpointSteps() == [])
    let ended = try workspace.resume("run", ["--single-process"])
    let words = "from the start again: it was stopped before its first checkpoint"
    #expect(ended.output.contains(words), "\(ended)")
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
  }
}
