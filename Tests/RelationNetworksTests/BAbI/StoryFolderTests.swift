// Folders of stories: what there is, packed and read as it is, and what is missing.

import Foundation
import Learning
import TestSupport
import Testing

@testable import RelationNetworks

@Suite struct StoryFolderTests {
  private typealias Family = BAbIFamily

  /// A folder of stories and what was packed of it.
  private func withStories(_ body: (_ folder: DataPlace, _ packed: DataPlace) throws -> Void) throws
  {
    try withDirectory { directory in
      let folder = DataPlace(path: directory.path + "/stories")
      try StoryFiles.write(to: folder.path)
      try body(folder, DataPlace(path: directory.path + "/packed"))
    }
  }

  @discardableResult
  private func pack(_ folder: DataPlace, to packed: DataPlace) throws -> DataSetIdentity {
    try FileManager.default.createDirectory(
      atPath: packed.path, withIntermediateDirectories: true)
    let contents = try Family.pack(folder, into: packed) { _, _ in }
    return try Family.describe(contents, at: packed)
  }

  private func message(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return "no error"
  }

  private func findings(_ place: DataPlace) throws -> [String] {
    var findings: [String] = []
    try Family.check(place, finding: { findings.append($0) }, progress: { _, _ in })
    return findings
  }

  @Test func countsWordsAndAnswersAreInTheIdentity() throws {
    try withStories { folder, packed in
      let data = try pack(folder, to: packed)
      #expect(data.counts == ["training": 200, "validation": 50, "test": 50])
      let details = try BAbI.DataSetDetails(of: data)
      #expect(details.questionCount(of: 1, in: .training) == 80)
      #expect(details.questionCount(of: 8, in: .test) == 20)
      #expect(details.questionCount(of: 16, in: .validation) == 10)
      #expect(details.questionCount(of: 2, in: .training) == 0)
      #expect(details.vocabulary.words.starts(with: [",", ".", "?", "a", "apple"]))
      #expect(details.vocabulary.answers.contains("milk,football"))
      // Nothing but the way it is stored is different.
      let published = try Family.identity(of: folder)
      #expect(published.details == data.details && published.counts == data.counts)
      #expect(try Family.contents(of: packed).details == data.details)
      #expect(try Family.identity(of: packed) == data)
    }
  }

  @Test func theFolderOfAllLevelsIsThatOfTheFirst() throws {
    try withDirectory { root in
      let (level, other) = (root.path + "/en-valid-10k", root.path + "/en")
      try StoryFiles.write(to: level)
      try StoryFiles.write(to: other, tasks: [1])
      let place = DataPlace(path: root.path)
      #expect(Family.recognizes(place))
      #expect(try BAbI.StoryFolder(at: place).path == level)
      #expect(try Family.contents(of: place).counts["training"] == 200)
      #expect(!Family.recognizes(DataPlace(path: root.path + "/hn")))
    }
  }

  @Test func packedAndPublishedStoriesAreTheSame() throws {
    try withStories { folder, packed in
      let data = try pack(folder, to: packed)
      let details = try BAbI.DataSetDetails(of: data)
      let numbers = BAbI.ModelNumbers(details.vocabulary, outputs: details.vocabulary.answers)
      let published = try BAbI.FolderSource(at: folder, counts: data.counts, numbers: numbers)
      let mapped = try BAbI.PackedStories(at: packed, numbers: numbers)
      for split in Split.allCases {
        for row in 0..<data.sampleCount(of: split) {
          let story = try published.story(row, in: split, window: 3)
          #expect(try mapped.story(row, in: split, window: 3) == story)
          #expect(story.facts.count <= 3)
        }
      }
      let story = try mapped.story(1, in: .training, window: 20)
      #expect(story.facts.count == 3 && story.task == 1)
      // The last sentence stands nearest to the question.
      #expect(
        details.vocabulary.words[Int(story.facts[0][1]) - 1] == "went"
          && details.vocabulary.words[Int(story.facts[2][1]) - 1] == "moved")
      #expect(try findings(folder) == [] && findings(packed) == [])
    }
  }

  // MARK: What is wrong

  @Test func aFileThatIsMissing() throws {
    try withStories { folder, packed in
      try FileManager.default.removeItem(atPath: folder.path + "/qa8_of-some-kind_train.txt")
      let words = "the training split has no file of task 8, which another split has"
      #expect(try findings(folder).contains { $0.contains(words) })
      #expect(message { try pack(folder, to: packed) } == "\(folder.path): \(words)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: packed.path) == [])
      // To be tried on what is there, nothing else is needed.
      #expect(try Family.identity(of: folder).counts["training"] == 120)
    }
    let nowhere = DataPlace(path: "/nowhere")
    #expect(message { _ = try Family.contents(of: nowhere) } == "/nowhere: there is no such folder")
  }

  @Test func filesThatCannotBeTogether() throws {
    try withStories { folder, _ in
      let file = folder.path + "/qa1_again_test.txt"
      try StoryFiles.text(of: 1, 0..<1).write(toFile: file, atomically: true, encoding: .utf8)
      #expect(
        message { _ = try Family.contents(of: folder) }
          .hasSuffix("qa1_of-some-kind_test.txt: qa1_again_test.txt is of the same task and split"))
      try FileManager.default.moveItem(atPath: file, toPath: folder.path + "/qa21_test.txt")
      #expect(
        message { _ = try Family.contents(of: folder) }.contains("there is no task 21"))
    }
  }

  @Test func aLineThatIsWrongStopsAnImportBeforeItBegins() throws {
    try withStories { folder, packed in
      let path = folder.path + "/qa16_of-some-kind_test.txt"
      let text = try String(contentsOfFile: path, encoding: .utf8)
      try text.replacing("5 Greg", with: "7 Greg", maxReplacements: 1)
        .write(toFile: path, atomically: true, encoding: .utf8)
      let said = message { try pack(folder, to: packed) }
      #expect(said.hasPrefix("\(path), line 5: the line has the number 7"))
      #expect(try findings(folder).first == said)
      #expect(try FileManager.default.contentsOfDirectory(atPath: packed.path) == [])
    }
  }

  @Test func anAnswerOfWordsThatAreNowhereLearnt() throws {
    try withStories { folder, packed in
      let path = folder.path + "/qa1_valid.txt"
      let text = try String(contentsOfFile: path, encoding: .utf8)
      var lines = text.split(separator: "\n").map(String.init)
      lines[2] = "3 Where is Mary? \tattic\t1"
      try (lines.joined(separator: "\n") + "\n")
        .write(toFile: path, atomically: true, encoding: .utf8)
      let said = message { try pack(folder, to: packed) }
      #expect(
        said == "\(path), line 3: the answer \"attic\" has a word that occurs nowhere in the "
          + "training split")
      #expect(try findings(folder) == [said])
    }
  }

  /// A list in an order that only the test split has is an answer as well.
  @Test func answersOfKnownWordsMayBeNew() throws {
    try withStories { folder, packed in
      let path = folder.path + "/qa8_of-some-kind_test.txt"
      var text = try String(contentsOfFile: path, encoding: .utf8)
      text = text.replacing("\tmilk\t", with: "\tmilk,apple,football\t")
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      let details = try BAbI.DataSetDetails(of: try pack(folder, to: packed))
      #expect(details.vocabulary.answers.contains("milk,apple,football"))
    }
  }

  @Test func detailsThatDoNotFit() throws {
    try withStories { folder, packed in
      let data = try pack(folder, to: packed)
      func refusal(_ change: (inout DataSetIdentity) -> Void) -> String {
        var changed = data
        change(&changed)
        return message { _ = try Family.facts(BAbI.Settings(), data: changed) }
      }
      #expect(refusal { _ in } == "no error")
      #expect(refusal { $0.details = .null }.contains("pack it anew"))
      #expect(refusal { $0.counts["test"] = 51 }.contains("test questions in the description"))
      #expect(refusal { $0.counts["other"] = 1 }.contains("other questions in the description"))
      func details(_ change: (inout BAbI.DataSetDetails) -> Void) -> String {
        refusal {
          guard var details = try? BAbI.DataSetDetails(of: $0) else { return }
          change(&details)
          $0.details = details.json
        }
      }
      #expect(details { $0.vocabulary.words = ["a", "a"] }.contains("words or answers"))
      #expect(details { $0.vocabulary.answers = [] }.contains("words or answers"))
      #expect(details { $0.questions["test"] = [50] }.contains("test questions"))
      let many = details { $0.questions["test", default: []][3] = .max }
      #expect(many.contains("test questions"))
      let negative = details { $0.commonest["training", default: []][0] = -1 }
      #expect(negative.contains("training questions"))
    }
  }
}
