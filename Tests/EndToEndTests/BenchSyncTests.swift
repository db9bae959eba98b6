// What synchronising costs is measured on the real server and workers.

import Foundation
import Learning
import Testing

@Suite struct BenchSyncTests {
  private let workspace: Workspace

  init() throws { workspace = try Workspace() }

  private func bench(_ arguments: [String]) throws -> Ended {
    try workspace.relate(["bench", "sync"] + arguments)
  }

  @Test(arguments: [["shm"], ["ipc"], ["tcp"], ["tcp", "--insecure"]])
  func stepsAreTimed(transport: [String]) throws {
    let size = ["--workers", "2", "--parameters", "70000", "--steps", "3"]
    let ended = try bench(size + ["--json", "--transport"] + transport).requiringSuccess()
    let result = try JSONDecoder().decode(JSONValue.self, from: Data(ended.output.utf8))
    #expect(
      result.names == [
        "encrypted", "gradient_GB_per_s", "ms_allreduce_median", "ms_median", "ms_min",
        "parameters", "server_cpu_ms", "server_page_faults", "servers", "steps", "transport",
        "workers",
      ])
    #expect(result["workers"] == .integer(2) && result["parameters"] == .integer(70_000))
    #expect(result["steps"] == .integer(3) && result["transport"]?.text == transport[0])
    #expect(result["encrypted"] == .boolean(transport == ["tcp"]))
    #expect(ended.output.split(separator: "\n").count == 1)
  }

  @Test func peopleReadASentence() throws {
    let ended = try bench(["--workers", "1", "--parameters", "10", "--steps", "1"])
    #expect(try ended.requiringSuccess().output.hasPrefix("1 worker(s), 10 parameters, shm: "))
  }

  @Test func mistakesAreAnswered() throws {
    for wrong in [["--workers", "0"], ["--steps", "0"], ["--parameters", "2000000000"]] {
      let ended = try bench(wrong)
      #expect(ended.code == 64 && ended.errors.contains("--workers must be from 1"), "\(ended)")
    }
    #expect(try bench(["--transport", "udp"]).code == 64)
  }
}
