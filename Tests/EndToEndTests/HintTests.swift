// The commands that are shown to people, pasted into a shell, and those of the documents.

import ArgumentParser
import Foundation
import Glibc
import Testing
import Training

@testable import Launching

@Suite struct HintTests {
  private let workspace: Workspace
  /// What no shell takes as one word.
  private let name = "it's a run"

  init() throws { workspace = try Workspace() }

  /// What follows the last mention of some words, up to the end of the line.
  private func command(after words: String, in text: String) throws -> String {
    let parts = text.components(separatedBy: words)
    guard parts.count > 1, let last = parts.last else { throw TestFailure("\(words)\n\(text)") }
    return String(last.prefix { $0 != "\n" })
  }

  /// Pastes a command into a shell.
  private func paste(_ command: String) throws -> RunningProcess {
    let folder = (Executable.relate.path as NSString).deletingLastPathComponent
    return try RunningProcess(
      "/bin/sh", ["-c", "exec \(command)"], in: workspace,
      environment: ["PATH": folder + ":/usr/bin:/bin"])
  }

  @Test(arguments: [["--single-process"], ["--workers", "2"]])
  func aStoppedRunIsGoneOnWith(arguments: [String]) throws {
    let launcher = try workspace.start(.states, arguments, run: name)
    try workspace.run(name).waitForStep(20)
    launcher.send(SIGTERM)
    let stopped = try launcher.wait()
    #expect(stopped.code == 130)
    let command = try command(after: "Go on with: ", in: stopped.output)
    #expect(command.hasPrefix("relate train --run "))
    #expect(command.hasSuffix("--single-process") == (arguments == ["--single-process"]))
    try paste(command).wait().requiringSuccess()
    #expect(try workspace.run(name).digests() == Reference.states.get().digests)
  }

  @Test(arguments: [["--single-process"], ["--workers", "1"]])
  func aRunOnFilesIsGoneOnWith(arguments: [String]) throws {
    try workspace.relate([
      "generate", "sort-of-clevr", "--out", "the data", "--set", "images.training=50", "--set",
      "images.validation=3", "--set", "images.test=3",
    ]).requiringSuccess()
    let launcher = try workspace.start(.states, ["--data", "the data"] + arguments, run: name)
    try workspace.run(name).waitForStep(20)
    launcher.send(SIGTERM)
    let stopped = try launcher.wait()
    #expect(stopped.code == 130)
    try paste(try command(after: "Go on with: ", in: stopped.output)).wait().requiringSuccess()
    #expect(try workspace.run(name).digests() == Reference.states.get().digests)
  }

  @Test func aStoppedServerIsGoneOnWithAtItsAddress() throws {
    let ports = try [freePort(), freePort()].map(String.init)
    let cluster = try ClusterByHand(
      .states, ["--listen", "127.0.0.1:\(ports[0])", "--data-port", ports[1]], run: name,
      in: workspace)
    try cluster.startWorker()
    try workspace.run(name).waitForStep(20)
    cluster.server.send(SIGTERM)
    let stopped = try cluster.server.wait()
    #expect(stopped.code == 130)
    let command = try command(after: "Go on with: ", in: stopped.output)
    #expect(
      command.hasSuffix("--resume --listen 127.0.0.1:\(ports[0]) --data-port \(ports[1])"))
    let server = try paste(command)
    try cluster.startWorker()
    try server.wait().requiringSuccess()
    #expect(try workspace.run(name).digests() == Reference.states.get().digests)
  }

  /// To resume would come to the same numbers.
  @Test(arguments: [["--single-process"], ["--workers", "1"]])
  func aRunThatDivergedIsBegunAgainWithALowerRate(arguments: [String]) throws {
    let launcher = try workspace.start(.short, arguments + ["--learning-rate", "1e30"], run: name)
    let ended = try launcher.wait()
    expectRefusal(ended, ["is not finite"])
    #expect(!ended.errors.contains("--resume"))
    let command = try command(after: "Begin again with a lower rate: ", in: ended.errors)
    try paste(command).wait().requiringSuccess()
    #expect(try workspace.run(name + "-2").readSummary()?.steps == Trial.short.steps)
  }

  // MARK: Documents

  /// The lines of the fenced blocks of the shell in README.md and docs, with where they stand.
  private static func documentedCommands() throws -> [(place: String, words: [String])] {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().path
    let documents = try FileManager.default.subpathsOfDirectory(atPath: root + "/docs")
      .filter { $0.hasSuffix(".md") }.map { "docs/\($0)" }.sorted()
    return try (["README.md", "CONTRIBUTING.md"] + documents).flatMap { document in
      let text = try String(contentsOfFile: "\(root)/\(document)", encoding: .utf8)
      return text.components(separatedBy: "```sh\n").dropFirst()
        .compactMap { $0.components(separatedBy: "\n```").first }
        .flatMap { $0.replacing("\\\n", with: " ").split(separator: "\n") }
        .map { (document, shellWords(String($0))) }
    }
  }

  /// A line as a shell takes it apart, up to a comment, a pipe or a redirection.
  private static func shellWords(_ line: String) -> [String] {
    var words: [String] = []
    for word in line.split(separator: " ") {
      if ["#", "|", ">", "&", ";"].contains(where: { word.hasPrefix($0) }) { break }
      words.append(word.filter { $0 != "\"" && $0 != "'" })
    }
    return words
  }

  private static func parse(_ words: [String]) throws -> (any ParsableCommand)? {
    // Variables and what sets a place for the program come first.
    let start = words.firstIndex { ["relate", "ParameterServer", "Worker"].contains($0) }
    guard let start else { return nil }
    let arguments = Array(words[(start + 1)...])
    switch words[start] {
    case "relate": return try RelateCommand.parseAsRoot(arguments)
    case "ParameterServer": return try ParameterServerCommand.parseAsRoot(arguments)
    default: return try WorkerCommand.parseAsRoot(arguments)
    }
  }

  @Test func everyDocumentedCommandParses() throws {
    var count = 0
    for (place, words) in try Self.documentedCommands() {
      do {
        if try Self.parse(words) != nil { count += 1 }
      } catch {
        let line = words.joined(separator: " ")
        Issue.record("\(place): \(line): \(RelateCommand.message(for: error))")
      }
    }
    #expect(count > 20, "the search finds no commands any more")
  }

  @Test func wordsOfTheShellAreTakenApart() throws {
    let words = Self.shellWords("relate train --run 'a' \"b\"  # the rest")
    #expect(words == ["relate", "train", "--run", "a", "b"])
    #expect(throws: (any Error).self) { try Self.parse(["relate", "train", "--stepz", "4"]) }
    #expect(throws: (any Error).self) { try Self.parse(["Worker", "--servr", "a:1"]) }
    #expect(try Self.parse(["scripts/test.sh"]) == nil)
  }
}
