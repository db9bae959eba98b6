// Who watches a run is told what happens, and changes nothing.

import Foundation
import Learning
import Synchronization
import Tensors
import Testing

@testable import Training

/// Keeps what it is told, in words.
final class Witness: RunObserver {
  private(set) var heard: [String] = []

  func observe(_ event: RunEvent) {
    switch event {
    case .step(let record): heard.append("step \(record.step)")
    case .evaluation(let report): heard.append("\(report.split) \(report.step)")
    case .evaluationProgress(let part, let count): heard.append("part \(part) of \(count)")
    case .checkpoint(let step): heard.append("checkpoint \(step)")
    case .ended(let ending): heard.append("\(ending)")
    case .joined, .left, .dropped, .note: heard.append(event.line ?? "")
    }
  }
}

@Suite struct ObserverTests {
  @Test func aRunTellsWhatHappensInItsOrder() throws {
    let run = TemporaryRun(syntheticExperiment(steps: 3, evaluationInterval: 2))
    let witness = Witness()
    let started = try RunRecorder.starting(
      run.record(), in: run.directory, facts: run.task.facts)
    var state = started.state
    let setting = RunSetting(recorder: started.recorder, observers: [witness]) { false }
    _ = try trainInSingleProcess(run.task, from: &state, setting: setting, context: .init())
    let parts = ["part 1 of 3", "part 2 of 3", "part 3 of 3"]
    let best = try #require(try run.directory.readSummary()).bestStep
    #expect(
      witness.heard
        == ["step 1", "step 2", "checkpoint 2"] + parts + [
          "validation 2", "step 3", "checkpoint 3",
        ]
        + parts + ["validation 3", "part 1 of 2", "part 2 of 2", "test \(best)", "completed"])
  }

  @Test func whatPeopleShouldReadIsInTheLog() throws {
    let run = TemporaryRun(syntheticExperiment(steps: 3))
    let server = try ServerOnThread(run, expecting: 1)
    let worker = WorkerOnThread(server.endpoint)
    #expect(try server.ending.wait() == .completed)
    _ = try worker.ending.wait()
    let log = try String(contentsOfFile: run.directory.logPath, encoding: .utf8)
    #expect(log.contains("worker 1 (host ") && log.contains("joined at step 1."))
    #expect(log.split(separator: "\n").allSatisfy { $0.first == "2" }, "each line has its time")
    var lost = RunLog(RunDirectory(path: "/nowhere"))
    lost.observe(.note("a log that cannot be written is no reason to end a run"))
  }

  /// As a terminal after Ctrl-S.
  @Test func anObserverThatIsStuckHoldsUpNothing() throws {
    struct Stuck: RunObserver {
      let door: DispatchSemaphore
      mutating func observe(_ event: RunEvent) { door.wait() }
    }
    let run = TemporaryRun(syntheticExperiment(steps: 3))
    let door = DispatchSemaphore(value: 0)
    defer { for _ in 0..<100 { door.signal() } }
    let started = try RunRecorder.starting(
      run.record(), in: run.directory, facts: run.task.facts)
    var state = started.state
    let setting = RunSetting(recorder: started.recorder, observers: [Stuck(door: door)]) { false }
    let ending = try trainInSingleProcess(
      run.task, from: &state, setting: setting, context: .init())
    #expect(ending == .completed && state.step == 3)
  }
}
