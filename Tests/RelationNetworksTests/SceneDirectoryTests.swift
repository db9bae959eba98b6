// Sort-of-CLEVR from files: the same samples as generated ones, and errors that name the line.

import Foundation
import Learning
import NeuralNetworks
import Pictures
import Tensors
import Testing

@testable import RelationNetworks

@Suite struct SceneDirectoryTests {
  private func settings(_ model: SortOfCLEVR.ModelName) throws -> SortOfCLEVR.Settings {
    var settings = try SortOfCLEVRFamily.preset("quick").settings
    settings.model = model
    settings.images = .init(training: 4, validation: 3, test: 2)
    return settings
  }

  private func identity(_ contents: DataSetContents) -> DataSetIdentity {
    DataSetIdentity(
      name: "scenes", version: "1", counts: contents.counts, fingerprint: Digest(rawValue: 1),
      details: contents.details)
  }

  private func scalars(_ batch: AnswerBatch) -> [[Float]] {
    let scene: [Float] =
      switch batch.scene {
      case .image(let images): images.scalars
      case .objects(let rows, let counts): rows.scalars + (counts ?? []).map { Float($0) }
      case .story: []
      }
    guard case .bits(let bits) = batch.question, case .labels(let labels) = batch.target else {
      return []
    }
    return [scene, bits.scalars, labels.map { Float($0) }, batch.categories.map { Float($0) }]
  }

  @Test(arguments: [1, 3]) func whatWasWrittenIsReadBack(scale: Int) throws {
    try withDirectory { directory in
      let place = DataPlace(path: directory.path)
      let contents = try SortOfCLEVRFamily.export(
        try settings(.cnnRN), to: place, splits: [.training, .test], scale: scale
      ) { _, _ in }
      #expect(contents.counts == ["training": 80, "test": 40])
      #expect(contents.files.count == 2 + 4 + 2)
      for file in contents.files {
        #expect(FileManager.default.fileExists(atPath: "\(place.path)/\(file)"))
      }
      let data = identity(contents)
      for model in SortOfCLEVR.ModelName.allCases {
        let settings = try settings(model)
        let generated = try SortOfCLEVRFamily.open(settings, data: nil, at: nil)
        let read = try SortOfCLEVRFamily.open(settings, data: data, at: place)
        #expect(read.facts.sampleCount(of: .validation) == 0)
        for split in [Split.training, .test] {
          let samples = Array((0..<read.facts.sampleCount(of: split)).reversed())
          let draw = Draw(evaluating: samples, of: split, seed: 1, part: 0)
          #expect(scalars(try read.batch(draw)) == scalars(try generated.batch(draw)))
          for kind in SortOfCLEVR.Kind.allCases {
            #expect(
              read.facts.baselines[0].value(of: kind.metric.path, on: split)
                == generated.facts.baselines[0].value(of: kind.metric.path, on: split))
          }
        }
      }
    }
  }

  /// A directory with one scene of two objects, as a person would write it by hand.
  private func write(_ entries: String, to directory: URL, extent: Int? = 75) throws {
    let folder = directory.appendingPathComponent("test")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data(entries.utf8).write(to: folder.appendingPathComponent("questions.json"))
    guard let extent else { return }
    try RGBImage(width: extent, height: extent, filledWith: 51).pngData()
      .write(to: folder.appendingPathComponent("mine.png"))
  }

  private func sample(
    _ model: SortOfCLEVR.ModelName, in directory: URL
  ) throws -> AnswerBatch {
    let place = DataPlace(path: directory.path)
    let data = identity(try SortOfCLEVRFamily.contents(of: place))
    return try SortOfCLEVRFamily.open(try settings(model), data: data, at: place)
      .batch(Draw(evaluating: [0], of: .test, seed: 1, part: 0))
  }

  private static let byHand = """
    [
      {
        "image": "mine.png",
        "objects": [
          {"color": "green", "shape": "circle", "center": [53, 21]},
          {"color": "red", "shape": "square", "center": [5, 69]}
        ],
        "questions": [{"bits": [1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0], "answer": "square"}]
      }
    ]
    """

  @Test func peopleMayBringTheirOwn() throws {
    try withDirectory { directory in
      try write(Self.byHand, to: directory, extent: 150)
      let state = scalars(try sample(.stateRN, in: directory))
      #expect(Array(state[0].prefix(10)) == [0.5, -0.5, 0, 1, 0, 0, 0, 0, 0, 1])
      #expect(Array(state[0][10..<20]) == [-1, 1, 1, 0, 0, 0, 0, 0, 1, 0])
      #expect(state[0][20..<60].allSatisfy { $0 == 0 } && state[0].last == 2)
      #expect(state[2] == [2] && state[3] == [0])
      let picture = scalars(try sample(.cnnRN, in: directory))
      #expect(picture[0].count == 3 * 75 * 75 && picture[0].allSatisfy { $0 == 51 / 255 })
    }
  }

  @Test func picturesShrinkToTheMeanOfTheirBlocks() {
    var picture = RGBImage(width: 4, height: 4, filledWith: 10)
    picture.bytes[0] = 20
    picture.bytes[3] = 21
    let shrunk = picture.resized(toWidth: 2, height: 2)
    #expect(shrunk.bytes.prefix(3) == [15, 10, 10])
    #expect(picture.resized(toWidth: 4, height: 4) == picture)
  }

  @Test(arguments: [
    (#""answer": "square""#, #""answer": "round""#, ["line 2", "\"round\" is no answer", "yes"]),
    (#", "answer": "square""#, "", ["line 2", "a question has no answer"]),
    (#""answer": "square""#, #""answer": "square", "label": 0"#, ["line 2", "label 0 means yes"]),
    (#""answer": "square""#, #""label": 10"#, ["line 2", "10 is no label"]),
    (#""answer":"#, #""category": "count", "answer":"#, ["line 2", "shape, not count"]),
    ("[1, 0, 0, 0,", "[1, 1, 0, 0,", ["line 2", "encode no question"]),
    ("[1, 0, 0, 0,", "[NaN, 0, 0, 0,", ["line 2", "JSON"]),
    ("[53, 21]", "[53, 75]", ["line 2", "[53, 75]"]),
    ("[53, 21]", "[53.5, 21]", ["line 2"]),
    ("[53, 21]", "[1e400, 21]", ["line 2"]),
    ("\"green\"", "\"pink\"", ["line 2", "\"pink\" is no colour"]),
    ("\"green\"", "\"red\"", ["line 2", "two red objects"]),
    ("\"circle\"", "\"cone\"", ["line 2", "square or circle"]),
    ("mine.png", "../mine.png", ["line 2", "no file of this directory"]),
    ("\"image\"", "\"picture\"", ["line 2", "\"image\" is missing"]),
    ("\n]", "\n", ["line 10", "ends in the middle"]),
    ("\n  }\n]", "", ["ends in the middle"]),
    ("[\n  {", "{\n  {", ["line 1", "a list of objects"]),
    ("\n]", ",\n3]", ["line 10", "a list of objects"]),
  ])
  func whatIsWrongInAListIsNamedWithItsLine(
    part: String, replacement: String, words: [String]
  ) throws {
    try withDirectory { directory in
      #expect(Self.byHand.contains(part))
      try write(Self.byHand.replacing(part, with: replacement, maxReplacements: 1), to: directory)
      #expect {
        _ = try sample(.stateRN, in: directory)
      } throws: { error in
        (words + ["test/questions.json"]).allSatisfy { "\(error)".contains($0) }
      }
    }
  }

  @Test func whatIsWrongWithAPictureIsNamed() throws {
    func expectError(
      _ words: String..., extent: Int? = 75, model: SortOfCLEVR.ModelName,
      damage: (URL) throws -> Void = { _ in }
    ) throws {
      try withDirectory { directory in
        try write(Self.byHand, to: directory, extent: extent)
        try damage(directory.appendingPathComponent("test/mine.png"))
        #expect {
          _ = try sample(model, in: directory)
        } throws: { error in
          words.allSatisfy { "\(error)".contains($0) }
        }
      }
    }
    try expectError("test/mine.png", "No such file", extent: nil, model: .cnnRN)
    try expectError("test/mine.png", "100 x 100", "75 x 75", extent: 100, model: .cnnRN)
    try expectError("test/mine.png", model: .cnnMLP) {
      try Data(contentsOf: $0).prefix(60).write(to: $0)
    }
  }

  @Test func aDirectoryOfOtherThingsIsNamed() throws {
    try withDirectory { directory in
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      #expect {
        _ = try SortOfCLEVRFamily.contents(of: DataPlace(path: directory.path))
      } throws: {
        "\($0)".contains("there is no split")
      }
      try write(
        Self.byHand.replacing("\"objects\"", with: "\"things\""), to: directory, extent: nil)
      #expect {
        _ = try sample(.stateMLP, in: directory)
      } throws: {
        "\($0)".contains("line 2") && "\($0)".contains("has no objects")
      }
      // As the manifest counts them, there should be more.
      let place = DataPlace(path: directory.path)
      var contents = try SortOfCLEVRFamily.contents(of: place)
      contents.counts["test"] = 2
      let task = try SortOfCLEVRFamily.open(
        try settings(.cnnRN), data: identity(contents), at: place)
      #expect {
        _ = try task.batch(Draw(evaluating: [0], of: .test, seed: 1, part: 0))
      } throws: {
        "\($0)".contains("holds 1 questions, but should hold 2")
      }
      #expect(throws: CatalogueError.self) {
        _ = try SortOfCLEVRFamily.open(try settings(.cnnRN), data: identity(contents), at: nil)
      }
    }
  }
}
