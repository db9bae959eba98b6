// What a server has to know of stories without reading them.

import Learning

extension BAbI {
  /// The part of a data set's identity that belongs to bAbI.
  struct DataSetDetails: Codable, Hashable, Sendable {
    /// The words and answers.
    var vocabulary: Vocabulary
    /// The questions of each task, by the split's name.
    var questions: [String: [Int]]
    /// How often the commonest answer of each task is right, by the split's name.
    var commonest: [String: [Int]]

    /// The details of some splits.
    init(of tables: [(split: Split, table: StoryTable)]) {
      vocabulary = Vocabulary(of: tables)
      func bySplit(_ counts: (StoryTable) -> [Int]) -> [String: [Int]] {
        Dictionary(uniqueKeysWithValues: tables.map { ($0.split.rawValue, counts($0.table)) })
      }
      questions = bySplit(\.questionCounts)
      commonest = bySplit(\.commonestCounts)
    }

    /// The details of an identity.
    ///
    /// Throws a `CatalogueError` if they are none, or do not fit its counts.
    init(of data: DataSetIdentity) throws(CatalogueError) {
      do { self = try data.details.decodedStrictly(as: Self.self) } catch {
        throw CatalogueError(
          "the data set \(data.name) is not one of stories: \(readable(error)); pack it anew")
      }
      let words = vocabulary.words
      guard !words.isEmpty, words.count < StoryTable.numberLimit, Set(words).count == words.count,
        !vocabulary.answers.isEmpty, vocabulary.answers.count < StoryTable.numberLimit,
        Set(vocabulary.answers).count == vocabulary.answers.count
      else { throw Self.misfit(data, "words or answers") }
      for (split, count) in data.counts {
        guard let asked = questions[split], let right = commonest[split],
          asked.count == taskCount, right.count == taskCount,
          zip(asked, right).allSatisfy({ $1 >= 0 && $1 <= $0 && $0 <= count }),
          asked.reduce(0, &+) == count
        else { throw Self.misfit(data, "\(split) questions") }
      }
    }

    /// The details as JSON.
    var json: JSONValue {
      func lists(_ lists: [String: [Int]]) -> JSONValue {
        .object(lists.mapValues { .array($0.map { .integer($0) }) })
      }
      func texts(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }
      return .object([
        "vocabulary": .object([
          "words": texts(vocabulary.words), "answers": texts(vocabulary.answers),
        ]), "questions": lists(questions), "commonest": lists(commonest),
      ])
    }

    private static func misfit(_ data: DataSetIdentity, _ what: String) -> CatalogueError {
      CatalogueError(
        "the \(what) in the description of the data set \(data.name) do not fit together; "
          + "pack it anew")
    }

    /// The questions of a split that are of the task with the given number, from 1.
    func questionCount(of task: Int, in split: Split) -> Int {
      questions[split.rawValue]?[task - 1] ?? 0
    }

    /// Always the commonest answer of each of some tasks.
    func baseline(of tasks: [Int]) -> Baseline {
      let measurements = Split.allCases.compactMap { split in
        commonest[split.rawValue].map { right in
          (
            split,
            Dictionary(
              uniqueKeysWithValues: zip(tasks, metrics(of: tasks)).map { task, metric in
                (
                  metric.path,
                  Measurement(
                    sum: Double(right[task - 1]),
                    weight: Double(questionCount(of: task, in: split)))
                )
              })
          )
        }
      }
      return Baseline(
        "always the commonest answer", Dictionary(uniqueKeysWithValues: measurements))
    }
  }
}
