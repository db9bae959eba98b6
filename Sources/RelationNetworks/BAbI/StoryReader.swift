// A file of stories and questions, line by line.

import Files
import Foundation

/// Why a line means nothing: a part of a sentence.
private struct LineProblem: Error {
  let description: String
  init(_ description: String) { self.description = description }
}

extension BAbI {
  /// Reads the file of a task into a table.
  ///
  /// A line is `NUMBER SENTENCE.` or `NUMBER QUESTION?`, tab, answer, tab, the numbers of the lines
  /// that the answer follows from. Numbers count up and go back to 1 at the next story; a question
  /// is about all sentences above it in its story.
  struct StoryReader {
    /// No sentence has more words.
    static let wordLimit = 100
    /// No file is longer.
    static let fileLimit = 1 << 26

    private let path: String
    private let task: Int
    /// The number of the line in the file, from 1.
    private var line = 0
    /// The number that the last line began with.
    private var number = 0
    /// Where the story begins: a line of the file, and a sentence of the table.
    private var story = (line: 1, firstFact: 0)
    private var questionCount = 0

    /// A reader of the file of a task, counted from 1.
    init(_ path: String, task: Int) {
      self.path = path
      self.task = task
    }

    /// Reads the whole file; `orElse` is told of each line that cannot be, and may throw it.
    mutating func read(
      into table: inout StoryTable, orElse: (SampleFileError) throws -> Void
    ) throws {
      let data: Data
      do { data = try readFile(path, limit: Self.fileLimit) } catch {
        return try orElse(SampleFileError(path, "cannot be read: \(error)"))
      }
      guard !data.isEmpty else { return try orElse(SampleFileError(path, "the file is empty")) }
      story = (1, table.factCount)
      try data.withUnsafeBytes { bytes in
        var start = 0
        while start < bytes.count {
          let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
          line += 1
          let text = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
          do throws(LineProblem) { try take(text, into: &table) } catch {
            try orElse(SampleFileError(path, line: line, error.description))
          }
          start = end + 1
        }
      }
      try closeStory(orElse)
    }

    private mutating func take(
      _ bytes: UnsafeRawBufferPointer, into table: inout StoryTable
    ) throws(LineProblem) {
      let bytes = bytes.last == UInt8(ascii: "\r") ? bytes[..<(bytes.count - 1)] : bytes[...]
      if bytes.contains(where: { $0 >= 0x80 }), String(validating: bytes, as: UTF8.self) == nil {
        throw LineProblem("the line is not UTF-8")
      }
      let digits = bytes.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      guard let found = Int(String(decoding: digits, as: UTF8.self)), found < 1 << 31,
        bytes.dropFirst(digits.count).first == UInt8(ascii: " ")
      else {
        throw LineProblem(
          bytes.isEmpty ? "the line is empty" : "a line begins with its number and a space")
      }
      let expected = number + 1
      let isFirst = line == 1
      if found == 1 {
        try beginStory(in: table)
      } else if isFirst || found != expected {
        number = found
        // Who made the mistake may have asked nevertheless.
        if bytes.contains(UInt8(ascii: "\t")) { questionCount += 1 }
        throw LineProblem(
          "the line has the number \(found), but should have "
            + (isFirst ? "1" : "\(expected), or 1 at a new story"))
      }
      number = found
      try take(
        bytes.dropFirst(digits.count + 1)
          .split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false), into: &table)
    }

    private mutating func take(
      _ parts: [Slice<UnsafeRawBufferPointer>], into table: inout StoryTable
    ) throws(LineProblem) {
      let words = Self.words(parts[0])
      guard (1...Self.wordLimit).contains(words.count) else {
        throw LineProblem("\(words.count) words; a sentence has 1 to \(Self.wordLimit)")
      }
      guard parts.count > 1 else {
        guard words.last == "." else {
          throw LineProblem(
            "a sentence ends with a full stop, and a question is followed by a tab and its answer")
        }
        guard table.appendFact(words) else { throw Self.tooManyWords }
        return
      }
      guard parts.count == 3 else {
        throw LineProblem(
          "a question, its answer and the numbers of lines stand with tabs between them: "
            + "3 parts, not \(parts.count)")
      }
      questionCount += 1
      guard words.last == "?" else { throw LineProblem("a question ends with a question mark") }
      let answer = Self.text(parts[1]).lowercased()
      guard !answer.isEmpty, !answer.contains(" "),
        answer.split(separator: ",", omittingEmptySubsequences: false).allSatisfy({ !$0.isEmpty })
      else { throw LineProblem("\"\(answer)\" is no answer: a word, or words with commas") }
      guard table.factCount > story.firstFact else {
        throw LineProblem("the question stands before any sentence of its story")
      }
      let supports = Self.text(parts[2]).split(separator: " ")
      guard !supports.isEmpty else { throw LineProblem("no lines that the answer follows from") }
      for support in supports {
        guard let support = Int(support), (1..<number).contains(support) else {
          throw LineProblem("the answer follows from \"\(support)\", which is no line above it")
        }
      }
      let row = StoryTable.Row(
        facts: Int32(story.firstFact)..<Int32(table.factCount), task: Int32(task),
        line: Int32(line))
      guard table.appendQuestion(words, answer: answer, row) else { throw Self.tooManyWords }
    }

    private mutating func beginStory(in table: StoryTable) throws(LineProblem) {
      let before = (story.line, questionCount)
      let isFirst = line == 1
      story = (line, table.factCount)
      questionCount = 0
      number = 1
      if !isFirst && before.1 == 0 {
        throw LineProblem("a new story begins, but the one from line \(before.0) has no question")
      }
    }

    private func closeStory(_ orElse: (SampleFileError) throws -> Void) throws {
      guard questionCount == 0 else { return }
      try orElse(
        SampleFileError(
          path, line: line, "the file ends, but the story from line \(story.line) has no question"))
    }

    private static let tooManyWords = LineProblem(
      "there are more than \(StoryTable.numberLimit) different words")

    /// The words in lower case, each mark of punctuation a word of its own.
    static func words(_ bytes: some Collection<UInt8>) -> [String] {
      var words: [String] = []
      var rest = bytes[...]
      while let first = rest.first {
        if first == UInt8(ascii: " ") {
          rest = rest.dropFirst()
        } else if isMark(first) {
          words.append(String(decoding: [first], as: UTF8.self))
          rest = rest.dropFirst()
        } else {
          let word = rest.prefix { $0 != UInt8(ascii: " ") && !isMark($0) }
          words.append(String(decoding: word, as: UTF8.self).lowercased())
          rest = rest.dropFirst(word.count)
        }
      }
      return words
    }

    private static func isMark(_ byte: UInt8) -> Bool {
      byte == UInt8(ascii: ".") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: ",")
    }

    private static func text(_ bytes: some Collection<UInt8>) -> String {
      String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespaces)
    }
  }
}
