// How CLEVR's questions name objects and directions: nouns, adjectives and their synonyms.

import Tensors

extension CLEVR.AttributeValue {
  /// The words for the value, which are equally likely.
  var words: [String] {
    switch self {
    case .size(.large): ["large", "big"]
    case .size(.small): ["small", "tiny"]
    case .material(.rubber): ["rubber", "matte"]
    case .material(.metal): ["metallic", "metal", "shiny"]
    case .shape(.cube): ["cube", "block"]
    case .shape(.sphere): ["sphere", "ball"]
    case .shape(.cylinder), .color: [name]
    }
  }
}

extension CLEVR.Direction {
  /// The words for the direction, which are equally likely.
  var words: [String] {
    switch self {
    case .left, .right: ["\(name) of", "to the \(name) of", "on the \(name) side of"]
    case .front: ["in front of"]
    case .behind: ["behind"]
    }
  }
}

extension CLEVR {
  /// Puts choices into words; every draw is from the same stream of random numbers.
  struct Speaker {
    private var random: CounterRandom

    init(_ random: CounterRandom) { self.random = random }

    /// Any of some things.
    mutating func oneOf<Thing>(_ things: [Thing]) -> Thing {
      things[Int(random.integer(below: UInt32(things.count)))]
    }

    /// A noun phrase without its article: "tiny cyan blocks".
    mutating func noun(_ description: Description, plural: Bool = false) -> String {
      var words = description.values.map { oneOf($0.words) }
      if description[.shape] == nil { words.append(oneOf(["thing", "object"])) }
      return words.joined(separator: " ") + (plural ? "s" : "")
    }

    /// The objects of a chain without their article: "small things that are left of the cube".
    mutating func chain(_ chain: Chain, plural: Bool = false) -> String {
      let noun = noun(chain.nouns[chain.nouns.count - 1], plural: plural)
      guard !chain.directions.isEmpty else { return noun }
      let pronoun = oneOf(["", plural ? "that are " : "that is "])
      return "\(noun) \(pronoun)\(relation(chain))"
    }

    /// The last hop of a chain: "left of the cube that is behind the ball".
    mutating func relation(_ chain: Chain) -> String {
      let direction = oneOf(chain.directions[chain.directions.count - 1].words)
      return "\(direction) the \(self.chain(chain.withoutLastHop))"
    }

    /// One of some patterns, spoken.
    ///
    /// The words of a pattern that `slots` names are replaced, and words in brackets are left out
    /// half of the time.
    mutating func say(_ patterns: [String], _ slots: [String: String]) -> String {
      var words: [String] = []
      for var word in oneOf(patterns).split(separator: " ") {
        if word.hasPrefix("[") {
          if oneOf([true, false]) { continue }
          word = word.dropFirst().dropLast()
        }
        let name = word.prefix { $0.isLetter }
        let text = slots[String(name)].map { $0 + word.dropFirst(name.count) }
        words.append(text ?? String(word.replacing("_", with: " ")))
      }
      words.removeAll(where: \.isEmpty)
      let sentence = words.joined(separator: " ")
      return sentence.prefix(1).uppercased() + sentence.dropFirst()
    }
  }
}

extension CLEVR.Chain {
  /// The chain that leads to the object that the last one is related to.
  var withoutLastHop: CLEVR.Chain {
    CLEVR.Chain(nouns: Array(nouns.dropLast()), directions: Array(directions.dropLast()))
  }
}
