// Data on disk: written, looked over, packed, evaluated and trained on.

import Foundation
import Glibc
import Learning
import Testing
import Training

@Suite struct DataTests {
  private let workspace: Workspace

  init() throws { workspace = try Workspace() }

  private static let counts = ["training": 50, "validation": 3, "test": 3]
  private static let images = counts.sorted { $0.key < $1.key }.flatMap {
    ["--set", "images.\($0.key)=\($0.value)"]
  }

  /// The data of the trials, as files.
  @discardableResult
  private func generate(_ name: String, _ options: [String] = []) throws -> Ended {
    try workspace.relate(["generate", "sort-of-clevr", "--out", name] + Self.images + options)
      .requiringSuccess()
  }

  private func pack(_ name: String, to packed: String) throws {
    let ended = try workspace.relate(["data", "import", "sort-of-clevr", name, "--to", packed])
      .requiringSuccess()
    #expect(ended.output == "Packed 60 test, 1000 training, 60 validation samples in \(packed)\n")
  }

  private func check(_ name: String, _ options: [String] = []) throws -> Ended {
    try workspace.relate(["data", "check", name] + options)
  }

  private func change(_ path: String, _ change: (inout Data) -> Void) throws {
    let url = URL(fileURLWithPath: workspace.path(path))
    var data = try Data(contentsOf: url)
    change(&data)
    try data.write(to: url)
  }

  private func files(in folder: String) throws -> [String] {
    let root = workspace.path(folder)
    return try FileManager.default.subpathsOfDirectory(atPath: root).filter {
      var isDirectory: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: "\(root)/\($0)", isDirectory: &isDirectory)
      return !isDirectory.boolValue
    }.sorted()
  }

  // MARK: Written

  @Test func oneSplitIsWrittenAndItsSizeSaidBefore() throws {
    let ended = try generate("my data", ["--split", "test", "--scale", "4"])
    let line = try #require(
      ended.output.firstMatch(of: /^Writing (\d+) files, about (\d+) MB, to 'my data'\n/))
    let written = try files(in: "my data")
    #expect(
      written == [
        "dataset.json", "generated.json", "test/000000.png", "test/000001.png", "test/000002.png",
        "test/questions.json",
      ])
    // The description comes on top.
    #expect(Int(line.1) == written.count - 1)
    let bytes = try written.reduce(0) {
      $0 + (try Data(contentsOf: URL(fileURLWithPath: workspace.path("my data/\($1)"))).count)
    }
    #expect(Int(line.2) == max(1, bytes >> 20))
  }

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/script")))
  func progressIsShownOnATerminal() throws {
    let generate = """
      \(Executable.relate.path) generate sort-of-clevr --split training --out data --scale 16 \
      --set images.training=100
      """
    let ended = try RunningProcess(
      "/usr/bin/script", ["-qec", generate, "/dev/null"], in: workspace
    ).wait().requiringSuccess()
    #expect(ended.output.contains(/\rimages \d+\/100, \d+ s left/))
  }

  // MARK: Looked over

  @Test func aSoundDataSetIsDescribed() throws {
    try generate("data")
    let ended = try check("data").requiringSuccess()
    #expect(ended.output.hasPrefix("sort-of-clevr 1, for sort-of-clevr\n  test: 60 samples\n"))
    #expect(ended.output.contains(/\n  59 files, fingerprint [0-9a-f]{16}\n/))
    #expect(ended.output.hasSuffix("All is well.\n"))
    try pack("data", to: "packed")
    #expect(try check("packed").requiringSuccess().output.hasSuffix("All is well.\n"))
    expectRefusal(try check("missing"), ["missing"])
  }

  @Test func whatIsWrongIsNamed() throws {
    try generate("data")
    try change("data/test/000001.png") { $0[$0.count / 2] ^= 1 }
    try FileManager.default.removeItem(atPath: workspace.path("data/training/000007.png"))
    try change("data/validation/questions.json") {
      var lines = String(decoding: $0, as: UTF8.self).split(separator: "\n").map(String.init)
      lines[2] = lines[2].replacing("\"color\":\"red\"", with: "\"color\":\"pink\"")
      $0 = Data((lines.joined(separator: "\n") + "\n").utf8)
    }
    let ended = try check("data")
    #expect(ended.code == 1)
    for words in [
      ["data/test/000001.png", "content"], ["data/training/000007.png", "No such file"],
      ["data/validation/questions.json", "line 3", "pink"],
    ] {
      let lines = ended.output.split(separator: "\n")
      #expect(lines.contains { line in words.allSatisfy { line.contains($0) } }, "\(ended)")
    }
    #expect(!ended.output.contains("All is well"))
  }

  @Test func aListThatIsCutOffIsNamed() throws {
    try generate("data")
    try change("data/test/questions.json") { $0 = $0.prefix($0.count / 2) }
    let ended = try check("data")
    #expect(ended.code == 1)
    #expect(ended.output.contains(#/data/test/questions.json, line \d+: /#), "\(ended)")
  }

  @Test func aFlippedByteOfPackedDataIsNamed() throws {
    try generate("data")
    try pack("data", to: "packed")
    try change("packed/test.safetensors") { $0[$0.count / 2] ^= 1 }
    let ended = try check("packed")
    #expect(ended.code == 1 && ended.output.contains("packed/test.safetensors: "), "\(ended)")
  }

  @Test func changedDataAreDescribedAgain() throws {
    try generate("data")
    try change("data/test/questions.json") {
      let text = String(decoding: $0, as: UTF8.self)
      $0 = Data(text.replacing("\"shape\":\"square\"", with: "\"shape\":\"circle\"").utf8)
    }
    let ended = try check("data")
    #expect(ended.code == 1 && ended.output.contains("relate data check data --renew"), "\(ended)")
    #expect(try check("data", ["--renew"]).requiringSuccess().output.hasSuffix("All is well.\n"))
    try check("data").requiringSuccess()
  }

  // MARK: Evaluated

  /// One and the same question, whether it is generated, read or mapped.
  @Test(arguments: ["state", "pixels"])
  func formsOfTheDataDoNotMatter(sees: String) throws {
    try generate("data")
    try pack("data", to: "packed")
    let run = try (sees == "state" ? Reference.short : Reference.pixels).get().run.path
    let outputs = try [Self.images, ["--data", "data"], ["--data", "packed"]].map {
      try workspace.relate(["evaluate", run, "--json"] + $0).requiringSuccess().output
    }
    #expect(outputs[0].contains("\"samples\":60"))
    #expect(outputs[1] == outputs[0])
    #expect(outputs[2] == outputs[0])
  }

  @Test func aSplitThatIsNotThere() throws {
    try generate("data", ["--split", "test"])
    let run = try Reference.short.get().run.path
    try workspace.relate(["evaluate", run, "--data", "data"]).requiringSuccess()
    expectRefusal(
      try workspace.relate(["evaluate", run, "--data", "data", "--split", "validation"]),
      ["no validation split", "only test"])
  }

  @Test func everyAnswerIsWrittenDown() throws {
    let run = try Reference.short.get().run.path
    let ended = try workspace.relate(
      ["evaluate", run, "--json", "--predictions", "answers.jsonl"]
    ).requiringSuccess()
    let report = try JSONDecoder().decode(JSONValue.self, from: Data(ended.output.utf8))
    let lines = try String(contentsOfFile: workspace.path("answers.jsonl"), encoding: .utf8)
      .split(separator: "\n").map { try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8)) }
    #expect(lines.count == report["samples"]?.integer)
    #expect(lines.map { $0["sample"]?.integer } == lines.indices.map { $0 })
    var right = 0
    for line in lines {
      #expect(line["question"]?.text?.hasSuffix("?") == true)
      let (answer, truth) = (line["answer"]?.text, line["truth"]?.text)
      if answer == truth { right += 1 }
      guard case .object(let shares)? = line["probabilities"] else {
        throw TestFailure("No probabilities in \(line).")
      }
      let numbers = shares.mapValues(\.double)
      #expect(abs(numbers.values.reduce(0, +) - 1) < 1e-5)
      #expect(numbers.max { $0.value < $1.value }?.key == answer)
      #expect(truth.map { numbers.keys.contains($0) } == true)
    }
    let accuracy = try #require(report["metrics"]?["accuracy"]?.double)
    #expect(abs(Double(right) / Double(lines.count) - accuracy) < 1e-9)
  }

  // MARK: Trained on

  @Test func trainingOnFilesIsTrainingOnTheSameSamples() throws {
    try generate("data")
    try pack("data", to: "packed")
    try workspace.train(.short, ["--data", "packed", "--workers", "2"], run: "packed-run")
    try workspace.train(.short, ["--data", "data", "--single-process"], run: "data-run")
    let digests = try Reference.short.get().digests
    #expect(try workspace.run("packed-run").digests() == digests)
    #expect(try workspace.run("data-run").digests() == digests)
    let identity = try workspace.run("packed-run").readExperiment().experiment.data
    #expect(identity?.counts == ["training": 1000, "validation": 60, "test": 60])
    // The data are a part of the experiment: a resumption needs the same ones.
    try FileManager.default.removeItem(atPath: workspace.run("packed-run").summaryPath)
    let again = ["train", "--run", "packed-run", "--resume", "--single-process"]
    expectRefusal(try workspace.relate(again), ["say where it is", "--data DIR"])
    expectRefusal(try workspace.relate(again + ["--data", "data"]), code: 64, ["data"])
    try workspace.relate(again + ["--data", "packed"]).requiringSuccess()
  }

  @Test func aWorkerWithOtherDataIsRefused() throws {
    try generate("data")
    try generate("other", ["--set", "dataSeed=2"])
    let cluster = try ClusterByHand(.short, ["--data", "data"], run: "run", in: workspace)
    try cluster.waitForServer(toSay: "Worker --server \(cluster.endpoint) --data DIR")
    expectRefusal(
      try cluster.startWorker(["--data", "other"]).wait(), ["other are not those of the run"])
    expectRefusal(try cluster.startWorker().wait(), ["say where it is", "--data DIR"])
    expectRefusal(try cluster.startWorker(["--data", "missing"]).wait(), ["missing"])
    #expect(cluster.server.isRunning)
    try cluster.startWorker(["--data", "data"])
    try cluster.server.wait().requiringSuccess()
    #expect(try workspace.run("run").digests() == Reference.short.get().digests)
  }

  @Test func aRunThatReadsNoDataTakesNone() throws {
    try generate("data")
    let cluster = try ClusterByHand(.short, run: "run", in: workspace)
    expectRefusal(try cluster.startWorker(["--data", "data"]).wait(), ["leave out --data data"])
    try cluster.startWorker()
    try cluster.server.wait().requiringSuccess()
    #expect(try workspace.run("run").digests() == Reference.short.get().digests)
  }
}

extension JSONValue {
  /// The number, whole or not.
  fileprivate var double: Double {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: .nan
    }
  }
}
