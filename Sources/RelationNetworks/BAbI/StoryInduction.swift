// Task 16: stories in which the commonest colour is no answer.

import Tensors

extension BAbI {
  /// What is known of the stories of task 16: who is which animal, and of which colour.
  ///
  /// Who is asked about has the colour of the last animal of the same kind. Most stories have
  /// others of that kind or colour as well, so that the commonest colour is right every other time:
  /// a rule that is learnt first, and left late or never.
  struct Induction: Sendable {
    /// The task's number.
    static let task = 16
    static let names = ["bernhard", "brian", "greg", "julius", "lily"]
    static let kinds = ["frog", "lion", "rhino", "swan"]
    static let colors = ["gray", "green", "white", "yellow"]

    private let names: Set<Int32>
    private let kinds: [Int32]
    private let colors: [Int32]

    /// The words in a model's numbers.
    init(_ numbers: ModelNumbers) {
      func known(_ words: [String]) -> [Int32] { numbers.numbers(of: words).filter { $0 > 0 } }
      names = Set(known(Self.names))
      kinds = known(Self.kinds)
      colors = known(Self.colors)
    }

    /// The story with each animal that the answer does not follow from of a kind and a colour that
    /// nobody else has, at random.
    ///
    /// As it is if there are not so many, or it is another kind of story.
    func toldApart(_ story: Story, random: inout CounterRandom) -> Story {
      guard let asked = story.question.first(where: names.contains),
        let kind = word(of: kinds, about: asked, in: story),
        // The last one stands nearest to the question.
        let twin = story.facts.first(where: { $0.first != asked && $0.contains(kind) })?.first,
        let color = word(of: colors, about: twin, in: story)
      else { return story }
      var others: [Int32] = []
      for name in story.facts.compactMap(\.first)
      where name != asked && name != twin && !others.contains(name) { others.append(name) }
      let (freeKinds, freeColors) = (
        shuffled(kinds.filter { $0 != kind }, &random),
        shuffled(colors.filter { $0 != color }, &random)
      )
      guard others.count <= min(freeKinds.count, freeColors.count) else { return story }
      var apart = story
      apart.facts = story.facts.map { fact in
        guard let name = fact.first, let other = others.firstIndex(of: name) else { return fact }
        return fact.map {
          kinds.contains($0) ? freeKinds[other] : colors.contains($0) ? freeColors[other] : $0
        }
      }
      return apart
    }

    /// The one of some words that is said of somebody.
    private func word(of words: [Int32], about name: Int32, in story: Story) -> Int32? {
      story.facts.lazy.filter { $0.first == name }.compactMap { $0.first(where: words.contains) }
        .first
    }

    private func shuffled(_ words: [Int32], _ random: inout CounterRandom) -> [Int32] {
      var words = words
      for last in stride(from: words.count - 1, to: 0, by: -1) {
        words.swapAt(last, Int(random.integer(below: UInt32(last + 1))))
      }
      return words
    }
  }
}
