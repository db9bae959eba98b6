// Runs from runs: what is taken over, what is frozen, and that no bit of it depends on processes.

import Files
import Foundation
import Glibc
import NeuralNetworks
import Tensors
import Testing
import Training

@Suite struct OriginTests {
  private let workspace: Workspace

  /// Begins with a copy of a run, to be begun from.
  init() throws {
    workspace = try Workspace()
    try FileManager.default.copyItem(
      atPath: Reference.short.get().run.path, toPath: workspace.path("source"))
  }

  private func weights(_ version: String) throws -> Safetensors {
    let path = workspace.freshPath("weights")
    try workspace.relate(["export", version, "--to", path]).requiringSuccess()
    return try Safetensors(contentsOf: path)
  }

  private let options = ["--from", "source", "--take", "rn.g", "--freeze", "rn.g"]

  @Test func whatIsFrozenKeepsEveryBit() throws {
    try workspace.train(.short, options + ["--seed", "5", "--single-process"], run: "run")
    let best = try Reference.short.get().summary.bestStep
    let (source, trained) = (try weights("source"), try weights("run@4"))
    #expect(try weights("source@\(best)").metadata == source.metadata)
    for entry in source.entries {
      let isFrozen = entry.name.hasPrefix("rn.g.")
      let same = try source.tensor(entry.name).scalars == trained.tensor(entry.name).scalars
      #expect(same == isFrozen, "\(entry.name)")
    }
    let origin = try workspace.run("run").readExperiment().experiment.origin
    #expect(origin?.step == best && origin?.prefix == "rn.g")
  }

  @Test func processesDoNotMatter() throws {
    try workspace.train(.short, options + ["--single-process"], run: "alone")
    try workspace.train(.short, options + ["--workers", "2"], run: "together")
    let digests = try workspace.run("alone").digests()
    #expect(try workspace.run("together").digests() == digests)
    #expect(try Reference.short.get().digests != digests)
    // Another version is another experiment.
    let other = try 6 - Reference.short.get().summary.bestStep
    try workspace.train(.short, ["--from", "source@\(other)", "--single-process"], run: "other")
    #expect(try workspace.run("other").readExperiment().experiment.origin?.step == other)
    #expect(try workspace.run("other").digests() != digests)
  }

  @Test(arguments: [["--single-process"], ["--workers", "2"]])
  func theSourceIsNeededNoMore(arguments: [String]) throws {
    try workspace.train(.states, options + ["--single-process"], run: "whole")
    let launcher = try workspace.start(.states, options + arguments, run: "run")
    try workspace.run("run").waitForStep(5)
    launcher.send(SIGKILL)
    _ = try launcher.wait()
    try FileManager.default.removeItem(atPath: workspace.path("source"))
    try workspace.resume("run", arguments)
    #expect(try workspace.run("run").digests() == workspace.run("whole").digests())
  }

  @Test func aPublishedModelIsASourceToo() throws {
    try workspace.relate(["publish", "source", "--to", "model"]).requiringSuccess()
    try workspace.train(.short, options + ["--single-process"], run: "one")
    let published = options.map { $0 == "source" ? "model" : $0 }
    try workspace.train(.short, published + ["--single-process"], run: "other")
    #expect(try workspace.relate(["compare", "one", "other"]).output == "identical: 4 steps\n")
  }

  @Test(arguments: [
    (["--from", "missing"], ["missing"]),
    (["--from", "source@3"], ["step 3", "2, 4"]),
    (["--from", "source", "--take", "conv"], ["conv", "rn"]),
    (["--freeze", "conv"], ["conv", "rn"]),
    (["--freeze", "rn"], ["frozen"]),
    (["--from", "source", "--set", "pairWidths=16,16"], ["rn.g", "shape"]),
  ])
  func whatCannotBeTakenOver(arguments: [String], words: [String]) throws {
    for process in ["--single-process", "--workers=1"] {
      let ended = try workspace.start(.short, arguments + [process], run: "run").wait()
      expectRefusal(ended, words)
      #expect(!workspace.run("run").holdsRun)
    }
  }
}
