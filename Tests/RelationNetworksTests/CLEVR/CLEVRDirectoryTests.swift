// Folders in the published layout: written, recognized, looked over, read and packed.

import Foundation
import Learning
import Pictures
import Testing

@testable import RelationNetworks

@Suite struct CLEVRDirectoryTests {
  private static let settings: CLEVR.Settings = {
    var settings = CLEVRFamily.presets[0].settings
    settings.scenes = .init(training: 3, validation: 2, test: 1)
    settings.dataSeed = 9
    return settings
  }()

  private static func write(
    to directory: URL, splits: [Split] = Split.allCases
  ) throws -> DataSetContents {
    try CLEVRFamily.export(
      settings, to: DataPlace(path: directory.path), splits: splits, scale: 1,
      progress: { _, _ in })
  }

  private func findings(in path: String) throws -> [String] {
    var findings: [String] = []
    try CLEVRFamily.check(
      DataPlace(path: path), finding: { findings.append($0) }, progress: { _, _ in })
    return findings
  }

  private func change(_ directory: URL, _ file: String, _ change: (inout String) -> Void) throws {
    let url = directory.appendingPathComponent(file)
    var text = String(decoding: try Data(contentsOf: url), as: UTF8.self)
    let before = text
    change(&text)
    #expect(text != before)
    try Data(text.utf8).write(to: url)
  }

  @Test func whatIsWrittenIsWhatIsGenerated() throws {
    try withDirectory { directory in
      let contents = try Self.write(to: directory)
      #expect(contents.counts == ["training": 30, "validation": 20, "test": 10])
      // Two lists and the images of each split.
      #expect(contents.files.count == 6 + 6)
      let size = try CLEVRFamily.exportSize(of: Self.settings, splits: Split.allCases, scale: 1)
      #expect(size.files == 13 && size.bytes > 60_000)
      #expect(try findings(in: directory.path) == [])
      let place = DataPlace(path: directory.path)
      let published = try CLEVR.PublishedQuestions(at: place, counts: contents.counts)
      let packed = directory.appendingPathComponent("packed")
      try FileManager.default.createDirectory(at: packed, withIntermediateDirectories: true)
      let packing = try CLEVRFamily.pack(
        place, into: DataPlace(path: packed.path), progress: { _, _ in })
      #expect(packing.counts == contents.counts && packing.details == contents.details)
      let mapped = try CLEVR.PackedQuestions(
        at: DataPlace(path: packed.path), counts: packing.counts)
      let generated = CLEVR.GeneratedQuestions(
        seed: 9, sceneCounts: Self.settings.scenes, keepsPictures: false)
      for split in Split.allCases {
        for index in 0..<generated.sampleCount(of: split) {
          let expected = generated.sample(index, in: split, withObjects: true)
          for source in [published, mapped] as [any CLEVR.Source] {
            let found = try source.sample(index, in: split, withObjects: true)
            #expect(found.words == expected.words && found.answer == expected.answer)
            #expect(found.objects == expected.objects && found.image == expected.image)
            #expect(found.category == expected.category && found.scene == expected.scene)
          }
        }
        for scene in 0..<Self.settings.scenes[split] {
          let expected = generated.picture(ofScene: scene, in: split)
          #expect(try published.picture(ofScene: scene, in: split) == expected)
          #expect(try mapped.picture(ofScene: scene, in: split) == expected)
        }
      }
    }
  }

  @Test func aFolderIsFoundWhereverItsArchiveWasUnpacked() throws {
    try withDirectory { directory in
      let inner = directory.appendingPathComponent("CLEVR_v1.0")
      #expect(!CLEVRFamily.recognizes(DataPlace(path: directory.path)))
      _ = try Self.write(to: inner, splits: [.validation])
      for path in [directory.path, inner.path] {
        let place = DataPlace(path: path)
        #expect(CLEVRFamily.recognizes(place))
        #expect(try CLEVRFamily.contents(of: place).counts == ["validation": 20])
      }
    }
  }

  @Test func whatIsWrongIsNamed() throws {
    try withDirectory { directory in
      _ = try Self.write(to: directory, splits: [.validation])
      try change(directory, "questions/CLEVR_val_questions.json") { text in
        text = text.replacing("\"answer\": \"no\"", with: "\"answer\": \"yes\"", maxReplacements: 1)
      }
      let image = directory.appendingPathComponent("images/val/CLEVR_val_000001.png")
      try Data("no picture".utf8).write(to: image)
      let found = try findings(in: directory.path)
      #expect(found.count == 2, "\(found)")
      #expect(found[0].contains("CLEVR_val_questions.json: question "))
      #expect(found[0].hasSuffix("the answer is no, not yes"))
      #expect(found[1].contains("CLEVR_val_000001.png"))
    }
  }

  @Test func unknownWordsAndScenesAreNamedAndNothingIsPacked() throws {
    try withDirectory { directory in
      let place = DataPlace(path: directory.path)
      _ = try Self.write(to: directory, splits: [.test])
      let questions = "questions/CLEVR_test_questions.json"
      try change(directory, questions) { text in
        text = text.replacing(
          "\"question\": \"", with: "\"question\": \"zebra ", maxReplacements: 1)
      }
      func message() -> String {
        do {
          _ = try CLEVRFamily.contents(of: place)
          return "no error"
        } catch { return "\(error)" }
      }
      #expect(message().contains("question 0: \"zebra\" is no word of CLEVR's questions"))
      try change(directory, questions) { $0 = $0.replacing("zebra ", with: "") }
      try change(directory, "scenes/CLEVR_test_scenes.json") {
        $0 = $0.replacing("\"image_index\": 0", with: "\"image_index\": 7")
      }
      #expect(message().contains("is about image 0, which has no scene"))
    }
  }

  /// The published test split has neither scenes nor answers.
  @Test func questionsWithoutAnswersAreNoSplit() throws {
    try withDirectory { directory in
      _ = try Self.write(to: directory, splits: [.test, .validation])
      try FileManager.default.removeItem(
        at: directory.appendingPathComponent("scenes/CLEVR_test_scenes.json"))
      let asked =
        #"{"image_index": 0, "image_filename": "CLEVR_test_000000.png", "question": "Are there any balls?"}"#
      try Data("{\"questions\": [\(asked)]}".utf8).write(
        to: directory.appendingPathComponent("questions/CLEVR_test_questions.json"))
      #expect(try findings(in: directory.path) == [])
      #expect(
        try CLEVRFamily.contents(of: DataPlace(path: directory.path)).counts
          == ["validation": 20])
    }
  }

  @Test func picturesNeedNoScenesAndDescriptionsNoPictures() throws {
    try withDirectory { directory in
      let place = DataPlace(path: directory.path)
      let contents = try Self.write(to: directory, splits: [.validation])
      let scenes = directory.appendingPathComponent("scenes")
      let hidden = directory.appendingPathComponent("hidden")
      try FileManager.default.moveItem(at: scenes, to: hidden)
      var source = try CLEVR.PublishedQuestions(at: place, counts: contents.counts)
      #expect(try source.sample(3, in: .validation, withObjects: false).words.count > 3)
      #expect(try source.picture(ofScene: 1, in: .validation).width == 128)
      #expect(throws: SampleFileError.self) {
        try source.sample(3, in: .validation, withObjects: true)
      }
      try FileManager.default.moveItem(at: hidden, to: scenes)
      try FileManager.default.removeItem(at: directory.appendingPathComponent("images"))
      source = try CLEVR.PublishedQuestions(at: place, counts: contents.counts)
      #expect(try source.sample(3, in: .validation, withObjects: true).objects.count >= 3)
      #expect(throws: SampleFileError.self) { try source.picture(ofScene: 1, in: .validation) }
    }
  }

  @Test func anotherDirectoryIsLeftAlone() throws {
    try withDirectory { directory in
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      let file = directory.appendingPathComponent("mine.txt")
      try Data("mine".utf8).write(to: file)
      #expect(throws: ExportError.self) { try Self.write(to: directory) }
      #expect(try Data(contentsOf: file) == Data("mine".utf8))
    }
  }
}
