// Keys through the real executables: who is let in trains to the same bits, and nobody else is.

import Foundation
import Testing

@Suite struct KeyTests {
  private let workspace: Workspace

  init() throws { workspace = try Workspace() }

  /// Makes a directory of keys and gives the public one.
  private func makeKeys(_ directory: String) throws -> String {
    let made = try workspace.relate(["keys", "new", "--keys", directory]).requiringSuccess()
    return made.output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private func allow(_ arguments: [String]) throws {
    try workspace.relate(["keys", "allow"] + arguments).requiringSuccess()
  }

  @Test func onlyWorkersWhoseKeysAreAllowedAreLetIn() throws {
    let keys = try ["server", "mine", "stranger"].map(makeKeys)
    #expect(Set(keys).count == 3 && keys.allSatisfy { $0.utf8.count == 40 })
    try allow(["--keys", "server", "--", keys[1], "node1"])
    for worker in ["mine", "stranger"] {
      try allow(["--server", "--keys", worker, "--", keys[0]])
    }
    let cluster = try ClusterByHand(.states, ["--keys", "server"], run: "run", in: workspace)
    let stranger = try cluster.startWorker(["--keys", "stranger", "--join", "3"]).wait()
    #expect(stranger.code == 1 && stranger.output.contains("key"), "\(stranger)")
    let keyless = try cluster.startWorker(["--join", "3"]).wait()
    #expect(keyless.code == 1 && keyless.output.contains("keys"), "\(keyless)")
    try cluster.waitForServer(toSay: "Listening")
    try cluster.startWorker(["--keys", "mine"])
    let server = try cluster.server.wait().requiringSuccess()
    #expect(server.errors.contains("Refused a peer at 127.0.0.1, whose key is not allowed"))
    #expect(server.errors.contains(keys[2]))
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
  }

  /// A refused greeting ends libzmq's connection; the worker makes another.
  @Test func aRefusedWorkerJoinsOnceItsKeyIsAllowed() throws {
    let keys = try ["server", "mine"].map(makeKeys)
    try allow(["--server", "--keys", "mine", "--", keys[0]])
    let cluster = try ClusterByHand(.states, ["--keys", "server"], run: "run", in: workspace)
    let worker = try cluster.startWorker(["--keys", "mine"])
    try waitUntil("the refusal", atMost: 10) { worker.output.contains("; trying on.") }
    try allow(["--keys", "server", "--", keys[1]])
    try cluster.server.wait().requiringSuccess()
    let ended = try worker.wait().requiringSuccess()
    #expect(ended.output.components(separatedBy: "; trying on.").count == 2, "said once: \(ended)")
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
  }

  /// As where all machines share a home directory.
  @Test func aSharedDirectoryOfKeysIsEnough() throws {
    _ = try makeKeys("shared")
    let cluster = try ClusterByHand(
      .states, ["--keys", "shared", "--expect", "2"], run: "run", in: workspace)
    for _ in 0..<2 { try cluster.startWorker(["--keys", "shared"]) }
    try cluster.server.wait().requiringSuccess()
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
  }

  @Test func keysAreMadeOnceAndKeptFromOthers() throws {
    let key = try makeKeys("mine")
    let secret = workspace.path + "/mine/secret"
    let mode = try FileManager.default.attributesOfItem(atPath: secret)[.posixPermissions]
    #expect(mode as? Int == 0o600)
    expectRefusal(
      try workspace.relate(["keys", "new", "--keys", "mine"]), ["There are keys in mine already"])
    let shown = try workspace.relate(["keys", "show", "--keys", "mine"]).requiringSuccess()
    #expect(shown.output.contains("own      \(key)"))
    expectRefusal(
      try workspace.relate(["keys", "allow", "--keys", "mine", "abc"]), code: 64, ["no key"])
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: secret)
    expectRefusal(
      try workspace.relate(["keys", "show", "--keys", "mine"]), ["Others may read", "chmod 600"])
    expectRefusal(
      try workspace.relate(["keys", "show", "--keys", "none"]), ["There are no keys in none"])
  }
}
