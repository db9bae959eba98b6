// CLEVR's files: read back as written, in both generations of names, and refused in words.

import Files
import Foundation
import Learning
import Testing

@testable import RelationNetworks

@Suite struct CLEVRFileTests {
  private func withFile(_ text: String, _ body: (String) throws -> Void) throws {
    try withDirectory { directory in
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      let path = "\(directory.path)/file.json"
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      try body(path)
    }
  }

  private func questions(_ path: String) throws -> [CLEVR.ListedQuestion] {
    var all: [CLEVR.ListedQuestion] = []
    try CLEVR.QuestionFile(path).forEach { all.append($0) }
    return all
  }

  private func refusal(ofQuestions text: String) throws -> String {
    var refusal = ""
    try withFile(text) { path in
      do { _ = try questions(path) } catch {
        refusal = "\(error)".replacingOccurrences(of: "\(path): ", with: "")
      }
    }
    return refusal
  }

  private func refusal(ofScenes text: String) throws -> String {
    var refusal = ""
    try withFile(text) { path in
      do { try CLEVR.SceneFile(path).forEach { _ in } } catch {
        refusal = "\(error)".replacingOccurrences(of: "\(path): ", with: "")
      }
    }
    return refusal
  }

  @Test func whatWasWrittenIsReadBack() throws {
    let world = CLEVR.World(seed: 5)
    try withDirectory { directory in
      for split in Split.allCases {
        var progress = 0
        try world.write(split, scenes: 12, to: directory.path, progress: { progress += 1 })
        #expect(progress == 12)
        var scenes: [CLEVR.ListedScene] = []
        try CLEVR.SceneFile("\(directory.path)/\(CLEVR.scenesFile(of: split))")
          .forEach { scenes.append($0) }
        #expect(scenes.map(\.scene) == (0..<12).map { world.view($0, in: split).scene })
        #expect(scenes[11].imageFile == "CLEVR_\(CLEVR.name(of: split))_000011.png")
        let read = try questions("\(directory.path)/\(CLEVR.questionsFile(of: split))")
        #expect(
          read.map(\.question) == (0..<12).flatMap { world.questions(about: $0, in: split) })
        #expect(read.map(\.image) == (0..<120).map { $0 / 10 })
      }
    }
  }

  @Test func bothGenerationsOfNamesAreRead() throws {
    let old = """
      {"questions": [{"image_index": 4, "image_filename": "a.png", 
      "question": "Any \\"red\\" ones?",
      "answer": true, "program": [{"type": "scene", "inputs": [], "side_inputs": []},
      {"type": "filter_color", "inputs": [0], "side_inputs": ["red"]},
      {"type": "exist", "inputs": [1], "side_inputs": []}]}, {"image_index": 4,
      "image_filename": "a.png", "question": "How many?", "answer": 2, "question_family_index": 84,
      "program": [{"function": "scene", "inputs": [], "value_inputs": []},
      {"function": "count", "inputs": [0], "value_inputs": []}]},
      {"image_index": 5, "image_filename": "b.png", "question": "No answer?", "answer": null}],
      "info": {"split": "val", "n": [1e3, -2.5, null, true]}}
      """
    try withFile(old) { path in
      let all = try questions(path)
      #expect(all.map(\.image) == [4, 4, 5])
      #expect(all[0].question.text == "Any \"red\" ones?")
      #expect(all[0].question.answer == .truth(true) && all[0].question.family == nil)
      #expect(
        all[0].question.program
          == CLEVR.Program([
            .init(.scene), .init(.filter(.color(.red)), [0]), .init(.exist, [1]),
          ]))
      #expect(all[1].question.answer == .number(2) && all[1].question.family == 84)
      #expect(all[1].question.category == .count)
      #expect(all[2].question.answer == nil && all[2].question.program == nil)
      #expect(all[2].question.category == nil)
    }
  }

  @Test(arguments: [
    ("", "at byte 0 there should be \"{\"."),
    ("[]", "at byte 0 there should be \"{\"."),
    ("{}", "there is no list \"questions\" in it."),
    (#"{"questions": 3}"#, "at byte 14 there should be \"[\"."),
    (#"{"questions": []} x"#, "something follows its end."),
    (#"{"questions": [3]}"#, "question 0: here should be an object, {…}."),
    (#"{"questions": [{"a": 1}"#, "question 0: \"image_index\" is missing."),
    (#"{"questions": [{"#, "question 0: at byte 16 there should be a text."),
    (#"{"questions": [{"a" 1"#, "question 0: at byte 20 there should be \":\"."),
    (#"{"questions": [{"a": nan}]}"#, "question 0: at byte 21 there should be a value."),
    (#"{"questions": [{"a": "b"#, "question 0: at byte 23 there should be the end of a text."),
    (
      #"{"questions": [{"image_index": 1.5, "image_filename": "", "question": ""}]}"#,
      "question 0: \"image_index\" is not a whole number."
    ),
    (
      #"{"questions": [{"image_index": -1, "image_filename": "", "question": ""}]}"#,
      "question 0: \"image_index\" is -1."
    ),
    (
      #"{"questions": [{"image_index": 3000000000, "image_filename": "", "question": ""}]}"#,
      "question 0: \"image_index\" is 3000000000."
    ),
    (
      #"{"questions": [{"image_index": 0, "image_filename": "", "question": "", "answer": 11}]}"#,
      "question 0: \"11\" is no answer of CLEVR."
    ),
    (
      #"{"questions": [{"image_index": 0, "image_filename": "", "question": "", "program": [{"#
        + #""function": "filter_color", "value_inputs": ["large"], "inputs": [0]}]}]}"#,
      "question 0: step 0 of the program: \"filter_color\" of 1 such values "
        + "is no function of CLEVR."
    ),
    (
      #"{"questions": [{"image_index": 0, "image_filename": "", "question": "", "program": [{"#
        + #""type": "jump", "inputs": []}]}]}"#,
      "question 0: step 0 of the program: \"jump\" is no function of CLEVR."
    ),
  ])
  func badQuestionsAreRefusedInWords(text: String, problem: String) throws {
    #expect(try refusal(ofQuestions: text) == problem)
  }

  private static let scene =
    #"{"image_index": 0, "image_filename": "a.png", "objects": [{"size": "large", "color": "red", "#
    + #""material": "metal", "shape": "cube", "3d_coords": [0, 1, 0.7], "rotation": 0, "#
    + #""pixel_coords": [1, 2, 10.5]}], "directions": {"left": [1, 0, 0], "right": [-1, 0, 0], "#
    + #""front": [0, 1, 0], "behind": [0, -1, 0]}, "relationships": {"left": [[]], "right": [[]], "#
    + #""front": [[]], "behind": [[]]}}"#

  @Test func aSceneIsRead() throws {
    try withFile("{\"scenes\": [\(Self.scene)]}") { path in
      try CLEVR.SceneFile(path).forEach { listed in
        #expect(listed.image == 0 && listed.imageFile == "a.png")
        #expect(listed.scene.objects.map(\.position) == [[0, 1, 0.7]])
        #expect(listed.scene.objects[0].pixel == [1, 2] && listed.scene.objects[0].depth == 10.5)
        #expect(listed.scene.directions[.front] == [0, 1, 0])
      }
    }
  }

  @Test(arguments: [
    ("\"red\"", "\"large\"", "object 0: \"large\" is no color of CLEVR"),
    ("[0, 1, 0.7]", "[0, 1]", "object 0: \"3d_coords\" is not a list of three numbers"),
    ("[0, 1, 0.7]", "[1e300, 1, 1]", "object 0: \"3d_coords\" is far outside of the scene"),
    ("[1, 2, 10.5]", "[1e300, 2, 1]", "object 0: \"pixel_coords\" is far outside of the image"),
    (
      "\"left\": [[]]", "\"left\": [[0]]",
      "\"relationships\" has something else than other objects left of 0"
    ),
    ("\"left\": [[]]", "\"left\": []", "\"relationships\" has 0 lists for \"left\", not 1"),
    ("\"left\": [1, 0, 0]", "\"left\": 1", "\"left\" is not a list"),
    ("\"rotation\": 0", "\"rotation\": \"0\"", "object 0: \"rotation\" is not a number"),
  ])
  func badScenesAreRefusedInWords(part: String, other: String, problem: String) throws {
    let scene = Self.scene.replacingOccurrences(of: part, with: other)
    #expect(scene != Self.scene)
    #expect(
      try refusal(ofScenes: "{\"scenes\": [\(Self.scene), \(scene)]}") == "scene 1: \(problem).")
  }

  @Test func nothingIsReadDeeperThanItMayBe() throws {
    let deep = String(repeating: "[", count: 100_000)
    #expect(
      try refusal(ofQuestions: "{\"questions\": [\(deep)]}")
        == "question 0: at byte 47 there should be nothing so deep.")
  }

  /// Whatever is cut off or changed, it is an error or other data, and never the end of the
  /// program.
  @Test func damagedFilesNeverTrap() throws {
    let text = Array("{\"scenes\": [\(Self.scene)]}".utf8)
    try withDirectory { directory in
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      let path = "\(directory.path)/file.json"
      for place in stride(from: 0, to: text.count, by: 3) {
        for damage in [Array(text[..<place]), text.with(place, 0x22), text.with(place, 0x39)] {
          try Data(damage).write(to: URL(fileURLWithPath: path))
          do { try CLEVR.SceneFile(path).forEach { _ in } } catch { #expect(error is FileError) }
        }
      }
    }
  }
}

extension [UInt8] {
  fileprivate func with(_ place: Int, _ byte: UInt8) -> [UInt8] {
    var bytes = self
    bytes[place] = byte
    return bytes
  }
}
