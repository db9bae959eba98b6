// A folder of published files: which there are, and what they hold.

import Files
import Foundation
import Learning

extension BAbI {
  /// A folder with a file for each task and split: `qa1_single-supporting-fact_train.txt`, or
  /// `qa1_train.txt`, and the same with `valid` and `test`.
  struct StoryFolder: Sendable {
    /// A file of the folder.
    struct File: Hashable, Sendable {
      /// The task, from 1.
      let task: Int
      /// The part of the data.
      let split: Split
      /// The name within the folder.
      let name: String
    }

    /// The level of language and training that is read of a folder that holds them all.
    static let levels = ["en-valid-10k", "en-10k", "en"]

    /// The folder.
    let path: String
    /// Its files, in the order of splits and tasks.
    let files: [File]

    /// The folder at a place, or the level in it that is read.
    ///
    /// Throws if there is none, or if two files are of one task and split.
    init(at place: DataPlace) throws(SampleFileError) {
      for path in [place.path] + Self.levels.map({ "\(place.path)/\($0)" }) {
        let files = try Self.files(in: path)
        guard files.isEmpty else {
          (self.path, self.files) = (path, files)
          return
        }
      }
      throw SampleFileError(
        place.path,
        FileManager.default.fileExists(atPath: place.path)
          ? "there are no stories; their files are called such as qa1_train.txt"
          : "there is no such folder")
    }

    private static func files(in path: String) throws(SampleFileError) -> [File] {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
      var files: [File] = []
      for name in names.sorted() {
        guard
          let match = name.wholeMatch(of: /qa(\d{1,3})_(?:[^\/]+_)?(train|valid|test)\.txt/),
          let task = Int(match.1)
        else { continue }
        guard (1...taskCount).contains(task) else {
          throw SampleFileError(
            "\(path)/\(name)", "there is no task \(task); they are 1 to \(taskCount)")
        }
        let split: Split =
          switch match.2 {
          case "train": .training
          case "valid": .validation
          default: .test
          }
        if let other = files.first(where: { $0.task == task && $0.split == split }) {
          throw SampleFileError("\(path)/\(name)", "\(other.name) is of the same task and split")
        }
        files.append(File(task: task, split: split, name: name))
      }
      return files.sorted { ($0.split.code, $0.task) < ($1.split.code, $1.task) }
    }

    /// The splits that there are.
    var splits: [Split] { Split.allCases.filter { split in files.contains { $0.split == split } } }

    /// What is missing: a split that has some tasks has to have all that any split has.
    var gaps: [SampleFileError] {
      let tasks = Set(files.map(\.task)).sorted()
      return splits.flatMap { split in
        let present = files.filter { $0.split == split }
        return tasks.filter { task in !present.contains { $0.task == task } }.map { task in
          SampleFileError(
            path,
            "the \(split.rawValue) split has no file of task \(task), which another split has")
        }
      }
    }

    /// About how many questions the files hold: there are two tabs in the line of each.
    var questionCountAbout: Int {
      files.reduce(0) { sum, file in
        guard let data = try? readFile("\(path)/\(file.name)", limit: StoryReader.fileLimit) else {
          return sum
        }
        return sum + data.count { $0 == UInt8(ascii: "\t") } / 2
      }
    }

    /// The stories and questions of a split, those of the first task first.
    ///
    /// - Parameters:
    ///   - orElse: told of what cannot be read; may throw it.
    ///   - progress: called after each file with the number of questions so far.
    func table(
      of split: Split, orElse: (SampleFileError) throws -> Void = { throw $0 },
      progress: (_ questions: Int) -> Void = { _ in }
    ) throws -> StoryTable {
      var table = StoryTable()
      for file in files where file.split == split {
        var reader = StoryReader("\(path)/\(file.name)", task: file.task)
        try reader.read(into: &table, orElse: orElse)
        progress(table.rows.count)
      }
      return table
    }

    /// The file of a task and split.
    func path(of task: Int32, in split: Split) -> String {
      let name = files.first { $0.task == Int(task) && $0.split == split }?.name
      return name.map { "\(path)/\($0)" } ?? path
    }

    /// What is wrong with the answers of a split: they have words that the training split has not.
    func strangers(
      in table: StoryTable, of split: Split, to known: Set<String>
    ) -> [SampleFileError] {
      let unknown = Set(
        table.answers.texts.indices.filter {
          !known.isSuperset(of: Vocabulary.parts(of: table.answers.texts[$0]))
        })
      return table.rows.filter { unknown.contains(Int($0.answer)) }.map { row in
        SampleFileError(
          path(of: row.task, in: split), line: Int(row.line),
          "the answer \"\(table.answers.texts[Int(row.answer)])\" has a word that occurs nowhere "
            + "in the training split")
      }
    }
  }
}
