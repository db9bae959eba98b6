// relate train looks after its processes: none outlives it, and a lost one is replaced.

import Foundation
import Glibc
import Testing
import Training

@Suite struct LauncherTests {
  private let workspace: Workspace

  init() throws { workspace = try Workspace() }

  @Test func aKilledLauncherLeavesNoProcessBehind() throws {
    let launcher = try workspace.start(.states, ["--workers", "2"], run: "run")
    try workspace.run("run").waitForStep(10)
    let children = launcher.children
    #expect(children.count == 3)
    launcher.send(SIGKILL)
    #expect(try launcher.wait().code == 137)
    defer { for child in children where isAlive(child) { kill(child, SIGKILL) } }
    try waitUntil("the end of the children", atMost: 15) { !children.contains(where: isAlive) }
    #expect(try workspace.run("run").readSummary() == nil, "the run was to be interrupted")
    try workspace.resume("run", ["--single-process"])
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
  }

  @Test func aKilledWorkerIsReplaced() throws {
    let launcher = try workspace.start(.states, ["--workers", "2"], run: "run")
    try workspace.run("run").waitForStep(10)
    let worker = try #require(launcher.children.first { name(of: $0) == "Worker" })
    kill(worker, SIGKILL)
    let ended = try launcher.wait().requiringSuccess()
    #expect(ended.errors.contains("Worker, process \(worker), was ended by signal 9"))
    #expect(ended.output.contains("worker 3 "))
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
  }

  @Test func aFrozenWorkerDoesNotHoldUpTheRun() throws {
    let launcher = try workspace.start(.states, ["--workers", "2"], run: "run")
    try workspace.run("run").waitForStep(10)
    let worker = try #require(launcher.children.first { name(of: $0) == "Worker" })
    kill(worker, SIGSTOP)
    try launcher.wait().requiringSuccess()
    #expect(!isAlive(worker))
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
  }

  @Test func aKilledServerIsReplacedAndGoesOnFromItsCheckpoint() throws {
    let launcher = try workspace.start(.states, ["--workers", "2"], run: "run")
    try workspace.run("run").waitForStep(60)
    let server = try #require(launcher.children.first { name(of: $0) == "ParameterServer" })
    kill(server, SIGKILL)
    let ended = try launcher.wait().requiringSuccess()
    #expect(ended.errors.contains("ParameterServer, process \(server), was ended by signal 9"))
    #expect(ended.errors.contains("starting another, from the last checkpoint"))
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
  }

  /// As one that cannot live here, for want of memory perhaps.
  @Test func aServerThatIsKilledAgainAndAgainIsReported() throws {
    let launcher = try workspace.start(.states, ["--workers", "2"], run: "run")
    try workspace.run("run").waitForStep(30)
    let children = launcher.children
    var killed: Set<Int32> = []
    try waitUntil("the launcher to give up", atMost: 60) {
      for child in launcher.children where name(of: child) == "ParameterServer" {
        guard killed.insert(child).inserted else { continue }
        kill(child, SIGKILL)
      }
      return !launcher.isRunning
    }
    let ended = try launcher.wait()
    #expect(ended.code != 0 && killed.count == 4)
    #expect(ended.errors.contains("--resume"), "\(ended)")
    #expect(!children.contains(where: isAlive))
    try workspace.resume("run", ["--workers", "2"])
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
  }

  /// Ctrl-Z reaches the launcher alone: its children are groups of their own.
  @Test func everyProcessIsSuspendedAndGoesOn() throws {
    let launcher = try workspace.start(.states, ["--workers", "2"], run: "run")
    try workspace.run("run").waitForStep(10)
    let children = launcher.children
    #expect(children.count == 3)
    launcher.send(SIGTSTP)
    let all = [launcher.identifier] + children
    try waitUntil("all processes to be suspended", atMost: 10) {
      all.allSatisfy { state(of: $0) == "T" }
    }
    let steps = workspace.run("run").finishedSteps
    #expect(steps < Trial.states.steps)
    usleep(300_000)
    #expect(workspace.run("run").finishedSteps == steps)
    launcher.send(SIGCONT)
    try launcher.wait().requiringSuccess()
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
  }

  private func state(of process: Int32) -> Substring? {
    let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
    return status?.split(separator: ")").last?.split(separator: " ").first
  }

  private func name(of process: Int32) -> String {
    let path = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/exe"))
    return ((path ?? "") as NSString).lastPathComponent
  }
}
