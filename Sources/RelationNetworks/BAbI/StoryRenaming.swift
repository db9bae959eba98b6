// Stories that are told of others: what may be called otherwise without changing what is true.

import Learning
import Tensors

extension BAbI {
  /// Which stories are renamed when they are trained on.
  public enum Augmentation: String, SettingChoice {
    case none
    case induction
    case all

    /// "augmentation".
    public static let kind = "augmentation"

    /// Whose stories are renamed.
    public var summary: String {
      switch self {
      case .none: "Stories are read as they are."
      case .induction: "Words of task 16 change places, and animals that mislead are told apart."
      case .all: "So do people, rooms and things of other tasks."
      }
    }
  }

  /// Words that change places with one another, at random and throughout a story.
  ///
  /// Renamed, no story is ever seen twice.
  struct Renaming: Sendable {
    /// The words that may change places in a task's stories, by the task's number.
    private let classes: [Int: [[Int32]]]
    /// The words of each output, and the output of words.
    private let outputWords: [[Int32]]
    private let outputs: [[Int32]: Int32]
    private let wordCount: Int
    private let induction: Induction

    /// Renaming in a model's numbers; `nil` if nothing is to be renamed.
    init?(_ augmentation: Augmentation, _ vocabulary: Vocabulary, outputs: [String]) {
      let numbers = ModelNumbers(vocabulary, outputs: outputs)
      let table: [(tasks: [Int], classes: [[String]])]
      switch augmentation {
      case .none: return nil
      case .induction: table = Self.induction
      case .all: table = Self.induction + Self.others
      }
      classes = Dictionary(
        table.flatMap { tasks, classes in
          let words = classes.map { numbers.numbers(of: $0).filter { $0 > 0 } }
          return tasks.map { ($0, words.filter { $0.count > 1 }) }
        }, uniquingKeysWith: +)
      outputWords = outputs.map {
        numbers.numbers(of: $0.split(separator: ",").map(String.init))
      }
      self.outputs = Dictionary(
        outputWords.enumerated().map { ($1, Int32($0)) }, uniquingKeysWith: { old, _ in old })
      wordCount = vocabulary.readCount
      induction = Induction(numbers)
    }

    /// The story with other names; as it is if its answer would be one that there is no output for.
    func callAsFunction(_ story: Story, random: inout CounterRandom) -> Story {
      guard let classes = classes[story.task], !classes.isEmpty else { return story }
      var story = story
      // Not every time: which of two animals of a kind counts is to be learnt as well.
      if story.task == Induction.task, random.integer(below: 4) > 0 {
        story = induction.toldApart(story, random: &random)
      }
      var names = (0..<Int32(wordCount)).map { $0 }
      for words in classes {
        // Each arrangement is as likely as any other (Fisher and Yates).
        for last in stride(from: words.count - 1, to: 0, by: -1) {
          let other = Int(random.integer(below: UInt32(last + 1)))
          names.swapAt(Int(words[last]), Int(words[other]))
        }
      }
      func renamed(_ words: [Int32]) -> [Int32] { words.map { names[Int($0)] } }
      guard let answer = outputs[renamed(outputWords[Int(story.answer)])] else { return story }
      return Story(
        task: story.task, facts: story.facts.map(renamed), question: renamed(story.question),
        answer: answer)
    }

    private static let induction: [(tasks: [Int], classes: [[String]])] = [
      ([Induction.task], [Induction.names, Induction.kinds, Induction.colors])
    ]

    private static let rooms = ["bathroom", "bedroom", "garden", "hallway", "kitchen", "office"]
    private static let things = ["apple", "football", "milk"]
    /// Apart, because the stories call them he and she.
    private static let people = [["daniel", "john"], ["mary", "sandra"]]

    private static let others: [(tasks: [Int], classes: [[String]])] = [
      ([1, 2, 3, 6, 7, 8, 9, 11, 12, 13], people + [rooms, things]), ([4, 19], [rooms]),
      ([5], [["bill", "fred", "jeff", "mary"], things]),
    ]
  }
}
