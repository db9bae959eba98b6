// CLUTRR: how two people of a short story are related, which nobody says (Sinha and others, 2019).
//
// The first story of the published tests, the two who are asked about, and the answer:
//
//     [Clarence]'s granddaughter, [Emily], was busy helping her brother, [Michael], move to
//     college.
//     ('Clarence', 'Michael')     grandson

import Learning

/// What is known of CLUTRR: stories of families, in which k relations lead from one person to
/// another.
public enum CLUTRR {
  /// The lengths of the chains of relations, k, that tests are of; training has 2, 3 and 4.
  static let lengths = 2...10
  /// The people of a story are at most so many.
  static let personLimit = 20
  /// The sentences of a story are at most so many: the size of the paper's sets.
  static let sentenceLimit = 20
  /// A sentence has at most so many words, people among them.
  static let wordLimit = 400
  /// The different words that a model reads, about.
  static let usualWordCount = 1_500
  /// The different relations.
  static let usualAnswerCount = 18

  /// The accuracy of each length, `accuracy/k=2` and on.
  static let metrics = lengths.map { Metric.accuracy("k=\($0)") }

  /// The mean of the accuracies, each of the same weight, which the paper reports.
  static let derivedFigures = [DerivedFigure("mean_accuracy", of: "accuracy", .mean)]

  /// A word, or a person by number: in the order in which they appear in the story.
  enum Token: Hashable, Sendable {
    case word(String)
    case person(Int)
  }

  /// A story, a question about it, and the answer.
  struct Story: Sendable {
    /// What it is called in its file.
    let name: String
    /// The sentences; none is empty, and there is at least one.
    let sentences: [[Token]]
    /// The people, by number.
    let people: [String]
    /// The people who are asked about, by number: what the second is to the first.
    let query: (first: Int, second: Int)
    /// The relation: what the second is to the first.
    let answer: String
    /// The length of the chain of relations, k.
    let length: Int
    /// The line of the file on which it begins.
    let line: Int
  }
}
