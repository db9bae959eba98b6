// Data that are not what they were said to be, and what is done about it.

import Foundation
import Testing

@Suite struct DataRefusalTests {
  private let workspace: Workspace
  private static let images = ["test", "training", "validation"].flatMap {
    ["--set", "images.\($0)=3"]
  }

  init() throws {
    workspace = try Workspace()
    try workspace.relate(["generate", "sort-of-clevr", "--out", "data"] + Self.images)
      .requiringSuccess()
  }

  private func train(_ data: String) throws -> Ended {
    try workspace.relate(
      ["train", "sort-of-clevr", "--preset", "quick", "--steps", "2", "--single-process"]
        + ["--replicas", "1", "--batch-size", "8", "--run", "run", "--data", data])
  }

  private func importing(to path: String) throws -> Ended {
    try workspace.relate(["data", "import", "sort-of-clevr", "data", "--to", path])
  }

  private func append(_ text: String, to path: String) throws {
    let file = try #require(FileHandle(forWritingAtPath: workspace.path(path)))
    try file.seekToEnd()
    try file.write(contentsOf: Data(text.utf8))
    try file.close()
  }

  /// A run would be of data that its experiment does not name.
  @Test func dataThatChangedAreNotTrainedOn() throws {
    try append("\n", to: "data/training/questions.json")
    let ended = try train("data")
    expectRefusal(ended, ["data/training/questions.json", "relate data check data --renew"])
    #expect(!FileManager.default.fileExists(atPath: workspace.path("run/summary.json")))
    try workspace.relate(["data", "check", "data", "--renew"]).requiringSuccess()
    try train("data").requiringSuccess()
  }

  /// Packed data are few files, so that their bytes are looked at, not their sizes alone.
  @Test func aFlippedByteOfPackedDataIsNotTrainedOn() throws {
    try importing(to: "packed").requiringSuccess()
    let url = URL(fileURLWithPath: workspace.path("packed/training.safetensors"))
    var bytes = try Data(contentsOf: url)
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: url)
    expectRefusal(try train("packed"), ["packed/training.safetensors", "--renew"])
  }

  @Test func anImportWritesOverNothing() throws {
    let folder = workspace.path("mine")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    try Data("thesis".utf8).write(to: URL(fileURLWithPath: folder + "/thesis.txt"))
    expectRefusal(try importing(to: "mine"), ["mine holds other files", "new or empty"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["thesis.txt"])
    expectRefusal(try importing(to: "data"), ["data holds other files"])
    try workspace.relate(["data", "check", "data"]).requiringSuccess()
  }

  /// What an interrupted import left is begun again.
  @Test func anImportIsBegunAgain() throws {
    let folder = workspace.path("packed")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    try Data("half".utf8).write(to: URL(fileURLWithPath: folder + "/training.safetensors.partial"))
    expectRefusal(try train("packed"), ["packed: it is not a finished data set"])
    try importing(to: "packed").requiringSuccess()
    try workspace.relate(["data", "check", "packed"]).requiringSuccess()
  }

  @Test func aDirectoryThatIsNoDataSetIsSaidToBeNone() throws {
    try FileManager.default.removeItem(atPath: workspace.path("data/dataset.json"))
    for ended in [try train("data"), try workspace.relate(["data", "check", "data"])] {
      expectRefusal(ended, ["no dataset.json", "relate data import TASK data --to DIR"])
    }
  }

  /// To begin it would end with the system's killing it, or something else.
  @Test func aModelBeyondTheMachinesMemoryIsRefused() throws {
    let ended = try workspace.relate(
      ["train", "sort-of-clevr", "--preset", "quick", "--single-process", "--run", "huge"]
        + ["--set", "pairWidths=65536,65536,65536,65536"])
    expectRefusal(ended, ["parameters and needs", "Choose smaller sizes."])
    #expect(!FileManager.default.fileExists(atPath: workspace.path("huge")))
  }
}
