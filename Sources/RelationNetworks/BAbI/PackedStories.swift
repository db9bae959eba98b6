// Stories packed: arrays that every worker maps instead of parsing text.

import DataFiles
import Foundation
import Learning

extension BAbI {
  /// The packed splits of a directory: `training.safetensors`, `validation.safetensors`, ….
  ///
  /// A split has `facts`, the words of all sentences one after another by their places from 1 on in
  /// the vocabulary of the data set's description (0 is a word that is not in it); `fact_ends`,
  /// where each begins and the last one ends; `asked` and `asked_ends`, the same of the questions;
  /// and `questions`, integers `[questions, 5]`: the first sentence above the question, the one
  /// after the last, task, answer, line of the task's file.
  struct PackedStories: Source {
    /// The arrays of a split.
    private struct Arrays {
      let path: String
      let facts: PackedArray<UInt16>
      let factEnds: PackedArray<Int32>
      let asked: PackedArray<UInt16>
      let askedEnds: PackedArray<Int32>
      let questions: PackedArray<Int32>
    }

    private let arrays: [Split: Arrays]
    private let vocabulary: Vocabulary
    /// The model's numbers of the data's words, the unknown one first, and answers.
    private let words: [Int32]
    private let answers: [Int32?]

    /// The name of a split's file.
    static func fileName(_ split: Split) -> String { "\(split.rawValue).safetensors" }

    /// Whether there is a packed split at a place.
    static func exists(at place: DataPlace) -> Bool {
      Split.allCases.contains {
        FileManager.default.fileExists(atPath: "\(place.path)/\(fileName($0))")
      }
    }

    /// Opens the splits that there are.
    ///
    /// - Parameter numbers: those of the model; `nil` for those of the data themselves.
    init(at place: DataPlace, numbers: ModelNumbers? = nil) throws {
      let data = try DataSetIdentity(of: place)
      vocabulary = try DataSetDetails(of: data).vocabulary
      let numbers = numbers ?? ModelNumbers(vocabulary, outputs: vocabulary.answers)
      words = [0] + numbers.numbers(of: vocabulary.words)
      answers = numbers.outputs(of: vocabulary.answers)
      var arrays: [Split: Arrays] = [:]
      for split in Split.allCases where data.sampleCount(of: split) > 0 {
        let path = "\(place.path)/\(Self.fileName(split))"
        let file = try PackedFile(path)
        let opened = Arrays(
          path: path, facts: try file.array("facts"), factEnds: try file.array("fact_ends"),
          asked: try file.array("asked"), askedEnds: try file.array("asked_ends"),
          questions: try file.array("questions"))
        guard opened.questions.rowShape == [5],
          opened.questions.count == data.sampleCount(of: split),
          opened.askedEnds.count == opened.questions.count + 1,
          [opened.facts.rowShape, opened.asked.rowShape].allSatisfy(\.isEmpty),
          [opened.factEnds.rowShape, opened.askedEnds.rowShape].allSatisfy(\.isEmpty)
        else { throw SampleFileError(path, "its arrays are not of the sizes that belong together") }
        arrays[split] = opened
      }
      self.arrays = arrays
    }

    func story(_ row: Int, in split: Split, window: Int) throws -> Story {
      guard let arrays = arrays[split] else {
        throw SampleFileError(Self.fileName(split), "there is no such split")
      }
      let numbers = arrays.questions.withRow(row) { $0.map { Int($0) } }
      let (first, end, task, answer) = (numbers[0], numbers[1], numbers[2], numbers[3])
      guard first >= 0, first < end, end < arrays.factEnds.count, (1...taskCount).contains(task),
        answers.indices.contains(answer),
        let question = sentence(row, arrays.asked, arrays.askedEnds)
      else { throw SampleFileError(arrays.path, "question \(row) is \(numbers), which is none") }
      guard let output = answers[answer] else {
        throw unknownAnswer(
          vocabulary.answers[answer], "\(arrays.path), task \(task)", line: numbers[4])
      }
      let facts = try (max(first, end - window)..<end).reversed().map { fact in
        guard let sentence = sentence(fact, arrays.facts, arrays.factEnds) else {
          throw SampleFileError(arrays.path, "sentence \(fact) is none")
        }
        return sentence
      }
      return Story(task: task, facts: facts, question: question, answer: output)
    }

    /// A sentence in the model's numbers; `nil` if the file has nothing of the kind.
    private func sentence(
      _ index: Int, _ words: PackedArray<UInt16>, _ ends: PackedArray<Int32>
    ) -> [Int32]? {
      let (start, end) = (Int(ends[index]), Int(ends[index + 1]))
      guard start >= 0, start < end, end <= words.count, end - start <= StoryReader.wordLimit else {
        return nil
      }
      let found = words.withRows(start..<end) { $0.map { Int($0) } }
      guard found.allSatisfy({ self.words.indices.contains($0) }) else { return nil }
      return found.map { self.words[$0] }
    }
  }
}

extension BAbI.StoryTable {
  /// Packs the table with the numbers of a data set's vocabulary.
  func pack(to path: String, in vocabulary: BAbI.Vocabulary) throws {
    let numbers = BAbI.ModelNumbers(vocabulary, outputs: vocabulary.answers)
    let words = numbers.numbers(of: self.words.texts).map { UInt16($0) }
    let answers = numbers.outputs(of: self.answers.texts)
    let writer = PackedFileWriter(replacing: path)
    try writer.append(facts.map { words[Int($0)] }, to: try writer.addArray("facts"))
    try writer.append(factEnds, to: try writer.addArray("fact_ends"))
    try writer.append(asked.map { words[Int($0)] }, to: try writer.addArray("asked"))
    try writer.append(askedEnds, to: try writer.addArray("asked_ends"))
    try writer.append(
      rows.flatMap { row in
        [
          row.facts.lowerBound, row.facts.upperBound, row.task,
          // Whoever packs has seen that there is none of another split alone.
          answers[Int(row.answer)] ?? 0, row.line,
        ]
      }, to: try writer.addArray("questions", rowShape: [5]))
    try writer.commit()
  }
}
