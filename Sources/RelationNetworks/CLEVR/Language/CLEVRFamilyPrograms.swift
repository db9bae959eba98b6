// From the choices that make a question of CLEVR to its program, as the published files order it.

extension CLEVR.Form {
  /// The program of a question of this form.
  func program(_ choice: CLEVR.Choice) -> CLEVR.Program {
    var program = ProgramBuilder()
    let chains = choice.chains
    switch self {
    case .chain(_, let ask): program.ask(ask, of: program.chain(chains[0]))
    case .same(let attribute, _, let ask):
      let reference = program.add(.unique, program.chain(chains[0]))
      let objects = program.filter(choice.noun, program.add(.same(attribute), reference))
      program.ask(ask, of: objects)
    case .both(let ask):
      let related = zip(chains, choice.directions).map { chain, direction in
        program.add(.relate(direction), program.add(.unique, program.chain(chain)))
      }
      program.ask(ask, of: program.filter(choice.noun, program.add(.intersect, related)))
    case .either(_, _, let attribute):
      let scenes = attribute == .shape ? chains.map { _ in program.add(.scene) } : nil
      let objects = chains.indices.map { program.chain(chains[$0], from: scenes?[$0]) }
      program.ask(.count, of: program.filter(choice.noun, program.add(.union, objects)))
    case .compareCounts(let comparison, _, _):
      let counts = chains.map { program.add(.count, program.chain($0)) }
      program.add(comparison, counts)
    case .compareValues(let attribute, let first, let second):
      // Two of the families look both objects up before they ask.
      let looksUpFirst = first + second == 0 && (attribute == .size || attribute == .color)
      var inputs = chains.map { chain in
        let object = program.add(.unique, program.chain(chain))
        return looksUpFirst ? object : program.add(.query(attribute), object)
      }
      if looksUpFirst { inputs = inputs.map { program.add(.query(attribute), $0) } }
      program.add(.equal(attribute), inputs)
    }
    return CLEVR.Program(program.steps)
  }
}

/// The steps of a program, one after another.
private struct ProgramBuilder {
  var steps: [CLEVR.Program.Step] = []

  /// Adds a step, and returns its number.
  @discardableResult
  mutating func add(_ function: CLEVR.Function, _ inputs: [Int] = []) -> Int {
    steps.append(CLEVR.Program.Step(function, inputs))
    return steps.count - 1
  }

  @discardableResult
  mutating func add(_ function: CLEVR.Function, _ input: Int) -> Int { add(function, [input]) }

  mutating func filter(_ noun: CLEVR.Description, _ input: Int) -> Int {
    noun.values.reduce(input) { add(.filter($1), $0) }
  }

  /// The objects of a chain.
  mutating func chain(_ chain: CLEVR.Chain, from scene: Int? = nil) -> Int {
    var objects = filter(chain.nouns[0], scene ?? add(.scene))
    for (noun, direction) in zip(chain.nouns.dropFirst(), chain.directions) {
      objects = filter(noun, add(.relate(direction), add(.unique, objects)))
    }
    return objects
  }

  mutating func ask(_ ask: CLEVR.Ask, of objects: Int) {
    switch ask {
    case .count: add(.count, objects)
    case .exist: add(.exist, objects)
    case .query(let attribute): add(.query(attribute), add(.unique, objects))
    }
  }
}
