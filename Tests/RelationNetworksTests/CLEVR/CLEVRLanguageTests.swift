// The words of CLEVR's questions, choice by choice.

import Learning
import Tensors
import Testing

@testable import RelationNetworks

@Suite struct CLEVRLanguageTests {
  private typealias Description = CLEVR.Description

  private let nothing = Description.all[0]

  private func described(_ values: CLEVR.AttributeValue...) -> Description {
    values.reduce(nothing) { $0.with($1) }
  }

  /// All that is said of a choice in many draws, without the synonyms.
  private func sentences(_ form: CLEVR.Form, _ choice: CLEVR.Choice) -> Set<String> {
    var said: Set<String> = []
    for index in 0..<2_000 {
      var speaker = CLEVR.Speaker(
        CounterRandom(seed: 1, purpose: .trial, index: UInt64(index)))
      var text = form.text(choice, &speaker)
      for (word, plain) in [
        ("big", "large"), ("tiny", "small"), ("matte", "rubber"), ("metallic", "metal"),
        ("shiny", "metal"), ("block", "cube"), ("ball", "sphere"), ("object", "thing"),
        ("to the left of", "left of"), ("on the left side of", "left of"),
      ] where !text.hasPrefix("How \(word) is") && !text.contains("how \(word) is") {
        text = text.replacing(word, with: plain)
      }
      said.insert(text)
    }
    return said
  }

  @Test func thereAre324Descriptions() {
    #expect(Description.count == 324 && Set(Description.all).count == 324)
    #expect(nothing.values.isEmpty)
    #expect(described(.shape(.cube), .size(.small)).values == [.size(.small), .shape(.cube)])
  }

  @Test func countsAreAskedInFourWaysAboutARelation() {
    let chain = CLEVR.Chain(
      nouns: [described(.color(.red), .shape(.cube)), described(.size(.small))],
      directions: [.left])
    #expect(
      sentences(.chain(1, .count), CLEVR.Choice(chains: [chain])) == [
        "How many small things are left of the red cube?",
        "What number of small things are left of the red cube?",
        "There is a red cube; how many small things are left of it?",
        "There is a red cube; what number of small things are left of it?",
      ])
  }

  @Test func whatIsOptionalIsLeftOutSometimes() {
    let chain = CLEVR.Chain(
      nouns: [described(.color(.red)), described(.size(.small)), nothing],
      directions: [.behind, .front])
    #expect(
      sentences(.chain(2, .exist), CLEVR.Choice(chains: [chain])).isSuperset(of: [
        "Are there any things in front of the small thing behind the red thing?",
        "Are there any things that are in front of the small thing that is behind the red thing?",
        "Is there a thing that is in front of the small thing behind the red thing?",
        "There is a small thing that is behind the red thing; are there any things in front of it?",
      ]))
  }

  @Test func otherIsSaidWhereTheObjectItselfWouldFit() {
    let red = CLEVR.Chain(nouns: [described(.color(.red))], directions: [])
    let form = CLEVR.Form.same(.size, isDescribed: true, .query(.shape))
    func saysOther(_ noun: Description) -> Bool {
      let said = sentences(form, CLEVR.Choice(chains: [red], noun: noun))
      let others = said.filter { $0.contains("other") }
      #expect(others.isEmpty || others == said)
      return !others.isEmpty
    }
    #expect(saysOther(described(.material(.metal))))
    #expect(saysOther(described(.color(.red))))
    #expect(!saysOther(described(.color(.blue))))
    #expect(!saysOther(described(.shape(.cube))))
  }

  @Test func comparisonsNameBothSides() {
    let cube = CLEVR.Chain(nouns: [described(.shape(.cube))], directions: [])
    let sphere = CLEVR.Chain(nouns: [described(.color(.cyan), .shape(.sphere))], directions: [])
    let choice = CLEVR.Choice(chains: [cube, sphere])
    #expect(
      sentences(.compareValues(.material, 0, 0), choice) == [
        "Do the cube and the cyan sphere have the same material?",
        "Does the cube have the same material as the cyan sphere?",
        "Is the material of the cube the same as the cyan sphere?",
        "Are the cube and the cyan sphere made of the same material?",
        "Is the cube made of the same material as the cyan sphere?",
      ])
    #expect(
      sentences(.compareCounts(.lessThan, 0, 0), choice) == [
        "Are there fewer cubes than cyan spheres?",
        "Is the number of cubes less than the number of cyan spheres?",
      ])
    #expect(
      sentences(.either(0, 0, narrowedBy: nil), choice) == [
        "How many things are cubes or cyan spheres?",
        "How many things are either cubes or cyan spheres?",
        "What number of things are cubes or cyan spheres?",
        "What number of things are either cubes or cyan spheres?",
      ])
  }

  @Test func wordsAreLowerCaseAndWithoutPunctuation() {
    #expect(
      CLEVR.words(of: "There is a tiny cube; what is its color?")
        == ["there", "is", "a", "tiny", "cube", "what", "is", "its", "color"])
  }

  @Test func aQuestionHasEightyWordsToChooseFrom() {
    let world = CLEVR.World(seed: 1)
    let words = Set(
      (0..<900).flatMap { world.questions(about: $0, in: .training) }.flatMap(\.words))
    #expect(words.count == 80)
  }
}
