// Where stories come from: files as they are published, read when they are asked for.

import Learning
import Synchronization

extension BAbI {
  /// A question and the sentences that are read with it, in the model's numbers.
  struct Story: Hashable, Sendable {
    /// The task, from 1.
    var task: Int
    /// The sentences, the one that stands nearest to the question first.
    var facts: [[Int32]]
    /// The question.
    var question: [Int32]
    /// The output that is right.
    var answer: Int32
  }

  /// Where the stories of the splits come from.
  protocol Source: Sendable {
    /// A question of a split, with at most `window` of the sentences above it.
    func story(_ row: Int, in split: Split, window: Int) throws -> Story
  }

  /// The numbers that a model knows words and answers by.
  struct ModelNumbers: Sendable {
    private let words: Numbering
    private let outputs: Numbering

    /// The numbers of a model's vocabulary and outputs.
    init(_ vocabulary: Vocabulary, outputs: [String]) {
      words = Numbering(vocabulary.words)
      self.outputs = Numbering(outputs)
    }

    /// The model's number of each of somebody else's words, 0 for those that it does not know.
    func numbers(of others: [String]) -> [Int32] {
      others.map { words[$0].map { Int32($0 + 1) } ?? 0 }
    }

    /// The output of each of somebody else's answers; `nil` for those that there is none of.
    func outputs(of others: [String]) -> [Int32?] { others.map { outputs[$0].map { Int32($0) } } }
  }

  /// Why a question's answer cannot be learnt or judged.
  static func unknownAnswer(_ answer: String, _ path: String, line: Int) -> SampleFileError {
    SampleFileError(
      path, line: line, "the answer \"\(answer)\" is none that the model can give")
  }

  /// A folder of published files; a split is read as a whole when it is first asked for.
  final class FolderSource: Source {
    private struct Opened {
      let table: StoryTable
      let words: [Int32]
      let answers: [Int32?]
    }

    private let folder: StoryFolder
    private let counts: [String: Int]
    private let numbers: ModelNumbers
    private let opened = Mutex<[Split: Opened]>([:])

    /// The folder at a place; `counts` are those of its identity.
    init(at place: DataPlace, counts: [String: Int], numbers: ModelNumbers) throws {
      folder = try StoryFolder(at: place)
      self.counts = counts
      self.numbers = numbers
    }

    func story(_ row: Int, in split: Split, window: Int) throws -> Story {
      let source = try opened(split)
      let (table, question) = (source.table, source.table.rows[row])
      func numbers(_ words: [UInt16], _ ends: [Int32], _ index: Int) -> [Int32] {
        words[Int(ends[index])..<Int(ends[index + 1])].map { source.words[Int($0)] }
      }
      guard let answer = source.answers[Int(question.answer)] else {
        throw unknownAnswer(
          table.answers.texts[Int(question.answer)],
          folder.path(of: question.task, in: split), line: Int(question.line))
      }
      return Story(
        task: Int(question.task),
        facts: question.facts.suffix(window).reversed().map {
          numbers(table.facts, table.factEnds, Int($0))
        },
        question: numbers(table.asked, table.askedEnds, row), answer: answer)
    }

    private func opened(_ split: Split) throws -> Opened {
      try opened.withLock { opened in
        if let source = opened[split] { return source }
        let table = try folder.table(of: split)
        let expected = counts[split.rawValue] ?? 0
        guard table.rows.count == expected else {
          throw SampleFileError(
            folder.path,
            "the \(split.rawValue) split has \(table.rows.count) questions, but should have "
              + "\(expected)")
        }
        let source = Opened(
          table: table, words: numbers.numbers(of: table.words.texts),
          answers: numbers.outputs(of: table.answers.texts))
        opened[split] = source
        return source
      }
    }
  }
}
