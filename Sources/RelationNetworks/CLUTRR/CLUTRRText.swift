// The text of a story of CLUTRR, taken apart into sentences, words and people.

/// Why a text is no story: a part of a sentence.
struct StoryTextProblem: Error {
  let description: String
  init(_ description: String) { self.description = description }
}

extension CLUTRR {
  /// A story's text, in which people stand in square brackets.
  ///
  /// Words are in lower case; what hangs on by an apostrophe and every mark are words of their own.
  /// A sentence ends with `.`, `!` or `?`.
  struct StoryText {
    /// The sentences that there are.
    private(set) var sentences: [[Token]] = []
    /// The people, in the order in which they appear.
    private(set) var people: [String] = []

    /// What ends a sentence.
    private static let marks: Set<String> = [".", "!", "?"]

    /// Takes a text apart.
    init(_ text: String) throws(StoryTextProblem) {
      var sentence: [Token] = []
      var rest = Substring(text)
      while let character = rest.first {
        if character == "[" {
          sentence.append(.person(try person(from: &rest)))
        } else if character.isWhitespace {
          rest.removeFirst()
        } else {
          let word = Self.word(from: &rest)
          sentence.append(.word(word))
          if Self.marks.contains(word) { try end(&sentence) }
        }
        guard sentence.count <= wordLimit else {
          throw StoryTextProblem("a sentence has more than \(wordLimit) words")
        }
      }
      try end(&sentence)
      guard !sentences.isEmpty else { throw StoryTextProblem("the story is empty") }
    }

    private mutating func end(_ sentence: inout [Token]) throws(StoryTextProblem) {
      // Several marks in a row end one sentence.
      let isMark = sentence.count == 1 && sentence[0].word.map(Self.marks.contains) == true
      if sentence.isEmpty || isMark { return sentence = [] }
      sentences.append(sentence)
      sentence = []
      guard sentences.count <= sentenceLimit else {
        throw StoryTextProblem("the story has more than \(sentenceLimit) sentences")
      }
    }

    private mutating func person(from rest: inout Substring) throws(StoryTextProblem) -> Int {
      guard let end = rest.firstIndex(of: "]") else {
        throw StoryTextProblem("the bracket around a name is never closed")
      }
      let name = CLUTRR.trimmed(rest[rest.index(after: rest.startIndex)..<end])
      rest = rest[rest.index(after: end)...]
      guard !name.isEmpty, !name.contains("[") else {
        throw StoryTextProblem("there is no name between brackets")
      }
      if let known = people.firstIndex(of: name) { return known }
      people.append(name)
      guard people.count <= personLimit else {
        throw StoryTextProblem("the story has more than \(personLimit) people")
      }
      return people.count - 1
    }

    private static func word(from rest: inout Substring) -> String {
      func isLetter(_ character: Character) -> Bool { character.isLetter || character.isNumber }
      let first = rest.removeFirst()
      guard isLetter(first) || first == "'" && rest.first.map(isLetter) == true else {
        return String(first)
      }
      let others = rest.prefix(while: isLetter)
      rest = rest[others.endIndex...]
      return (String(first) + others).lowercased()
    }
  }

  /// The two names of a question, which is written as a pair in Python: `('Ann', "Bob")`.
  static func names(of query: String) throws(StoryTextProblem) -> (first: String, second: String) {
    let pattern = /\s*\(\s*(?:'([^']+)'|"([^"]+)")\s*,\s*(?:'([^']+)'|"([^"]+)")\s*\)\s*/
    guard let match = query.wholeMatch(of: pattern), let first = match.1 ?? match.2,
      let second = match.3 ?? match.4
    else {
      throw StoryTextProblem("the query \(shown(query)) is no pair of names")
    }
    return (trimmed(first), trimmed(second))
  }

  fileprivate static func trimmed(_ text: Substring) -> String {
    let start = text.drop(while: \.isWhitespace)
    return String(start.reversed().drop(while: \.isWhitespace).reversed())
  }

  /// A text in quotation marks, not much of it.
  static func shown(_ text: String) -> String {
    text.count <= 60 ? "\"\(text)\"" : "\"\(text.prefix(60))…\""
  }
}
