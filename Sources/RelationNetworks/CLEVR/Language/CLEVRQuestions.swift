// Ten questions about a scene, drawn so that families and answers are asked about equally often.

import Learning
import Tensors

extension CLEVR {
  /// The number of questions about each scene.
  public static let questionsPerScene = 10
}

extension CLEVR.World {
  /// The ten questions about scene number `index` of a split.
  ///
  /// Nine scenes in a row are asked of all 90 families.
  public func questions(about index: Int, in split: Split) -> [CLEVR.Question] {
    let scene = CLEVR.SceneIndex(view(index, in: split).scene)
    let families = families(of: index, in: split)
    func ask(_ family: Int, commonly: Bool?) -> CLEVR.Question? {
      var random = random(index, in: split, subindex: UInt32(4 + family))
      return question(family, about: scene, commonly: commonly, &random)
    }
    let asked = families.asked.map { ask($0, commonly: nil) }
    var missing = asked.count { $0 == nil }
    var standIns: [CLEVR.Question] = []
    for (family, isRare) in families.rare.map({ ($0, true) }) + families.rest.map({ ($0, false) }) {
      guard missing > 0 else { break }
      guard let question = ask(family, commonly: !isRare) else { continue }
      standIns.append(question)
      missing -= 1
    }
    // Things can be counted in any scene, whatever cannot be asked of it.
    while missing > 0, let question = ask(Self.alwaysPossible, commonly: true) {
      standIns.append(question)
      missing -= 1
    }
    standIns.reverse()
    return asked.compactMap { $0 ?? standIns.popLast() }
  }

  /// The family that asks how many of some objects there are.
  private static let alwaysPossible = CLEVR.forms.firstIndex(of: .chain(0, .count)) ?? 0

  /// The families that a scene is asked of, and in order those that step in where the scene does
  /// not allow one.
  private func families(of index: Int, in split: Split) -> (asked: [Int], rare: [Int], rest: [Int])
  {
    let perScene = CLEVR.questionsPerScene
    let scenes = CLEVR.forms.count / perScene
    var random = random(index / scenes, in: split, subindex: 2)
    let order = shuffled(Array(CLEVR.forms.indices), &random)
    let first = index % scenes * perScene
    let asked = Array(order[first..<first + perScene])
    random = self.random(index, in: split, subindex: 3)
    let rare = Self.rareFamilies.flatMap { shuffled($0, &random) }.filter { !asked.contains($0) }
    return (asked, rare, order.filter { !asked.contains($0) && !rare.contains($0) })
  }

  /// The families that the fewest scenes allow, or allow with both answers, and others that come
  /// after them.
  ///
  /// Whenever a family cannot be asked they are tried first, for their rarer answer, so that they
  /// are not asked more seldom than the others.
  private static let rareFamilies = [[10, 50, 51, 52], [16, 17, 31, 33, 40, 44], [18, 34]]

  private func shuffled(_ values: [Int], _ random: inout CounterRandom) -> [Int] {
    var values = values
    for end in values.indices.dropFirst().reversed() {
      values.swapAt(end, Int(random.integer(below: UInt32(end + 1))))
    }
    return values
  }

  /// A question of a family; `nil` if a number of attempts have led to none.
  ///
  /// - Parameter commonly: whether its commonest answer may come; `nil` to draw that.
  private func question(
    _ family: Int, about scene: CLEVR.SceneIndex, commonly: Bool?, _ random: inout CounterRandom
  ) -> CLEVR.Question? {
    let form = CLEVR.forms[family]
    let common = CLEVR.commonAnswers[family]
    // Drawn once for all attempts, so that a common answer does not come in for want of another.
    let isKept = Double(random.uniform()) < common?.share ?? 1
    for _ in 0..<form.attempts {
      guard let choice = scene.draw(form, &random) else { continue }
      let program = form.program(choice)
      guard let answer = try? program.answer(in: scene.scene),
        commonly ?? isKept || answer != common?.answer
      else { continue }
      var speaker = CLEVR.Speaker(random)
      return CLEVR.Question(
        text: form.text(choice, &speaker), program: program, answer: answer, family: family)
    }
    return nil
  }
}

extension CLEVR.Form {
  /// How many draws are worth it: those of two relations seldom need both.
  fileprivate var attempts: Int { if case .both = self { 400 } else { 100 } }
}
