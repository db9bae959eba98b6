// What people get wrong is answered with a sentence and a code, and nothing is damaged by it.

import Foundation
import Glibc
import Tensors
import Testing
import Training

@Suite struct MistakeTests {
  private let workspace: Workspace

  init() throws { workspace = try Workspace() }

  @Test(arguments: [
    ("train sort-of-clever", ["no task called \"sort-of-clever\"", "sort-of-clevr"]),
    (
      "train sort-of-clevr --preset tiny",
      ["no preset of sort-of-clevr called \"tiny\"", "small", "paper", "quick"]
    ),
    ("train sort-of-clevr --model rn", ["no model called \"rn\"", "cnn-rn", "state-rn"]),
    ("train sort-of-clevr --stepz 4", ["--stepz", "--steps"]),
    ("train sort-of-clevr --steps 0", ["--steps must be from 1"]),
    ("train sort-of-clevr --steps many", ["many", "--steps"]),
    ("train sort-of-clevr --steps 5 --epochs 1", ["not both"]),
    ("train sort-of-clevr --epochs nan", ["--epochs nan"]),
    ("train sort-of-clevr --replicas 99999", ["at most 4096"]),
    ("train sort-of-clevr --learning-rate=-1", ["rate"]),
    ("train sort-of-clevr --set images.training=0", ["images.training is 0", "at least 1"]),
    ("train sort-of-clevr --workers 0", ["from 1 to 1024, not 0"]),
    ("train sort-of-clevr --workers 2 --single-process", ["not both"]),
    ("train", ["Name a task", "relate tasks"]),
    ("train --resume", ["--run DIR --resume"]),
    ("train --experiment missing.json", ["Cannot read missing.json"]),
    ("train sort-of-clevr --experiment missing.json", ["leave out the task"]),
    ("train sort-of-clevr --workers -1", ["from 1 to 1024, not -1"]),
    ("train sort-of-clevr --seed -1", ["-1", "--seed"]),
    ("train sort-of-clevr --set pairWidth=3", ["no setting called \"pairWidth\"", "pairWidths"]),
    ("train sort-of-clevr --set pairWidths", ["pairWidths", "--set"]),
    ("train sort-of-clevr --set pairWidths=wide", ["pairWidths"]),
    ("train sort-of-clevr --set model=rn", ["no model called \"rn\"", "cnn-rn", "state-rn"]),
    ("train sort-of-clevr --set images=3", ["images.training"]),
    ("train sort-of-clevr --set dropout=high", ["dropout takes a number", "high"]),
    ("train sort-of-clevr --set dataSeed=-1", ["dataSeed", "-1"]),
    ("train sort-of-clevr --take conv", ["--from RUN"]),
    ("evaluate missing --split tests", ["tests", "training, validation"]),
    (
      "train sort-of-clevr --replicas 9000000000000000000 --batch-size 9", ["--replicas must be"]
    ),
    ("train sort-of-clevr --steps=-9223372036854775808", ["--steps must be"]),
    ("parity --config babi --weights w --batch b --out o --threads 0", ["--threads"]),
    ("generate sort-of-clevr --out . --set images.test=0", ["images.test is 0", "at least 1"]),
    ("bench step --config huge", ["no configuration called \"huge\"", "babi"]),
    ("bench step --config babi --batch 0", ["out of range"]),
  ])
  func relateIsToldNonsense(line: String, words: [String]) throws {
    expectRefusal(
      try workspace.relate(line.split(separator: " ").map(String.init)), code: 64, words)
    #expect(!FileManager.default.fileExists(atPath: workspace.path("runs")))
  }

  @Test(arguments: [
    ("train --run missing --resume", ["no run in missing"]),
    ("train --run missing --resume --single-process", ["no run in missing"]),
    ("train sort-of-clevr --run missing --resume", ["no run in missing"]),
    ("train sort-of-clevr --run /dev/null/run --single-process", ["Cannot create", "--run"]),
    ("train sort-of-clevr --run /dev/null/run", ["Cannot create", "--run"]),
    ("evaluate missing", ["no run in missing"]),
    ("generate sort-of-clevr --out /dev/null/data", ["/dev/null/data"]),
    ("parity --config babi --weights w --batch b --out o", ["w"]),
  ])
  func relateIsToldOfWhatIsNotThere(line: String, words: [String]) throws {
    expectRefusal(try workspace.relate(line.split(separator: " ").map(String.init)), words)
    #expect(!FileManager.default.fileExists(atPath: workspace.path("missing")))
    #expect(!FileManager.default.fileExists(atPath: workspace.path("runs")))
  }

  @Test func runsThatCannotBeComparedHaveACodeOfTheirOwn() throws {
    expectRefusal(
      try workspace.relate(["compare", "missing", "other"]), code: 2, ["no run in missing"])
  }

  /// A disk that is full is noticed where output goes, and ends nothing where errors go.
  @Test func aDeviceThatTakesNothing() throws {
    let relate = Executable.relate.path
    let listing = try workspace.shell("exec \(relate) tasks > /dev/full")
    expectRefusal(listing, ["Cannot write the output"])
    #expect(try workspace.shell("exec \(relate) evaluate missing 2> /dev/full").code == 1)
    try workspace.shell("\(relate) tasks | head -n 1").requiringSuccess()
  }

  @Test(arguments: [
    ("sort-of-clevr --run run --listen *:0 --insecure --keys k", ["--keys or --insecure"]),
    ("sort-of-clevr --run run --listen inproc://a", ["HOST:PORT or ipc:///PATH"]),
    ("sort-of-clevr --run run --listen nowhere", ["nowhere", "port is missing"]),
    ("sort-of-clevr --run run --listen 127.0.0.1:99999", ["0 to 65535"]),
    ("sort-of-clevr --run run --silence 0", ["--silence"]),
  ])
  func theServerIsToldNonsense(line: String, words: [String]) throws {
    let arguments = line.split(separator: " ").map(String.init)
    expectRefusal(try RunningProcess(.server, arguments, in: workspace).wait(), code: 64, words)
    #expect(!FileManager.default.fileExists(atPath: workspace.path("run")))
  }

  @Test func theServerIsToldOfARunThatIsNotThere() throws {
    let server = try RunningProcess(.server, ["--run", "run", "--resume"], in: workspace)
    expectRefusal(try server.wait(), ["no run in run"])
    #expect(!FileManager.default.fileExists(atPath: workspace.path("run")))
  }

  @Test(arguments: [
    ("--server nowhere", ["nowhere", "port is missing"]),
    ("--server http://127.0.0.1:80", ["tcp://"]),
    ("--server 127.0.0.1:1 --threads 0", ["--threads"]),
    ("", ["--server"]),
  ])
  func theWorkerIsToldNonsense(line: String, words: [String]) throws {
    let arguments = line.split(separator: " ").map(String.init)
    expectRefusal(
      try RunningProcess(.worker, arguments, in: workspace).wait(atMost: 20), code: 64, words)
  }

  @Test(arguments: ["127.0.0.1:0", "127.0.0.1:1"])
  func theWorkerIsToldOfAServerThatIsNotThere(address: String) throws {
    let worker = try RunningProcess(.worker, ["--server", address, "--join", "1"], in: workspace)
    let ended = try worker.wait(atMost: 20)
    expectRefusal(ended, [address])
    #expect(address.hasSuffix(":0") || ended.output.contains("cannot be reached"))
  }

  @Test func aNameThatNobodyKnowsIsSaidToBeOne() throws {
    let ended = try RunningProcess(
      .worker, ["--server", "no-such-host.invalid:5555", "--insecure", "--join", "1"],
      in: workspace
    ).wait(atMost: 20)
    expectRefusal(ended, ["no-such-host.invalid"])
    #expect(
      ended.output.contains("the name no-such-host.invalid cannot be resolved"), "\(ended)")
    #expect(!ended.output.contains("nobody listens"))
  }

  /// Whoever typed `relate train` is not told how a `ParameterServer` is used.
  @Test(arguments: [
    ["--run", "/dev/null/run"], ["--run", "run", "--freeze", "conv"],
    ["--run", "run", "--from", "missing"],
  ])
  func anErrorOfAChildIsOneSentence(arguments: [String]) throws {
    let ended = try workspace.relate(["train"] + Trial.short.options + arguments)
    expectRefusal(ended, [])
    #expect(!ended.errors.contains("Usage"), "\(ended)")
    #expect(!ended.errors.contains("ParameterServer"), "\(ended)")
    #expect(ended.errors.split(separator: "\n").count <= 2, "\(ended)")
  }

  @Test func optionsBesideResumeMustAgreeWithTheRun() throws {
    try workspace.train(.short, ["--single-process"], run: "run")
    let again = ["--run", "run", "--resume", "--single-process"]
    try workspace.relate(["train"] + Trial.short.options + again).requiringSuccess()
    try workspace.relate(["train", "sort-of-clevr"] + again).requiringSuccess()
    expectRefusal(
      try workspace.relate(["train", "--steps", "9", "--seed", "2"] + again), code: 64,
      ["--resume", "another one", "seed: 2, but the run's is 1"])
    expectRefusal(
      try workspace.relate(["train", "--preset", "small"] + again), code: 64,
      ["--resume", "preset: small, but the run's is quick"])
    #expect(try workspace.run("run").digests() == Reference.short.get().digests)
  }

  @Test func theAddressOrTheDirectoryIsInUse() throws {
    let cluster = try ClusterByHand(.short, run: "run", in: workspace)
    let second = try RunningProcess(
      .server, Trial.short.options + ["--run", "second", "--listen", cluster.endpoint],
      in: workspace)
    expectRefusal(try second.wait(), [cluster.endpoint, "is listening there"])
    #expect(!FileManager.default.fileExists(atPath: workspace.run("second").path))
    expectRefusal(
      try workspace.relate(["train", "--run", "run", "--resume", "--single-process"]),
      ["Another process is training in run"])
    try cluster.startWorker()
    try cluster.server.wait().requiringSuccess()
    #expect(try workspace.run("run").digests() == Reference.short.get().digests)
  }

  /// With kernels of our own, only another release of ours computes other bits.
  @Test(
    arguments: [MatrixEngine.openblas, .onednn].filter { $0.failure(computingIn: .fp32) == nil })
  func aWorkerOfOtherArithmeticIsRefused(_ engine: MatrixEngine) throws {
    let cluster = try ClusterByHand(
      .short, ["--engine", engine.rawValue], run: "run", in: workspace)
    let run = try workspace.run("run").readExperiment().engine
    let (variable, other) =
      switch engine {
      case .openblas: ("OPENBLAS_CORETYPE", run.contains("Haswell") ? "Sandybridge" : "Haswell")
      default: ("ONEDNN_MAX_CPU_ISA", run.contains("avx2 ") ? "AVX" : "AVX2")
      }
    let stranger = try cluster.startWorker(environment: [variable: other])
    expectRefusal(try stranger.wait(), [variable, run])
    try cluster.waitForServer(toSay: "Refused a worker")
    try cluster.startWorker()
    try cluster.server.wait().requiringSuccess()
    try workspace.train(
      .short, ["--engine", engine.rawValue, "--single-process"], run: "undisturbed")
    #expect(
      try workspace.run("run").digests() == workspace.run("undisturbed").digests())
    // As if the run were not complete; and what there is of it stays.
    try FileManager.default.removeItem(atPath: workspace.run("run").summaryPath)
    let evaluations = try workspace.run("run").readEvaluations()
    expectRefusal(
      try workspace.relate(
        ["train", "--run", "run", "--resume", "--single-process"],
        environment: [variable: other]), [variable])
    #expect(try workspace.run("run").readEvaluations() == evaluations)
  }
}
