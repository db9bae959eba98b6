// Programs of CLEVR, function by function, on a scene that was made by hand.

import Testing

@testable import RelationNetworks

@Suite struct CLEVRProgramTests {
  private typealias Step = CLEVR.Program.Step

  /// From left to right, as the camera sees them: 0 a large red metal cube, 1 a small red rubber
  /// sphere behind it, 2 a small blue metal cylinder, 3 a small red metal cube.
  private let scene = CLEVR.Scene(objects: [
    object(.large, .red, .metal, .cube, right: -2, behind: -1),
    object(.small, .red, .rubber, .sphere, right: -1, behind: 1),
    object(.small, .blue, .metal, .cylinder, right: 1, behind: 0),
    object(.small, .red, .metal, .cube, right: 2, behind: -1),
  ])

  private static func object(
    _ size: CLEVR.Size, _ color: CLEVR.Color, _ material: CLEVR.Material, _ shape: CLEVR.Shape,
    right: Double, behind: Double
  ) -> CLEVR.Object {
    let directions = CLEVR.Directions.published
    var position = directions[.right] * right + directions[.behind] * behind
    position.z = size.radius
    return CLEVR.Object(
      size: size, color: color, material: material, shape: shape, position: position, rotation: 0,
      pixel: [0, 0], depth: 10)
  }

  private func results(_ steps: Step...) throws -> [CLEVR.Result] {
    try CLEVR.Program(steps).results(in: scene)
  }

  private func objects(_ indices: Int...) -> CLEVR.Result {
    .objects(CLEVR.Objects(indices.map { CLEVR.Objects($0) }))
  }

  private func refusal(_ steps: [Step]) -> String? {
    do {
      _ = try CLEVR.Program(steps).answer(in: scene)
      return nil
    } catch { return error.description }
  }

  @Test func objectsAreFilteredAndOneIsPickedOut() throws {
    let found = try results(
      Step(.scene), Step(.filter(.color(.red)), [0]), Step(.filter(.material(.rubber)), [1]),
      Step(.unique, [2]), Step(.filter(.size(.small)), [1]), Step(.filter(.shape(.cube)), [0]))
    #expect(
      found == [
        objects(0, 1, 2, 3), objects(0, 1, 3), objects(1), .object(1), objects(1, 3), objects(0, 3),
      ])
  }

  @Test(arguments: [
    (CLEVR.Direction.left, [0]), (.right, [2, 3]), (.front, [0, 2, 3]), (.behind, []),
  ])
  func relationsLeadFromAnObject(direction: CLEVR.Direction, expected: [Int]) throws {
    let found = try results(
      Step(.scene), Step(.filter(.shape(.sphere)), [0]), Step(.unique, [1]),
      Step(.relate(direction), [2]))
    #expect(found[3] == .objects(CLEVR.Objects(expected.map { CLEVR.Objects($0) })))
  }

  @Test func twoObjectsMayBeNeitherInFrontNorBehind() {
    // Less than 0.2 apart along a direction is no relation.
    #expect(!scene.objects(.behind, of: 0).contains(CLEVR.Objects(3)))
    #expect(!scene.objects(.front, of: 0).contains(CLEVR.Objects(3)))
  }

  @Test(arguments: [
    (CLEVR.Attribute.size, []), (.color, [1, 3]), (.material, [2, 3]), (.shape, [3]),
  ])
  func othersShareAnAttribute(attribute: CLEVR.Attribute, expected: [Int]) throws {
    let found = try results(
      Step(.scene), Step(.filter(.size(.large)), [0]), Step(.unique, [1]),
      Step(.same(attribute), [2]))
    #expect(found[3] == .objects(CLEVR.Objects(expected.map { CLEVR.Objects($0) })))
  }

  @Test func setsMeetAndJoin() throws {
    let found = try results(
      Step(.scene), Step(.filter(.color(.red)), [0]), Step(.filter(.shape(.cylinder)), [0]),
      Step(.filter(.size(.small)), [0]), Step(.union, [1, 2]), Step(.intersect, [1, 3]),
      Step(.count, [4]), Step(.exist, [5]), Step(.intersect, [1, 2]), Step(.exist, [8]))
    #expect(found[4] == objects(0, 1, 2, 3) && found[5] == objects(1, 3))
    #expect(found[6] == .number(4) && found[7] == .truth(true) && found[9] == .truth(false))
  }

  @Test func attributesAreQueriedAndCompared() throws {
    let two = [
      Step(.scene), Step(.filter(.size(.large)), [0]), Step(.unique, [1]), Step(.scene),
      Step(.filter(.shape(.sphere)), [3]), Step(.unique, [4]),
    ]
    let values: [(CLEVR.Attribute, CLEVR.AttributeValue, Bool)] = [
      (.size, .size(.large), false), (.color, .color(.red), true),
      (.material, .material(.metal), false), (.shape, .shape(.cube), false),
    ]
    for (attribute, value, isSame) in values {
      let program = CLEVR.Program(
        two + [
          Step(.query(attribute), [2]), Step(.query(attribute), [5]),
          Step(.equal(attribute), [6, 7]),
        ])
      #expect(try program.results(in: scene)[6] == .value(value))
      #expect(try program.answer(in: scene) == .truth(isSame))
      #expect(program.category == .compareAttribute)
    }
  }

  @Test func numbersAreCompared() throws {
    let counts = [
      Step(.scene), Step(.filter(.shape(.cube)), [0]), Step(.count, [1]), Step(.scene),
      Step(.filter(.color(.blue)), [3]), Step(.count, [4]),
    ]
    for (function, answer) in [
      (CLEVR.Function.equalInteger, false), (.lessThan, false), (.greaterThan, true),
    ] {
      let program = CLEVR.Program(counts + [Step(function, [2, 5])])
      #expect(try program.answer(in: scene) == .truth(answer))
      #expect(program.category == .compareNumbers)
    }
  }

  @Test func aProgramThatCannotBeRunIsRefusedInWords() {
    #expect(refusal([]) == "the program has no steps")
    #expect(
      refusal([Step(.scene)]) == "step 0 of the program, scene, comes last but gives objects")
    #expect(
      refusal([Step(.scene), Step(.unique, [0])])
        == "step 1 of the program, unique, is given 4 objects")
    #expect(
      refusal([Step(.scene), Step(.union, [0])])
        == "step 1 of the program, union, has 1 inputs instead of 2")
    #expect(
      refusal([Step(.scene), Step(.count, [1])])
        == "step 1 of the program, count, reads step 1, which is not before it")
    #expect(
      refusal([Step(.scene), Step(.count, [-1])])
        == "step 1 of the program, count, reads step -1, which is not before it")
    #expect(
      refusal([Step(.scene), Step(.query(.color), [0])])
        == "step 1 of the program, query_color, is given what it cannot be applied to")
  }

  @Test func answersHaveNamesAndClasses() {
    #expect(CLEVR.Answer.all.count == 28)
    #expect(Set(CLEVR.Answer.all.map(\.name)).count == 28)
    for (label, answer) in CLEVR.Answer.all.enumerated() {
      #expect(answer.label == label && CLEVR.Answer(name: answer.name) == answer)
    }
    #expect(CLEVR.Answer(name: "11") == nil && CLEVR.Answer(name: "Yes") == nil)
  }
}
