// The patterns of CLEVR's questions.
//
// In a pattern, words of capital letters are slots: A the name of an attribute, D objects with
// their definite article and I with the indefinite one, N a noun and NS its plural, R the words of
// a relation, W an object that is referred to, X and Y two chains and XS and YS their plurals, S
// what shares an attribute, O "other" where that has to be said, AN "a" or "another". What stands
// in brackets is left out half of the time.

extension CLEVR.Form {
  /// A question of this form in English.
  func text(_ choice: CLEVR.Choice, _ speaker: inout CLEVR.Speaker) -> String {
    switch self {
    case .chain(let hops, let ask): chainText(hops, ask, choice.chains[0], &speaker)
    case .same(let attribute, let isDescribed, let ask):
      sameText(attribute, isDescribed, ask, choice, &speaker)
    case .both(let ask): bothText(ask, choice, &speaker)
    case .either:
      speaker.say(
        Self.counting.map { "\($0) NS are [either] XS or YS?" },
        [
          "NS": speaker.noun(choice.noun, plural: true),
          "XS": speaker.chain(choice.chains[0], plural: true),
          "YS": speaker.chain(choice.chains[1], plural: true),
        ])
    case .compareCounts(let comparison, _, _):
      speaker.say(
        comparison.countPatterns,
        [
          "XS": speaker.chain(choice.chains[0], plural: true),
          "YS": speaker.chain(choice.chains[1], plural: true),
        ])
    case .compareValues(let attribute, let first, let second):
      speaker.say(
        attribute.comparisonPatterns(hops: first + second),
        [
          "A": attribute.name, "X": speaker.chain(choice.chains[0]),
          "Y": speaker.chain(choice.chains[1]),
        ])
    }
  }

  private static let counting = ["How many", "What number of"]

  private func chainText(
    _ hops: Int, _ ask: CLEVR.Ask, _ chain: CLEVR.Chain, _ speaker: inout CLEVR.Speaker
  ) -> String {
    if case .query(let attribute) = ask {
      return query(attribute, "the", "a", speaker.chain(chain), &speaker)
    }
    let last = chain.nouns[hops]
    var slots = ["N": speaker.noun(last), "NS": speaker.noun(last, plural: true)]
    if let direction = chain.directions.last {
      slots["R"] = speaker.oneOf(direction.words)
      slots["W"] = speaker.chain(chain.withoutLastHop)
    }
    return speaker.say(ask == .count ? Self.countPatterns(hops) : Self.existPatterns(hops), slots)
  }

  private static func countPatterns(_ hops: Int) -> [String] {
    hops == 0
      ? counting.map { "\($0) NS are there?" }
      : counting.map { "\($0) NS are R the W?" }
        + counting.map { "There is a W; \($0.lowercased()) NS are R it?" }
  }

  private static func existPatterns(_ hops: Int) -> [String] {
    switch hops {
    case 0: ["Are any NS visible?", "Are there any NS?", "Is there a N?"]
    case 1: ["Are there any NS R the W?", "There is a W; are there any NS R it?"]
    default:
      [
        "Are there any NS [that_are] R the W?", "Is there a N [that_is] R the W?",
        "There is a W; are there any NS [that_are] R it?",
        "There is a W; is there a N [that_is] R it?",
      ]
    }
  }

  private func bothText(
    _ ask: CLEVR.Ask, _ choice: CLEVR.Choice, _ speaker: inout CLEVR.Speaker
  ) -> String {
    // The published questions name them in the reverse order of their programs.
    let relations = zip(choice.chains, choice.directions).reversed().map { chain, direction in
      "\(speaker.oneOf(direction.words)) the \(speaker.chain(chain))"
    }
    let related = speaker.oneOf(["", "both "]) + relations.joined(separator: " and ")
    if case .query(let attribute) = ask {
      return query(
        attribute, "the", "a", "\(speaker.noun(choice.noun)) that is \(related)", &speaker)
    }
    return speaker.say(
      Self.counting.map { "\($0) NS are R?" },
      ["NS": speaker.noun(choice.noun, plural: true), "R": related])
  }

  private func sameText(
    _ attribute: CLEVR.Attribute, _ isDescribed: Bool, _ ask: CLEVR.Ask, _ choice: CLEVR.Choice,
    _ speaker: inout CLEVR.Speaker
  ) -> String {
    let reference = choice.chains[0].nouns[0]
    let isOther = choice.noun.mayFitWhat(reference)
    let made = attribute == .material ? speaker.oneOf(["made of ", ""]) : ""
    let like = "the same \(attribute.name) as the \(speaker.noun(reference))"
    let noun = speaker.noun(choice.noun)
    if case .query(let asked) = ask {
      return query(
        asked, isOther ? "the other" : "the", isOther ? "another" : "a",
        "\(noun) that is \(made)\(like)", &speaker)
    }
    let slots = [
      "S": made + like, "L": like, "N": noun, "NS": noun + "s", "O": isOther ? "other" : "",
      "AN": isOther ? "another" : "a",
    ]
    let patterns =
      switch (ask, isDescribed) {
      case (.count, true): Self.counting.flatMap { ["\($0) O NS are S?", "\($0) O NS have L?"] }
      case (.count, false): Self.sharedCounts(attribute)
      case (_, true): Self.described(attribute == .material ? "made of" : "of")
      case (_, false): Self.anyOther(attribute)
      }
    return speaker.say(patterns, slots)
  }

  private static func described(_ of: String) -> [String] {
    [
      "Are there any O NS \(of) L?", "Are there any O NS that have L?", "Is there AN N \(of) L?",
      "Is there AN N that has L?",
    ]
  }

  private static func anyOther(_ attribute: CLEVR.Attribute) -> [String] {
    let subjects = [
      ("Are there any other NS", "are", "have"), ("Is there any other N", "is", "has"),
      ("Is there anything else", "is", "has"),
    ]
    return subjects.flatMap { subject, be, have in
      ["\(subject) that \(be) S?", "\(subject) that \(have) L?"]
        + (attribute == .color ? ["\(subject) of L?"] : [])
    }
  }

  private static func sharedCounts(_ attribute: CLEVR.Attribute) -> [String] {
    guard attribute == .material else {
      return counting.flatMap { ["\($0) other NS are L?", "\($0) other NS are there of L?"] }
    }
    // The published questions have "made of" after "things" only, and drop a question mark.
    return counting.flatMap {
      ["\($0) other objects are L?", "\($0) other things are [made_of] L?"]
    } + ["How many other NS are there of L?", "How many other NS are there of L?"]
      + ["What number of other NS are there of L?", "What number of other NS are there of L"]
  }
}

extension CLEVR.Form {
  /// A question for the value of an attribute of an object.
  private func query(
    _ attribute: CLEVR.Attribute, _ definite: String, _ indefinite: String, _ object: String,
    _ speaker: inout CLEVR.Speaker
  ) -> String {
    speaker.say(
      queryPatterns(attribute),
      ["A": attribute.name, "D": "\(definite) \(object)", "I": "\(indefinite) \(object)"])
  }

  private func queryPatterns(_ attribute: CLEVR.Attribute) -> [String] {
    let direct = ["What A is D?", "What is the A of D?"]
    let indirect = ["There is I; what A is it?", "There is I; what is its A?"]
    let isWhat = ["D is what A?"]
    let hasWhat = ["D has what A?"]
    let howBig = ["How big is D?"]
    switch (self, attribute) {
    case (.chain(0, _), .shape):
      return direct + ["What is the A of D?", indirect[0]] + isWhat + hasWhat
    case (.chain(0, _), .material): return direct + ["What is D made of?"]
    case (.chain(0, _), .color): return direct + isWhat + hasWhat
    case (.chain(0, _), .size): return direct + isWhat + hasWhat + howBig
    case (.same, .material): return direct + indirect + ["There is I; what is it made of?"]
    case (.same, _): return direct + indirect + isWhat
    case (_, .size): return direct + indirect + howBig + ["There is I; how big is it?"]
    case (_, .color): return direct + indirect + isWhat
    case (.chain(1, _), .shape), (.both, .shape): return direct + indirect + hasWhat
    case (_, .shape): return direct + indirect + isWhat
    case (.chain(1, _), .material):
      return direct + indirect + ["There is I; what is it made of?", "What is D made of?"]
    case (.both, .material):
      return direct + indirect + [
        "There is I; what [A] is it made of?", "D is made of what A?", "What is D made of?",
      ]
    case (_, .material):
      return direct + [
        indirect[1], "There is I; what is it made of?", "D is made of what A?",
        "What [A] is D made of?",
      ]
    }
  }
}

extension CLEVR.Function {
  /// The patterns that compare numbers of objects.
  fileprivate var countPatterns: [String] {
    switch self {
    case .lessThan:
      ["Are there fewer XS than YS?", "Is the number of XS less than the number of YS?"]
    case .greaterThan:
      ["Are there more XS than YS?", "Is the number of XS greater than the number of YS?"]
    default:
      [
        "Are there an equal number of XS and YS?", "Are there the same number of XS and YS?",
        "Is the number of XS the same as the number of YS?",
      ]
    }
  }
}

extension CLEVR.Attribute {
  /// The patterns that compare the attribute of two objects that so many hops lead to.
  fileprivate func comparisonPatterns(hops: Int) -> [String] {
    let direct = [
      "Do the X and the Y have the same A?", "Does the X have the same A as the Y?",
      "Is the A of the X the same as the Y?",
    ]
    if self == .material {
      return direct + [
        "Are the X and the Y made of the same A?", "Is the X made of the same A as the Y?",
      ]
    }
    if hops == 0 {
      return direct + ["Is the X the same A as the Y?"] + (self == .size ? [direct[0]] : [])
    }
    return direct
      + [
        "does it have the same A as the Y?", "is it the same A as the Y?",
        "is its A the same as the Y?",
      ]
      .map { "There is a X; \($0)" }
  }
}

extension CLEVR.Description {
  /// Whether what it describes might be taken for the object of another description, so that
  /// "other" has to be said: no attribute of both differs, and both name the shape or neither.
  fileprivate func mayFitWhat(_ other: CLEVR.Description) -> Bool {
    self[.shape] == other[.shape]
      && CLEVR.Attribute.allCases.allSatisfy {
        self[$0] == nil || other[$0] == nil || self[$0] == other[$0]
      }
  }
}
