// The stories and questions of a split, as numbers.

/// Texts by numbers in the order of their first appearance.
struct Numbering: Hashable, Sendable {
  /// The texts.
  private(set) var texts: [String] = []
  private var numbers: [String: Int] = [:]

  /// A numbering of some texts, each of which occurs once.
  init(_ texts: [String] = []) {
    self.texts = texts
    numbers = Dictionary(texts.enumerated().map { ($1, $0) }, uniquingKeysWith: { old, _ in old })
  }

  /// The number of a text; `nil` if it has none.
  subscript(text: String) -> Int? { numbers[text] }

  /// The number of a text, which gets one if it has none.
  mutating func number(of text: String) -> Int {
    if let known = numbers[text] { return known }
    numbers[text] = texts.count
    texts.append(text)
    return texts.count - 1
  }
}

extension BAbI {
  /// Sentences, and questions about runs of them.
  struct StoryTable: Sendable {
    /// A question without its words.
    struct Row: Hashable, Sendable {
      /// The sentences above the question in its story.
      var facts: Range<Int32>
      /// The task, from 1.
      var task: Int32
      /// The right answer, by its number.
      var answer: Int32 = 0
      /// The line of the task's file.
      var line: Int32
    }

    /// Words are numbered below this.
    static let numberLimit = 1 << 16

    /// The words of the stories and the questions.
    private(set) var words = Numbering()
    /// The answers.
    private(set) var answers = Numbering()
    /// The words of all sentences, one sentence after another, and where each begins and ends.
    private(set) var facts: [UInt16] = []
    private(set) var factEnds: [Int32] = [0]
    /// The words of all questions, and where each begins and ends.
    private(set) var asked: [UInt16] = []
    private(set) var askedEnds: [Int32] = [0]
    /// The questions.
    private(set) var rows: [Row] = []

    /// The number of sentences.
    var factCount: Int { factEnds.count - 1 }

    /// Adds a sentence; whether there are numbers left for its words.
    mutating func appendFact(_ sentence: [String]) -> Bool {
      for word in sentence { facts.append(UInt16(truncatingIfNeeded: words.number(of: word))) }
      factEnds.append(Int32(facts.count))
      return words.texts.count <= Self.numberLimit
    }

    /// Adds a question; whether there are numbers left for its words.
    mutating func appendQuestion(_ question: [String], answer: String, _ row: Row) -> Bool {
      for word in question { asked.append(UInt16(truncatingIfNeeded: words.number(of: word))) }
      askedEnds.append(Int32(asked.count))
      var row = row
      row.answer = Int32(answers.number(of: answer))
      rows.append(row)
      return words.texts.count <= Self.numberLimit
    }

    /// The questions of each task.
    var questionCounts: [Int] { countsByAnswer.map { $0.values.reduce(0, +) } }

    /// How often the commonest answer of each task is right.
    var commonestCounts: [Int] { countsByAnswer.map { $0.values.max() ?? 0 } }

    private var countsByAnswer: [[Int32: Int]] {
      var counts = [[Int32: Int]](repeating: [:], count: taskCount)
      for row in rows { counts[Int(row.task) - 1][row.answer, default: 0] += 1 }
      return counts
    }
  }
}
