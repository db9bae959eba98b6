// Generated questions of CLEVR: right, unique, needed, balanced, and in its own language.

import Learning
import Tensors
import Testing

@testable import RelationNetworks

@Suite struct CLEVRQuestionTests {
  private static let world = CLEVR.World(seed: 3)
  /// 450 scenes: fifty times all families.
  private static let asked: [(scene: CLEVR.Scene, questions: [CLEVR.Question])] = (0..<450).map {
    (world.view($0, in: .training).scene, world.questions(about: $0, in: .training))
  }

  @Test func questionsAreAFunctionOfTheirScene() {
    let other = CLEVR.World(seed: 3)
    for index in [17, 3, 444] {
      #expect(other.questions(about: index, in: .training) == Self.asked[index].questions)
    }
    #expect(other.questions(about: 0, in: .validation) != Self.asked[0].questions)
    #expect(CLEVR.World(seed: 4).questions(about: 0, in: .training) != Self.asked[0].questions)
  }

  /// Whoever changes what is drawn changes every run on generated data.
  @Test func theWorldOfASeedStaysWhatItIs() {
    let world = CLEVR.World(seed: 1)
    let object = world.view(0, in: .training).scene.objects[1]
    #expect(object[.color] == .color(.blue) && object[.shape] == .shape(.sphere))
    #expect(object.position == [0.04587984085083008, -1.0751760005950928, 0.3499999940395355])
    #expect(object.pixel == [203, 163] && object.depth == 10.74786294589875)
    let questions = world.questions(about: 0, in: .training)
    #expect(
      questions[0].text == "Do the yellow object and the blue rubber object have the same size?")
    #expect(questions[9].answer == .truth(false) && questions[9].family == 16)
    #expect(
      questions[5].text
        == "There is a rubber object behind the ball on the left side of the object "
        + "that is behind the yellow cylinder; what shape is it?")
  }

  @Test func thereAreTenAboutEachSceneAndTheAnswersAreRight() throws {
    for (scene, questions) in Self.asked {
      #expect(questions.count == CLEVR.questionsPerScene)
      #expect(Set(questions.map(\.family)).count == questions.count)
      for question in questions {
        #expect(try question.program?.answer(in: scene) == question.answer)
      }
    }
  }

  @Test func allFamiliesAreAskedAboutEquallyOften() {
    var counts: [Int: Int] = [:]
    for question in Self.asked.flatMap(\.questions) {
      counts[question.family ?? -1, default: 0] += 1
    }
    #expect(Set(counts.keys) == Set(0..<90))
    #expect(counts.values.allSatisfy { (25...80).contains($0) })
  }

  @Test func familiesAreInThePublishedOrder() {
    #expect(CLEVR.forms.count == 90 && Set(CLEVR.forms).count == 90)
    let categories = CLEVR.forms.indices.map { family in
      Self.asked.lazy.flatMap(\.questions).first { $0.family == family }?.category
    }
    let expected: [(ClosedRange<Int>, CLEVR.Category)] = [
      (0...8, .compareNumbers), (9...24, .compareAttribute), (25...25, .count),
      (26...26, .exist), (27...30, .queryAttribute), (31...34, .exist), (35...38, .count),
      (39...42, .exist), (43...46, .count), (47...58, .queryAttribute), (59...59, .count),
      (60...63, .queryAttribute), (64...72, .count), (73...73, .exist),
      (74...77, .queryAttribute), (78...78, .count), (79...79, .exist),
      (80...83, .queryAttribute), (84...84, .count), (85...85, .exist),
      (86...89, .queryAttribute),
    ]
    for (families, category) in expected {
      #expect(families.allSatisfy { categories[$0] == category })
    }
  }

  @Test func noAnswerIsFarMoreFrequentThanAllOthers() {
    var answers: [CLEVR.Answer: Int] = [:]
    for question in Self.asked.flatMap(\.questions) {
      if let answer = question.answer { answers[answer, default: 0] += 1 }
    }
    let (yes, no) = (answers[.truth(true)] ?? 0, answers[.truth(false)] ?? 0)
    #expect(abs(yes - no) < 150 && yes + no > 1_600)
    for attribute in CLEVR.Attribute.allCases {
      let counts = attribute.values.map { answers[.value($0)] ?? 0 }
      #expect((counts.min() ?? 0) * 3 > (counts.max() ?? 0) * 2)
    }
    #expect((0...4).allSatisfy { answers[.number($0)] != nil })
  }

  /// What a question asks for is not told in its description of the object.
  @Test func noQuestionAnswersItself() {
    for question in Self.asked.flatMap(\.questions) {
      guard let steps = question.program?.steps, case .query(let attribute)? = steps.last?.function
      else { continue }
      for step in steps.dropLast().reversed() {
        if case .filter(let value) = step.function { #expect(value.attribute != attribute) }
        if case .relate = step.function { break }
        if case .same(let shared) = step.function {
          #expect(shared != attribute)
          break
        }
      }
    }
  }

  /// Where two relations meet, the answer is another, or none, without either of them.
  @Test func relationsThatMeetAreNeeded() throws {
    var count = 0
    for (scene, questions) in Self.asked {
      for question in questions {
        guard let program = question.program,
          program.steps.contains(where: { $0.function == .intersect })
        else { continue }
        count += 1
        for index in program.steps.indices {
          guard case .relate = program.steps[index].function else { continue }
          var shorter = program
          shorter.steps[index] = .init(.scene)
          #expect((try? shorter.answer(in: scene)) != question.answer)
        }
      }
    }
    #expect(count > 150)
  }

  /// A relation that could be left out of a reference is the exception, as published.
  @Test func mostRelationsAreNeeded() throws {
    var (needed, idle) = (0, 0)
    for (scene, questions) in Self.asked {
      for program in questions.compactMap(\.program) {
        let results = try program.results(in: scene)
        for (index, step) in program.steps.enumerated() {
          guard case .relate = step.function else { continue }
          var end = index
          while case .filter = program.steps[end + 1].function { end += 1 }
          guard case .unique = program.steps[end + 1].function else { continue }
          var shorter = program
          shorter.steps[index] = .init(.scene)
          shorter.steps.removeSubrange((end + 1)...)
          if try shorter.results(in: scene)[end] == results[end] { idle += 1 } else { needed += 1 }
        }
      }
    }
    #expect(idle > 0 && needed > 8 * idle)
  }
}
