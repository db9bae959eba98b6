// The comparison with PyTorch knows our models, and answers mistakes before it builds anything.

import Foundation
import Learning
import RelationNetworks
import Testing

@Suite(.enabled(if: hasPython, "needs python3"))
struct BenchScriptTests {
  private let workspace: Workspace

  init() throws { workspace = try Workspace() }

  private func compare(_ arguments: [String]) throws -> Ended {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("scripts/bench/compare.py").path
    return try RunningProcess("/usr/bin/env", ["python3", script] + arguments, in: workspace).wait()
  }

  @Test(arguments: [
    (["--rounds", "0"], ["--rounds", "'0'"]),
    (["--steps", "few"], ["--steps", "'few'"]),
    (["--precisions", "fp32 fp64"], ["--precisions", "'fp64'", "bf16"]),
    (["--engine", "mkl"], ["--engine", "openblas"]),
    (["--threads", "100000"], ["--threads 100000", "core"]),
    (["--out", "missing/steps.jsonl"], ["--out missing/steps.jsonl"]),
    (["--python", "missing"], ["--python missing", "torch"]),
    (["--python", "python3", "--install-pytorch"], ["--python", "--install-pytorch"]),
    (["babi"], ["babi", "--help"]),
  ])
  func mistakesAreAnswered(arguments: [String], words: [String]) throws {
    let ended = try compare(arguments)
    #expect(ended.code == 64, "\(ended)")
    #expect(ended.errors.hasPrefix("Error: "), "\(ended)")
    for word in words { #expect(ended.errors.contains(word), "\(word)\n\(ended)") }
  }

  /// What PyTorch is asked to time is a model of ours, and the paper's are among them.
  @Test func everyModelIsOneOfOurs() throws {
    let ended = try compare(["--configs", "huge"])
    let list = try #require(ended.errors.firstMatch(of: /'huge' is not among ([a-z -]+)\./)).1
    let names = list.split(separator: " ").map(String.init)
    for name in names {
      #expect(throws: Never.self) { try Catalogue.relationNetworks.model(named: name) }
    }
    let yardsticks = [
      "sort-of-clevr-small", "sort-of-clevr-paper", "clevr-pixels", "clevr-state", "babi",
      "physical",
    ]
    #expect(Set(yardsticks).isSubset(of: names) && ended.code == 64, "\(ended)")
  }
}
