// A question of CLEVR, with what it means and its answer.

extension CLEVR {
  /// One of the 28 answers.
  public enum Answer: Hashable, Sendable {
    case truth(Bool)
    /// A number from 0 to 10.
    case number(Int)
    case value(AttributeValue)

    /// All answers; the index of each is the class that models predict.
    public static let all: [Answer] =
      [.truth(false), .truth(true)] + (0...objectLimit).map { .number($0) }
      + Attribute.allCases.flatMap(\.values).map { .value($0) }

    /// The name in files, such as `yes`, `10`, `red` or `cube`.
    public var name: String {
      switch self {
      case .truth(let isTrue): isTrue ? "yes" : "no"
      case .number(let number): "\(number)"
      case .value(let value): value.name
      }
    }

    /// The place in the list of all answers.
    public var label: Int { Self.labels[self] ?? 0 }

    /// The answer of a name; `nil` if it has none.
    public init?(name: some StringProtocol) {
      guard let answer = Self.byName[String(name)] else { return nil }
      self = answer
    }

    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
    private static let labels = Dictionary(
      uniqueKeysWithValues: all.enumerated().map { ($0.element, $0.offset) })
  }

  /// A question about a scene.
  public struct Question: Hashable, Sendable {
    /// The question in English.
    public var text: String
    /// What it asks; `nil` in test splits.
    public var program: Program?
    /// The answer; `nil` in test splits.
    public var answer: Answer?
    /// The family, from 0 to 89; `nil` where files do not tell it.
    public var family: Int?

    /// A question of the given parts.
    public init(text: String, program: Program?, answer: Answer?, family: Int?) {
      self.text = text
      self.program = program
      self.answer = answer
      self.family = family
    }

    /// The kind of question; `nil` without a program.
    public var category: Category? { program?.category }

    /// The words, in lower case and without punctuation.
    public var words: [String] { CLEVR.words(of: text) }
  }

  /// The words of a sentence, in lower case and without punctuation.
  public static func words(of text: String) -> [String] {
    text.lowercased().split(whereSeparator: { !$0.isLetter && !$0.isNumber }).map(String.init)
  }
}
