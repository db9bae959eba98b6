// --log-format and --log-level: the same things said to people and to programs.

import Foundation
import Learning
import Testing
import Training

@Suite struct LogTests {
  private let workspace: Workspace

  init() throws { workspace = try Workspace() }

  /// The lines of a text, each of which has to be an object with a time, a level and a message.
  private func entries(_ text: String) throws -> [JSONValue] {
    try text.split(separator: "\n").map { line in
      let entry = try JSONDecoder().decode(JSONValue.self, from: Data(line.utf8))
      let time = try #require(entry["time"]?.text)
      #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z/) != nil, "\(time)")
      #expect(["debug", "info", "warning", "error"].contains(entry["level"]?.text))
      #expect(entry["message"]?.text?.isEmpty == false)
      return entry
    }
  }

  @Test func everyLineIsAnObject() throws {
    let ended = try workspace.train(
      .short, ["--workers", "2", "--log-format", "json", "--log-level", "debug"], run: "run")
    let entries = try entries(ended.output)
    #expect(ended.errors.isEmpty)
    let run = workspace.run("run")
    let record = try run.readExperiment()
    let steps = entries.filter { $0["digest"] != nil && $0["level"]?.text == "debug" }
    #expect(steps.map { $0["step"]?.integer } == [1, 2, 3, 4])
    #expect(try steps.map { $0["digest"]?.text } == run.digests())
    for entry in steps {
      #expect(entry["run"]?.text == "run" && entry["loss"] != nil)
      #expect(entry["experiment"]?.text == record.fingerprint.description)
      #expect(entry["waited_for"]?.text?.hasPrefix("worker ") == true)
    }
    let joined = entries.filter { $0["message"]?.text?.contains("joined at step") == true }
    #expect(joined.count == 2 && joined.allSatisfy { $0["worker"]?.text != nil })
    #expect(entries.contains { $0["metrics"]?["accuracy/relational"] != nil })
    #expect(entries.contains { $0["message"]?.text == "The checkpoint of step 4 was written." })
    let last = try #require(entries.last)
    #expect(last["message"]?.text == "The run is complete.")
    #expect(try last["digest"]?.text == run.digests().last && last["test"]?["accuracy"] != nil)
    let log = try String(contentsOfFile: run.logsPath + "/worker-1.log", encoding: .utf8)
    let worker = try self.entries(log)
    #expect(worker.contains { $0["worker"]?.integer != nil })
    #expect(
      worker.compactMap { $0["experiment"]?.text }.allSatisfy {
        $0 == record.fingerprint.description
      })
  }

  @Test func errorsAreObjectsToo() throws {
    for arguments in [["--workers", "1"], ["--single-process"]] {
      let ended = try workspace.relate(
        ["train", "--run", "nothing", "--resume", "--log-format", "json"] + arguments)
      #expect(ended.code == 1 && ended.output.isEmpty)
      let entry = try #require(try entries(ended.errors).first)
      #expect(entry["level"]?.text == "error")
      #expect(entry["message"]?.text?.hasPrefix("There is no run in nothing") == true)
    }
  }

  /// People see what they always saw, less, or more.
  @Test func levelsOfText() throws {
    func said(_ level: String, _ name: String) throws -> String {
      try workspace.train(.short, ["--workers", "1", "--log-level", level], run: name).output
    }
    let (usual, little, much) = (
      try said("info", "usual"), try said("warning", "little"), try said("debug", "much")
    )
    #expect(usual.contains("worker 1 (host ") && usual.contains("validation"))
    #expect(!usual.contains("The checkpoint of"))
    #expect(!little.contains("worker 1 (host ") && !little.contains("step 4/4"))
    #expect(little.contains("results in little"))
    #expect(much.contains("The checkpoint of step 4 was written.") && much.contains("joined"))
    #expect(!much.contains("{"))
  }

  @Test func otherFormatsAndLevelsAreRefused() throws {
    for option in ["--log-format", "--log-level"] {
      expectRefusal(
        try workspace.relate(["train"] + Trial.short.options + [option, "loud"]), code: 64,
        [option])
    }
  }
}
