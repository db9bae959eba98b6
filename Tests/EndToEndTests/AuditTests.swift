// --audit through the real executables: the same bits, and a word where it cannot help.

import Foundation
import Testing

@Suite struct AuditTests {
  private let workspace: Workspace

  init() throws { workspace = try Workspace() }

  @Test func anAuditedRunHasTheSameBits() throws {
    try workspace.train(.states, ["--workers", "3", "--audit", "0.5"], run: "run")
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
  }

  @Test(arguments: [
    "--workers 1 --audit 0.5", "--single-process --audit 1", "--audit 1.5", "--audit nan",
    "--audit=-0.1",
  ])
  func whatCannotBeAuditedIsRefused(options: String) throws {
    expectRefusal(
      try workspace.relate(
        ["train", "sort-of-clevr", "--preset", "quick"]
          + options.split(separator: " ").map(
            String.init)),
      code: 64, ["--audit"])
    #expect(!FileManager.default.fileExists(atPath: workspace.path("runs")))
  }
}
