// A folder of published files: which there are, and the stories in them.

import DataFiles
import Files
import Foundation
import Learning

extension CLUTRR {
  /// A folder with files such as `1.2,1.3,1.4_train.csv` and `1.7_test.csv`.
  ///
  /// The training file is training and validation split: every fifth story is kept from training,
  /// since no validation file is published.
  struct Folder: Sendable {
    /// The folder.
    let path: String
    /// The names of the files to train on.
    let trainingFiles: [String]
    /// The names of the files to test on, in the order of their lengths.
    let testFiles: [String]

    /// One of so many stories of a training file validates.
    static let validationShare = 5

    /// No file is longer.
    static let fileLimit = 1 << 28

    /// The folder at a place.
    ///
    /// Throws if there are no such files.
    init(at place: DataPlace) throws(SampleFileError) {
      path = place.path
      let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
      func files(_ kind: String) -> [String] {
        names.filter { $0.hasSuffix("_\(kind).csv") }
          .sorted { $0.compare($1, options: .numeric) == .orderedAscending }
      }
      (trainingFiles, testFiles) = (files("train"), files("test"))
      guard !trainingFiles.isEmpty || !testFiles.isEmpty else {
        throw SampleFileError(
          path,
          FileManager.default.fileExists(atPath: path)
            ? "there are no stories; their files are called such as 1.2_test.csv"
            : "there is no such folder")
      }
    }

    /// All files.
    var files: [String] { trainingFiles + testFiles }

    /// The splits that there are stories of.
    var splits: [Split] {
      (trainingFiles.isEmpty ? [] : [.training, .validation]) + (testFiles.isEmpty ? [] : [.test])
    }

    /// The stories of a split.
    ///
    /// - Parameters:
    ///   - orElse: is told of each row that is no story, and may throw it.
    ///   - progress: called with the number of files that have been read.
    func stories(
      of split: Split, orElse: (SampleFileError) throws -> Void = { throw $0 },
      progress: (Int) -> Void = { _ in }
    ) throws -> [(file: String, story: Story)] {
      var found: [(file: String, story: Story)] = []
      for (number, name) in (split == .test ? testFiles : trainingFiles).enumerated() {
        let file = "\(path)/\(name)"
        let table: StoryRows
        do { table = try StoryRows(CSVTable(contentsOf: file, limit: Self.fileLimit)) } catch {
          try orElse(SampleFileError(file, "\(error)"))
          continue
        }
        for row in 0..<table.count {
          let validates = row % Self.validationShare == Self.validationShare - 1
          guard split == .test || validates == (split == .validation) else { continue }
          do throws(SampleFileError) { found.append((file, try table.story(row))) } catch {
            try orElse(error)
          }
        }
        progress(number + 1)
      }
      return found
    }
  }

  /// The stories of a table.
  struct StoryRows {
    private let table: CSVTable
    private let columns: [[String]]

    /// A table with the columns that stories need.
    init(_ table: CSVTable) throws(FileError) {
      self.table = table
      var columns: [[String]] = []
      for name in ["id", "story", "query", "target", "task_name"] {
        columns.append(try table.column(name))
      }
      self.columns = columns
    }

    /// The number of stories.
    var count: Int { table.count }

    /// The story of a row.
    func story(_ row: Int) throws(SampleFileError) -> Story {
      do throws(StoryTextProblem) {
        let text = try StoryText(columns[1][row])
        let names = try names(of: columns[2][row])
        guard let first = text.people.firstIndex(of: names.first),
          let second = text.people.firstIndex(of: names.second)
        else {
          throw StoryTextProblem("the story does not name \(names.first) and \(names.second)")
        }
        let task = columns[4][row]
        guard let match = task.wholeMatch(of: /task_\d+\.(\d{1,3})/), let length = Int(match.1),
          lengths.contains(length)
        else {
          throw StoryTextProblem("the task \(shown(task)) is none of task_1.2 to task_1.10")
        }
        let answer = columns[3][row]
        guard !answer.isEmpty, answer.count <= 100 else {
          throw StoryTextProblem("the target \(shown(answer)) is no relation")
        }
        return Story(
          name: columns[0][row], sentences: text.sentences, people: text.people,
          query: (first, second), answer: answer, length: length, line: table.line(of: row))
      } catch {
        throw SampleFileError(table.file, line: table.line(of: row), error.description)
      }
    }
  }
}
