// A question of a family about a scene, drawn: the choices that the published constraints allow.

import Tensors

extension CLEVR.SceneIndex {
  /// Choices that make a question of a form; `nil` if what was drawn first does not lead to one.
  func draw(_ form: CLEVR.Form, _ random: inout CounterRandom) -> CLEVR.Choice? {
    switch form {
    case .chain(let hops, let ask):
      chain(hops, ask.want, without: ask.hidden, &random).map { CLEVR.Choice(chains: [$0.chain]) }
    case .same(let attribute, let isDescribed, let ask):
      same(attribute, isDescribed: isDescribed, ask, &random)
    case .both(let ask): both(ask, &random)
    case .either(let first, let second, let attribute):
      either(first, second, narrowedBy: attribute, &random)
    case .compareCounts(_, let first, let second):
      compareCounts(first, second, &random)
    case .compareValues(let attribute, let first, let second):
      compareValues(attribute, first, second, &random)
    }
  }

  private typealias Described = (chain: CLEVR.Chain, reference: Int?, objects: CLEVR.Objects)

  /// A chain whose last noun fits what is wanted.
  private func chain(
    _ hops: Int, _ want: Want, without hidden: [CLEVR.Attribute] = [],
    _ random: inout CounterRandom
  ) -> Described? {
    guard hops > 0 else {
      return describe(scene.all, want, without: hidden, &random).map {
        (CLEVR.Chain(nouns: [$0.noun], directions: []), nil, $0.objects)
      }
    }
    guard let start = chain(hops - 1, .one, &random), let reference = start.objects.only,
      let end = describe(relatedTo: reference, want, without: hidden, &random)
    else { return nil }
    let chain = CLEVR.Chain(
      nouns: start.chain.nouns + [end.noun], directions: start.chain.directions + [end.direction])
    return (chain, reference, end.objects)
  }

  private func same(
    _ attribute: CLEVR.Attribute, isDescribed: Bool, _ ask: CLEVR.Ask,
    _ random: inout CounterRandom
  ) -> CLEVR.Choice? {
    guard let reference = chain(0, .one, without: [attribute], &random),
      let object = reference.objects.only
    else { return nil }
    guard isDescribed else { return CLEVR.Choice(chains: [reference.chain]) }
    let others = scene.objects(scene.objects[object][attribute])
      .subtracting(CLEVR.Objects(object))
    return describe(others, ask.want, without: [attribute] + ask.hidden, &random).map {
      CLEVR.Choice(chains: [reference.chain], noun: $0.noun)
    }
  }

  private func both(_ ask: CLEVR.Ask, _ random: inout CounterRandom) -> CLEVR.Choice? {
    guard let first = chain(0, .one, &random), let second = chain(0, .one, &random),
      let one = first.objects.only, let other = second.objects.only
    else { return nil }
    let directions = [direction(&random), direction(&random)]
    let (a, b) = (scene.objects(directions[0], of: one), scene.objects(directions[1], of: other))
    guard a != b, let end = describe(a.intersection(b), ask.want, without: ask.hidden, &random)
    else { return nil }
    let choice = CLEVR.Choice(
      chains: [first.chain, second.chain], directions: directions, noun: end.noun)
    return needsDirections(choice, ask) ? choice : nil
  }

  /// Whether no direction can be left out without another answer, or none.
  private func needsDirections(_ choice: CLEVR.Choice, _ ask: CLEVR.Ask) -> Bool {
    let program = CLEVR.Form.both(ask).program(choice)
    let answer = try? program.answer(in: scene)
    return program.steps.indices.allSatisfy { index in
      guard case .relate = program.steps[index].function else { return true }
      var shorter = program
      shorter.steps[index] = CLEVR.Program.Step(.scene)
      return (try? shorter.answer(in: scene)) != answer
    }
  }

  private func either(
    _ first: Int, _ second: Int, narrowedBy attribute: CLEVR.Attribute?,
    _ random: inout CounterRandom
  ) -> CLEVR.Choice? {
    let hidden = attribute.map { [$0] } ?? []
    guard let a = chain(first, first == 0 ? .any : .some, without: hidden, &random),
      let b = chain(second, second == 0 ? .any : .some, without: hidden, &random),
      first + second > 0 || a.objects != b.objects
    else { return nil }
    var choice = CLEVR.Choice(chains: [a.chain, b.chain])
    // "Things or …" would be all there is.
    guard !choice.chains.contains(where: { $0.nouns == [CLEVR.Description.all[0]] }) else {
      return nil
    }
    if let values = attribute?.values {
      let value = values[Int(random.integer(below: UInt32(values.count)))]
      choice.noun = choice.noun.with(value)
    }
    return choice
  }

  private func compareCounts(
    _ first: Int, _ second: Int, _ random: inout CounterRandom
  ) -> CLEVR.Choice? {
    guard let a = chain(first, .any, &random), let b = chain(second, .any, &random),
      first + second > 0 || a.objects != b.objects, first + second < 2 || a.reference != b.reference
    else { return nil }
    return CLEVR.Choice(chains: [a.chain, b.chain])
  }

  private func compareValues(
    _ attribute: CLEVR.Attribute, _ first: Int, _ second: Int, _ random: inout CounterRandom
  ) -> CLEVR.Choice? {
    guard let a = chain(first, .one, without: [attribute], &random),
      let b = chain(second, .one, without: [attribute], &random), a.objects != b.objects
    else { return nil }
    return CLEVR.Choice(chains: [a.chain, b.chain])
  }

  private func direction(_ random: inout CounterRandom) -> CLEVR.Direction {
    CLEVR.Direction.allCases[Int(random.integer(below: 4))]
  }
}

extension CLEVR.Ask {
  /// Which descriptions of the last objects are wanted.
  fileprivate var want: CLEVR.SceneIndex.Want {
    switch self {
    case .count: .any
    case .exist: .someOrNone
    case .query: .one
    }
  }

  /// What a question does not say, because it asks for it.
  fileprivate var hidden: [CLEVR.Attribute] {
    if case .query(let attribute) = self { [attribute] } else { [] }
  }
}
