// Stories with other names: what changes, and what stays true.

import Foundation
import Learning
import Tensors
import TestSupport
import Testing

@testable import RelationNetworks

@Suite struct RenamingTests {
  private static let vocabulary = BAbI.Vocabulary(
    words: [
      "?", "apple", "brian", "color", "football", "gray", "greg", "is", "lily", "lion", "mary",
      "milk", "swan", "what", "white",
    ], answers: ["apple,milk", "gray", "milk,apple", "milk,football", "white"])

  private func numbers(_ text: String) -> [Int32] {
    BAbI.ModelNumbers(Self.vocabulary, outputs: []).numbers(
      of: text.split(separator: " ").map(String.init))
  }

  private func words(_ numbers: [Int32]) -> String {
    numbers.map { Self.vocabulary.words[Int($0) - 1] }.joined(separator: " ")
  }

  private func renamed(
    _ augmentation: BAbI.Augmentation, _ story: BAbI.Story, count: Int = 60
  ) -> [BAbI.Story] {
    let outputs = Self.vocabulary.outputs(.whole)
    guard let renaming = BAbI.Renaming(augmentation, Self.vocabulary, outputs: outputs) else {
      return []
    }
    return (0..<count).map { index in
      var random = CounterRandom(seed: 1, purpose: .draw, index: UInt64(index))
      return renaming(story, random: &random)
    }
  }

  @Test func theRuleStaysWhatever() {
    let story = BAbI.Story(
      task: 16,
      facts: ["greg is swan", "brian is gray", "lily is white", "brian is lion", "lily is swan"]
        .map(numbers), question: numbers("what color is greg ?"), answer: 4)
    let stories = renamed(.induction, story)
    for story in stories {
      let facts = story.facts.map { words($0).split(separator: " ") }
      let asked = words(story.question).split(separator: " ")[3]
      #expect(facts[0][0] == asked)
      // Who is of the same kind, and of what colour?
      let twin = facts.dropFirst().first { $0[2] == facts[0][2] }?[0]
      let color = facts[1...2].first { $0[0] == twin }?[2]
      #expect(color.map(String.init) == Self.vocabulary.answers[Int(story.answer)])
    }
    #expect(Set(stories).count > 10)
    #expect(Set(stories.map(\.answer)).count == 2)
  }

  /// Two swans are left, who is asked about and whose colour is the answer; all others differ.
  @Test func animalsThatMisleadAreToldApart() {
    let vocabulary = BAbI.Vocabulary(
      words: BAbI.Induction.names + BAbI.Induction.kinds + BAbI.Induction.colors + ["is", "what"],
      answers: BAbI.Induction.colors)
    let numbers = BAbI.ModelNumbers(vocabulary, outputs: vocabulary.answers)
    func sentence(_ text: String) -> [Int32] {
      numbers.numbers(of: text.split(separator: " ").map(String.init))
    }
    let told = [
      "lily is swan", "brian is swan", "lily is gray", "bernhard is lion", "brian is white",
      "julius is lion", "julius is gray", "bernhard is gray", "greg is swan",
    ]
    let story = BAbI.Story(
      task: 16, facts: told.reversed().map(sentence), question: sentence("what is greg"), answer: 2)
    let induction = BAbI.Induction(numbers)
    var seen: Set<BAbI.Story> = []
    for index in 0..<30 {
      var random = CounterRandom(seed: 1, purpose: .draw, index: UInt64(index))
      let apart = induction.toldApart(story, random: &random)
      seen.insert(apart)
      let facts = apart.facts.reversed().map { fact in
        fact.map { vocabulary.words[Int($0) - 1] }.joined(separator: " ")
      }
      // What the answer follows from stays.
      #expect([facts[1], facts[4], facts[8]] == [told[1], told[4], told[8]])
      #expect(facts.map { $0.prefix(5) } == told.map { $0.prefix(5) })
      let said = facts.map { $0.split(separator: " ")[2] }
      #expect(Set([0, 1, 3, 5].map { said[$0] }).count == 4)
      #expect(Set([2, 4, 6, 7].map { said[$0] }).count == 4)
    }
    #expect(seen.count > 10)
    var (random, other) = (CounterRandom(seed: 1, purpose: .draw, index: 0), story)
    other.question = sentence("what is")
    #expect(induction.toldApart(other, random: &random) == other)
  }

  @Test func answersThatThereAreNotAreLeftAlone() {
    let story = BAbI.Story(
      task: 8, facts: [numbers("mary is milk"), numbers("mary is apple")],
      question: numbers("what is mary ?"), answer: 2)
    let stories = renamed(.all, story)
    // Of the six lists of two things there are outputs for three.
    #expect(Set(stories.map(\.answer)) == [0, 2, 3])
    for story in stories {
      let told = story.facts.map { words($0).split(separator: " ")[2] }.joined(separator: ",")
      #expect(told == Self.vocabulary.answers[Int(story.answer)])
    }
    // Other tasks are those of another augmentation.
    #expect(Set(renamed(.induction, story)) == [story])
    #expect(renamed(.none, story).isEmpty)
  }

  @Test func onlyTrainingIsRenamedAndEachTimeAnew() throws {
    try withDirectory { folder in
      try StoryFiles.write(to: folder.path)
      let place = DataPlace(path: folder.path)
      let data = try BAbIFamily.identity(of: place)
      func indices(_ augmentation: BAbI.Augmentation, _ draw: Draw) throws -> [Int32] {
        let settings = BAbI.Settings(tasks: [16], augmentation: augmentation)
        let task = try BAbIFamily.open(settings, data: data, at: place)
        guard case .story(let story, _) = try task.batch(draw).scene else { return [] }
        return story.indices
      }
      let samples = Array(0..<10)
      func training(_ step: Int) -> Draw {
        Draw(training: samples, seed: 1, step: step, replica: 0)
      }
      let plain = try indices(.none, training(1))
      let first = try indices(.induction, training(1))
      #expect(first != plain && first.sorted() != plain)
      #expect(try indices(.induction, training(1)) == first)
      #expect(try indices(.induction, training(2)) != first)
      #expect(try indices(.none, training(2)) == plain)
      let evaluating = Draw(evaluating: samples, of: .test, seed: 1, part: 0)
      #expect(try indices(.all, evaluating) == indices(.none, evaluating))
    }
  }
}
