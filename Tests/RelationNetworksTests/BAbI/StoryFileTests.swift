// Files of stories: what is read of them, and what is said of those that are not sound.

import Foundation
import Learning
import TestSupport
import Testing

@testable import RelationNetworks

@Suite struct StoryFileTests {
  /// What is wrong with the text of a file.
  private func problems(_ text: String) throws -> [String] {
    try problems(Data(text.utf8))
  }

  private func problems(_ data: Data) throws -> [String] {
    var problems: [String] = []
    try withDirectory { folder in
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let file = folder.appendingPathComponent("qa1_train.txt")
      try data.write(to: file)
      var (reader, table) = (BAbI.StoryReader(file.path, task: 1), BAbI.StoryTable())
      try reader.read(into: &table) {
        #expect($0.description.hasPrefix(file.path))
        problems.append(String($0.description.dropFirst(file.path.count)))
      }
    }
    return problems
  }

  @Test func wordsAreInLowerCaseAndMarksApart() {
    func words(_ text: String) -> [String] { BAbI.StoryReader.words(text.utf8) }
    #expect(
      words("Mary moved to the bathroom.") == ["mary", "moved", "to", "the", "bathroom", "."])
    #expect(words("Where is  Mary? ") == ["where", "is", "mary", "?"])
    #expect(words("s,w") == ["s", ",", "w"])
    #expect(words("Käse ÄÖ") == ["käse", "äö"])
    #expect(words("") == [])
  }

  @Test func aQuestionIsAboutTheSentencesAboveItInItsStory() throws {
    try withDirectory { folder in
      let text = """
        1 Mary moved to the bathroom.
        2 John went to the hallway.
        3 Where is Mary? \tbathroom\t1
        4 Mary went to the kitchen.
        5 Where is Mary? \tKitchen\t4\r
        1 Fred took the milk.
        2 What has Fred?\tmilk,milk\t1
        """
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let path = folder.appendingPathComponent("file").path
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      var (reader, table) = (BAbI.StoryReader(path, task: 7), BAbI.StoryTable())
      try reader.read(into: &table) { throw $0 }
      #expect(table.rows.map(\.facts) == [0..<2, 0..<3, 3..<4])
      #expect(table.rows.map(\.line) == [3, 5, 7])
      #expect(table.rows.allSatisfy { $0.task == 7 })
      #expect(table.answers.texts == ["bathroom", "kitchen", "milk,milk"])
      #expect(table.factEnds == [0, 6, 12, 18, 23] && table.askedEnds == [0, 4, 8, 12])
      let counts = [Int](repeating: 0, count: 20)
      #expect(table.questionCounts == counts[..<6] + [3] + counts[7...])
      #expect(table.commonestCounts == counts[..<6] + [1] + counts[7...])
    }
  }

  @Test(arguments: [
    ("", ": the file is empty"),
    ("Mary moved.\n", ", line 1: a line begins with its number and a space"),
    ("1 Mary moved.\n2 Where is Mary?\ta\t1\n\n", ", line 3: the line is empty"),
    ("1\n", ", line 1: a line begins with its number and a space"),
    (
      "1 Mary moved.\n9223372036854775807 John ran.\n3 He ran.\n",
      ", line 2: a line begins with its number and a space"
    ),
    ("2 Mary moved.\n", ", line 1: the line has the number 2, but should have 1"),
    (
      "1 Mary moved.\n3 Where is Mary?\ta\t1\n",
      ", line 2: the line has the number 3, but should have 2, or 1 at a new story"
    ),
    ("1 Mary mov", ", line 1: a sentence ends with a full stop"),
    ("1 A.\n2 Where is Mary?\n", ", line 2: a sentence ends with a full stop, and a question is"),
    ("1 A.\n2 Where is Mary?\thallway", ", line 2: a question, its answer and the numbers"),
    ("1 A.\n2 Where is Mary?\thallway\t1\t2\n", "with tabs between them: 3 parts, not 4"),
    ("1 A.\n2 Where is Mary?\t\t1\n", ", line 2: \"\" is no answer"),
    ("1 A.\n2 Where is Mary?\ta,,b\t1\n", ", line 2: \"a,,b\" is no answer"),
    ("1 A.\n2 Where is Mary?\ta b\t1\n", ", line 2: \"a b\" is no answer"),
    ("1 A.\n2 Where is Mary\ta\t1\n", ", line 2: a question ends with a question mark"),
    ("1 A.\n2 Where is Mary?\ta\t2\n", "follows from \"2\", which is no line above it"),
    ("1 A.\n2 Where is Mary?\ta\tx\n", "follows from \"x\", which is no line above it"),
    ("1 A.\n2 Where is Mary?\ta\t\n", ", line 2: no lines that the answer follows from"),
    ("1 Where is Mary?\ta\t1\n", ", line 1: the question stands before any sentence"),
    ("1 A.\n1 B.\n2 C?\ta\t1\n", ", line 2: a new story begins, but the one from line 1 has no"),
    ("1 A.\n2 C?\ta\t1\n1 B.\n", ", line 3: the file ends, but the story from line 3 has no"),
    ("1 A.\n2 C?\ta\t1\n99999999999999999999 B.\n", ", line 3: a line begins with its number"),
    ("1 \n2 C?\ta\t1\n", ", line 1: 0 words; a sentence has 1 to 100"),
  ])
  func whatIsWrongIsNamed(text: String, words: String) throws {
    let found = try problems(text)
    #expect(found.contains { $0.contains(words) }, "\(found)")
  }

  @Test func theRestOfAFileIsReadAfterAMistake() throws {
    let text = "1 A.\n2 C\ta\t1\n1 B\n2 D.\n3 C?\ta\t2\n1 A.\n3 C?\ta\t1\n"
    #expect(
      try problems(text).map { String($0.prefix(8)) } == [", line 2", ", line 3", ", line 7"])
  }

  @Test func bytesThatAreNoText() throws {
    #expect(
      try problems(Data([UInt8](("1 A.\n2 C?\ta\t1\n1 B").utf8) + [0xC3, 0x28, 0x2E, 0x0A]))
        .first == ", line 3: the line is not UTF-8")
    for length in 0..<40 {
      // Whatever is there is read without a trap.
      let noise = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 151 &+ length &* 37) }
      #expect(try !problems(Data(noise)).isEmpty)
    }
  }

  /// A file of every length that a copy may have been cut off at.
  @Test func truncatedFilesAreNamedOrWhole() throws {
    let whole = Data(StoryFiles.text(of: 1, 0..<2).utf8)
    for length in 0..<whole.count - 1 {
      let found = try problems(whole.prefix(length))
      guard found.isEmpty else { continue }
      let text = String(decoding: whole.prefix(length), as: UTF8.self)
      let last = try #require(text.split(separator: "\n").last)
      #expect(last.hasSuffix(".") || last.firstMatch(of: /\t\w+\t\d$/) != nil, "\(text)")
    }
  }
}
