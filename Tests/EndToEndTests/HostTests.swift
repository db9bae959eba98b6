// relate train --hosts, with a program in the place of ssh that runs everything on this machine.

import Foundation
import Glibc
import Testing
import Training

@Suite struct HostTests {
  private let workspace: Workspace
  private let environment: [String: String]

  /// Makes a package of links to the executables, and a stand-in for ssh with a home directory for
  /// each host.
  init() throws {
    workspace = try Workspace()
    environment = [
      "PATH": "\(workspace.path("standin")):/usr/bin:/bin", "HOSTS": workspace.path("homes"),
      "TMPDIR": workspace.path("tmp"),
    ]
    let bin = workspace.path("package/relate/bin")
    for folder in [bin, workspace.path("standin"), workspace.path("homes"), workspace.path("tmp")] {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
    for executable in [Executable.relate, .server, .worker] {
      try FileManager.default.createSymbolicLink(
        atPath: "\(bin)/\(executable.rawValue)", withDestinationPath: executable.path)
    }
    try workspace.shell("tar -C package -czf package.tar.gz relate").requiringSuccess()
    let ssh = workspace.path("standin/ssh")
    try Self.standIn.write(toFile: ssh, atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: ssh)
  }

  private static let standIn = """
    #!/bin/bash
    # As ssh does, which knows three descriptors only.
    for path in /proc/$$/fd/*; do
      number=${path##*/}
      if [ "$number" -gt 2 ] && [ "$number" -ne 255 ]; then eval "exec $number>&-"; fi
    done
    while [ "$1" != -- ]; do shift; done
    host=$2
    shift 2
    case "$host" in
    away) echo "ssh: connect to host away port 22: Connection refused" >&2; exit 255 ;;
    bare) case "$*" in *ordered-work*)
      echo "relate: error while loading shared libraries: libzmq.so.5: cannot open" >&2; exit 127 ;;
      esac ;;
    other) export OPENBLAS_CORETYPE=Sandybridge ;;
    esac
    export HOME="$HOSTS/$host" SSH_CONNECTION="127.0.0.1 40000 127.0.0.1 22"
    mkdir -p "$HOME"
    echo "Welcome to $host"
    exec sh -c "$*"
    """

  /// Starts a trial on the hosts of some lines.
  private func start(
    _ trial: Trial, _ lines: [String], _ arguments: [String] = [], run: String
  ) throws -> RunningProcess {
    try lines.joined(separator: "\n").write(
      toFile: workspace.path("hosts"), atomically: true, encoding: .utf8)
    return try RunningProcess(
      .relate,
      ["train"] + trial.options + arguments
        + ["--run", run, "--hosts", "hosts", "--package", "package.tar.gz"],
      in: workspace, environment: environment)
  }

  /// All that a process has started, and what that has.
  private func descendants(of process: Int32) -> [Int32] {
    let tasks =
      (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
    let children = tasks.flatMap { task in
      ((try? String(contentsOfFile: "/proc/\(process)/task/\(task)/children", encoding: .utf8))
        ?? "")
        .split(separator: " ").compactMap { Int32($0) }
    }
    return children + children.flatMap(descendants)
  }

  private func commandLine(_ process: Int32) -> String {
    String(
      decoding: FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data(),
      as: UTF8.self)
  }

  @Test func severalHostsReachTheSameBits() throws {
    let first = try start(.states, ["one workers=1", "me@two workers=2  # the larger"], run: "run")
    let ended = try first.wait().requiringSuccess()
    for words in ["one: Copied the package", "one: Joined tcp://127.0.0.1:", "two: Joined"] {
      #expect(ended.output.contains(words), "\(words)\n\(ended)")
    }
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
    let second = try start(.short, ["one workers=1"], run: "another").wait().requiringSuccess()
    #expect(!second.output.contains("Copied the package"), "it is there: \(second)")
    #expect(try workspace.run("another").digests() == Reference.short.get().digests)
    let left = try FileManager.default.subpathsOfDirectory(atPath: workspace.path("homes"))
    #expect(!left.contains { $0.hasSuffix("/secret") })
  }

  @Test func aHostThatIsLostComesBack() throws {
    let launcher = try start(.states, ["one workers=1", "two workers=1"], run: "run")
    try workspace.run("run").waitForStep(10)
    let works = descendants(of: launcher.identifier)
      .filter { commandLine($0).contains("ordered-work") }
    let lost = try #require(works.last)
    let worker = try #require(descendants(of: lost).first)
    kill(lost, SIGKILL)
    try waitUntil("the end of its worker", atMost: 10) { !isAlive(worker) }
    let ended = try launcher.wait().requiringSuccess()
    #expect(ended.errors.contains("have ended with code 137"), "\(ended)")
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
  }

  @Test func aKilledLauncherLeavesNothingOnItsHosts() throws {
    let launcher = try start(.states, ["one workers=1", "two workers=1"], run: "run")
    try workspace.run("run").waitForStep(10)
    let all = descendants(of: launcher.identifier)
    #expect(all.count >= 5)
    defer { for process in all where isAlive(process) { kill(process, SIGKILL) } }
    launcher.send(SIGKILL)
    _ = try launcher.wait()
    try waitUntil("the end of all processes", atMost: 15) { !all.contains(where: isAlive) }
    #expect(try workspace.run("run").readSummary() == nil, "the run was to be interrupted")
    let left = try FileManager.default.subpathsOfDirectory(atPath: workspace.path("tmp"))
    #expect(left == [], "keys are gone with the processes")
  }

  @Test func aStoppedRunSaysHowToGoOn() throws {
    let launcher = try start(.states, ["one workers=1"], run: "run")
    try workspace.run("run").waitForStep(10)
    launcher.send(SIGTERM)
    let ended = try launcher.wait()
    #expect(ended.code == 130)
    let hint = "relate train --run run --resume --hosts hosts --package package.tar.gz"
    #expect(ended.output.contains(hint), "\(ended)")
    let words = hint.split(separator: " ").dropFirst().map(String.init)
    try RunningProcess(.relate, words, in: workspace, environment: environment).wait()
      .requiringSuccess()
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
  }

  @Test func hostsThatCannotComputeAreNamed() throws {
    let lines = ["good", "away", "bare", "other"]
    let ended = try start(.short, lines, ["--engine", "openblas"], run: "run").wait(atMost: 20)
    #expect(ended.code == 1, "\(ended)")
    let sentences = try #require(ended.errors.components(separatedBy: "Error: ").last)
    for words in [
      "away cannot be reached by ssh: ssh: connect to host away port 22: Connection refused.",
      "bare lacks a library", "libzmq.so.5", "other computes with other bits than the run",
    ] { #expect(sentences.contains(words), "\(words)\n\(ended)") }
    #expect(sentences.split(separator: "\n").count == 3, "\(ended)")
    #expect(!FileManager.default.fileExists(atPath: workspace.path("run")), "nothing was begun")
  }

  @Test func aDoctorVisitsHosts() throws {
    try "good\naway\nother".write(
      toFile: workspace.path("hosts"), atomically: true, encoding: .utf8)
    let visit = ["doctor", "--hosts", "hosts", "--package", "package.tar.gz"]
    let ended = try workspace.relate(visit, environment: environment, atMost: 30)
    #expect(ended.code == 1, "one cannot be reached: \(ended)")
    func line(_ host: String) -> String {
      let words = ended.output.split(separator: "\n").map { $0.split(separator: " ") }
      return words.first { $0.count > 2 && $0[1] == host }?.joined(separator: " ") ?? "none"
    }
    #expect(line("good").hasPrefix("ok good release") && line("good").hasSuffix("the same bits"))
    #expect(line("away").hasPrefix("BAD away away cannot be reached by ssh"), "\(line("away"))")
    #expect(line("other").hasPrefix("note other") && line("other").contains("openblas/fp32"))
  }

  @Test func mistakesAreAnswered() throws {
    expectRefusal(
      try start(.short, ["one", "two wrkers=3"], run: "run").wait(), ["hosts, line 2", "workers=N"])
    expectRefusal(
      try workspace.relate(["train", "sort-of-clevr", "--hosts", "none"]), ["open none"])
    let both = try workspace.relate(["train", "sort-of-clevr", "--hosts", "x", "--workers", "2"])
    #expect(both.code == 64 && both.errors.contains("leave out"))
    let alone = try workspace.relate(["train", "sort-of-clevr", "--package", "x"])
    #expect(alone.code == 64 && alone.errors.contains("--package belongs to --hosts"))
    try "one".write(toFile: workspace.path("hosts"), atomically: true, encoding: .utf8)
    expectRefusal(
      try workspace.relate(["train", "sort-of-clevr", "--hosts", "hosts"]), ["scripts/package.sh"])
  }
}
