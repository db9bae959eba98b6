// The words and answers of a data set, and the numbers that a model knows them by.

import Learning

extension BAbI {
  /// What an output of the model stands for.
  public enum AnswerForm: String, SettingChoice {
    case vocabulary
    case whole

    /// "form of answers".
    public static let kind = "form of answers"

    /// What the outputs are.
    public var summary: String {
      switch self {
      case .vocabulary: "An output for each word, as the paper has it."
      case .whole: "An output for each answer that there is."
      }
    }
  }

  /// The words that stories, questions and answers are made of, and the answers.
  struct Vocabulary: Codable, Hashable, Sendable {
    /// The words in order, marks of punctuation among them.
    var words: [String]
    /// The answers in order: words, or lists of words such as `apple,milk`.
    var answers: [String]

    /// The vocabulary of a table.
    init(of table: StoryTable) {
      var words = Set(table.words.texts)
      for answer in table.answers.texts {
        let parts = answer.split(separator: ",").map(String.init)
        words.formUnion(parts)
        if parts.count > 1 { words.insert(",") }
      }
      self.words = words.sorted()
      answers = table.answers.texts.sorted()
    }

    /// The number of words that a model reads: one more, of number 0, for those that it has never
    /// seen.
    var readCount: Int { words.count + 1 }

    /// What each output stands for.
    ///
    /// An answer that is one word has this word's output, if there is one for each word. The paper
    /// does not say which is that of a list; it gets the output of a word that is no answer.
    func outputs(_ form: AnswerForm) -> [String] {
      guard form == .vocabulary else { return answers }
      var outputs = words
      let (known, single) = (Set(words), Set(answers))
      var free = words.indices.filter { !single.contains(words[$0]) }[...]
      for answer in answers where !known.contains(answer) {
        if let place = free.popFirst() { outputs[place] = answer } else { outputs.append(answer) }
      }
      return outputs
    }
  }
}
