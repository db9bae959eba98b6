// What a thread spends its time with, and what a server keeps of it.

import Foundation
import Testing

@testable import Training

@Suite struct StopwatchTests {
  /// All of the time is somebody's, once.
  @Test func activitiesShareTheTime() {
    let start = ContinuousClock.now
    let times = Stopwatch(beginning: .idle, startedAt: start)
    for _ in 0..<3 {
      times.turn(to: .receiving)
      usleep(2_000)
      times.during(.updating) {
        usleep(3_000)
        times.during(.recording) { usleep(1_000) }
      }
      times.turn(to: .idle)
    }
    #expect(times[.receiving] >= 0.006 && times[.updating] >= 0.009 && times[.recording] >= 0.003)
    let total = Activity.allCases.map { times[$0] }.reduce(0, +)
    let whole = start.duration(to: .now).seconds
    #expect(total <= whole && total > 0.9 * whole, "\(total) of \(whole)")
  }

  @Test func theBeginningOfAnActivityCanBeAnothers() {
    let times = Stopwatch(beginning: .computing)
    usleep(4_000)
    times.began(with: .waitingForData, for: 0.001)
    times.turn(to: .sending)
    #expect(abs(times[.waitingForData] - 0.001) < 1e-9)
    #expect(times[.computing] >= 0.003)
    // More than has passed cannot have been waited.
    times.began(with: .waitingForData, for: 3600)
    #expect(times[.waitingForData] < 60)
  }

  @Test func aWorkerThatJoinsAgainIsTheSameProcess() {
    var tallies = WorkerTallies()
    tallies.joined(11, number: 1, host: "a", process: 5)
    tallies.joined(12, number: 2, host: "b", process: 5)
    for _ in 0..<4 { tallies.computed(by: 11) }
    tallies.left(11, losing: 2)
    tallies.computed(by: 11)
    tallies.joined(13, number: 3, host: "a", process: 5)
    tallies.computed(by: 13)
    tallies.lost(1, by: 13)
    var report = ActivityReport()
    (report.computing, report.sending, report.data) = (6, 1, 1)
    tallies.reported(report, by: 13)
    let activities = tallies.activities
    #expect(activities.map(\.number) == [2, 3] && activities.map(\.host) == ["b", "a"])
    #expect(activities.map(\.replicas) == [0, 5] && activities.map(\.lost) == [0, 3])
    #expect(activities[1].seconds == 8 && activities[1].computing == 0.75)
    #expect(activities[1].dataWait == 0.125 && activities[0].computing == 0)
  }

  @Test(arguments: [-1, .nan, .infinity, 1e11])
  func whatCannotBeATimeIsNotTaken(seconds: Double) {
    var tallies = WorkerTallies()
    tallies.joined(1, number: 1, host: "a", process: 1)
    var report = ActivityReport()
    report.waiting = seconds
    tallies.reported(report, by: 1)
    #expect(tallies.activities[0].seconds == 0)
  }

  @Test func processesWithoutEndAreCountedTogether() {
    var tallies = WorkerTallies()
    for number in 1...3000 {
      tallies.joined(SessionID(number), number: number, host: "a", process: number)
      tallies.computed(by: SessionID(number))
      tallies.left(SessionID(number), losing: 0)
    }
    #expect(tallies.activities.count == 1024)
    #expect(tallies.activities.map(\.replicas).reduce(0, +) == 3000)
  }
}
