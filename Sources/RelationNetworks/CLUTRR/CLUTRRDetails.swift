// What a server has to know of stories of families without reading them.

import Learning

extension CLUTRR {
  /// The part of a data set's identity that belongs to CLUTRR.
  struct DataSetDetails: Codable, Hashable, Sendable {
    /// The words in the order of the alphabet; a model has one more, number 0, for those that it
    /// has never seen.
    var words: [String]
    /// The relations in the order of the alphabet.
    var relations: [String]
    /// The stories of each length from 2 on, by the split's name.
    var stories: [String: [Int]]
    /// How often the commonest relation of each length is right, by the split's name.
    var commonest: [String: [Int]]

    /// No vocabulary is larger.
    private static let wordLimit = 1 << 20

    /// The details of some splits; words and relations are those of the training file, or of the
    /// tests if there is none.
    init(of splits: [(split: Split, stories: [Story])]) {
      let training = splits.filter { $0.split != .test }
      let known = (training.isEmpty ? splits : training).flatMap(\.stories)
      words = Set(known.flatMap { $0.sentences.joined().compactMap(\.word) }).sorted()
      relations = Set(known.map(\.answer)).sorted()
      (stories, commonest) = ([:], [:])
      for (split, told) in splits {
        let answers = lengths.map { length in told.filter { $0.length == length }.map(\.answer) }
        stories[split.rawValue] = answers.map(\.count)
        commonest[split.rawValue] = answers.map { answers in
          Dictionary(answers.map { ($0, 1) }, uniquingKeysWith: +).values.max() ?? 0
        }
      }
    }

    /// The details of an identity.
    ///
    /// Throws a `CatalogueError` if they are none, or do not fit its counts.
    init(of data: DataSetIdentity) throws(CatalogueError) {
      do { self = try data.details.decodedStrictly(as: Self.self) } catch {
        throw CatalogueError(
          "the data set \(data.name) is not one of CLUTRR: \(readable(error)); pack it anew")
      }
      func misfit(_ what: String) -> CatalogueError {
        CatalogueError(
          "the \(what) in the description of the data set \(data.name) do not fit together; "
            + "pack it anew")
      }
      for texts in [words, relations] {
        guard (1..<Self.wordLimit).contains(texts.count), Set(texts).count == texts.count else {
          throw misfit("words or relations")
        }
      }
      for (split, count) in data.counts {
        guard let told = stories[split], let right = commonest[split],
          told.count == lengths.count, right.count == lengths.count,
          zip(told, right).allSatisfy({ $1 >= 0 && $1 <= $0 && $0 <= count }),
          told.reduce(0, &+) == count
        else { throw misfit("\(split) stories") }
      }
    }

    /// The details as JSON.
    var json: JSONValue {
      func texts(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }
      func lists(_ lists: [String: [Int]]) -> JSONValue {
        .object(lists.mapValues { .array($0.map { .integer($0) }) })
      }
      return .object([
        "words": texts(words), "relations": texts(relations), "stories": lists(stories),
        "commonest": lists(commonest),
      ])
    }

    /// Always the commonest relation of each length.
    var baseline: Baseline {
      let measurements = Split.allCases.compactMap { split in
        stories[split.rawValue].flatMap { told in
          commonest[split.rawValue].map { right in
            (
              split,
              Dictionary(
                uniqueKeysWithValues: metrics.indices.filter { told[$0] > 0 }.map {
                  (metrics[$0].path, Measurement(sum: Double(right[$0]), weight: Double(told[$0])))
                })
            )
          }
        }
      }
      return Baseline(
        "always the commonest answer", Dictionary(uniqueKeysWithValues: measurements))
    }
  }
}

extension CLUTRR.Token {
  /// The word, if it is one.
  var word: String? {
    if case .word(let word) = self { word } else { nil }
  }
}
