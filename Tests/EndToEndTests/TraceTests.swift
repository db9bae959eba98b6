// --trace: one file of what all processes did, whose lines fit together.

import Foundation
import Glibc
import Learning
import Testing
import Training

@Suite struct TraceTests {
  private let workspace: Workspace

  init() throws { workspace = try Workspace() }

  /// A span of a trace, in microseconds.
  private struct Event {
    let name: String
    let process: Int
    let thread: Int
    let start: Int
    let end: Int
    let step: Int
    let index: Int?
  }

  private func read(_ name: String) throws -> (events: [Event], names: [Int: String], lost: Int) {
    let data = try Data(contentsOf: URL(fileURLWithPath: workspace.path(name)))
    let list = try #require(try JSONDecoder().decode(JSONValue.self, from: data).list)
    var events: [Event] = []
    var names: [Int: String] = [:]
    for entry in list {
      let process = try #require(entry["pid"]?.integer)
      if entry["name"]?.text == "process_name" { names[process] = entry["args"]?["name"]?.text }
      guard entry["ph"]?.text == "X" else { continue }
      let start = try #require(entry["ts"]?.integer)
      events.append(
        Event(
          name: try #require(entry["name"]?.text), process: process,
          thread: try #require(entry["tid"]?.integer), start: start,
          end: start + (try #require(entry["dur"]?.integer)),
          step: try #require(entry["args"]?["step"]?.integer),
          index: entry["args"]?["index"]?.integer))
    }
    return (events, names, try #require(list.last?["args"]?["dropped"]?.integer))
  }

  /// No thread does two things at once.
  private func expectOrder(_ events: [Event]) {
    for (line, own) in Dictionary(grouping: events, by: { [$0.process, $0.thread] }) {
      let sorted = own.sorted { $0.start < $1.start }
      let overlaps = zip(sorted, sorted.dropFirst()).filter { $0.end > $1.start }
      #expect(overlaps.isEmpty, "\(line): \(overlaps.prefix(2))")
    }
  }

  @Test func everyStepOfEveryProcessIsThere() throws {
    try workspace.train(.states, ["--workers", "2", "--trace", "trace.json"], run: "run")
    let (events, names, lost) = try read("trace.json")
    #expect(lost == 0)
    #expect(names[0] == "ParameterServer" && names.count == 3, "\(names)")
    #expect(names[1]?.hasPrefix("worker 1 (host ") == true)
    expectOrder(events)
    let byStep = Dictionary(grouping: events, by: \.step)
    for step in 1...Trial.states.steps {
      let own = try #require(byStep[step], "step \(step)")
      for name in ["sum", "update", "record", "broadcast"] {
        #expect(own.contains { $0.process == 0 && $0.name == name }, "\(name) of step \(step)")
      }
      // A replica that was given to a second worker as well is there twice.
      let computed = own.filter { $0.name == "compute" && $0.process > 0 }
      #expect(Set(computed.compactMap(\.index)).isSuperset(of: 0..<4), "step \(step)")
    }
    for name in ["receive", "send", "wait for values"] {
      let processes = Set(events.filter { $0.name == name }.map(\.process))
      #expect(processes.isSuperset(of: [1, 2]), "\(name)")
    }
    // On one clock nothing is computed before its values were made, but for half a round trip.
    let updated = Dictionary(
      events.filter { $0.name == "update" }.map { ($0.step, $0.end) }, uniquingKeysWith: max)
    let early = events.filter { event in
      event.name == "compute" && event.process > 0
        && event.start < (updated[event.step - 1] ?? 0) - 50_000
    }
    // Evaluations name the version that they are of.
    #expect(early.isEmpty, "\(early.count) of \(events.count)")
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
  }

  @Test func aSingleProcessHasOneToo() throws {
    try workspace.train(.short, ["--single-process", "--trace", "trace.json"], run: "run")
    let (events, names, lost) = try read("trace.json")
    #expect(lost == 0 && names == [0: "relate"])
    expectOrder(events)
    for step in 1...Trial.short.steps {
      let own = events.filter { $0.step == step }
      #expect(Set(own.map(\.name)).isSuperset(of: ["compute", "update"]), "step \(step)")
    }
  }

  @Test(arguments: [["--workers", "1"], ["--single-process"]])
  func aTraceThatCannotBeWrittenEndsTheProgramBeforeTheRunBegins(arguments: [String]) throws {
    let ended = try workspace.relate(
      ["train"] + Trial.short.options + arguments + ["--run", "run", "--trace", "no/where.json"])
    expectRefusal(ended, ["no/where.json"])
    #expect(!FileManager.default.fileExists(atPath: workspace.path("run")))
  }

  /// What led to a crash is kept: the next server writes beside it.
  @Test func aServerThatIsStartedAgainHasATraceOfItsOwn() throws {
    let launcher = try workspace.start(
      .states, ["--workers", "2", "--trace", "trace.json"], run: "run")
    try workspace.run("run").waitForStep(60)
    let server = try #require(
      launcher.children.first { child in
        let path = "/proc/\(child)/exe"
        return (try? FileManager.default.destinationOfSymbolicLink(atPath: path))?
          .hasSuffix("ParameterServer") == true
      })
    kill(server, SIGKILL)
    try launcher.wait().requiringSuccess()
    let (events, _, lost) = try read("trace-2.json")
    #expect(lost == 0)
    expectOrder(events)
    #expect(events.contains { $0.name == "update" && $0.step == Trial.states.steps })
    let first = try String(contentsOfFile: workspace.path("trace.json"), encoding: .utf8)
    #expect(first.hasPrefix("[\n{") && first.contains("\"name\":\"update\""))
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
  }
}
