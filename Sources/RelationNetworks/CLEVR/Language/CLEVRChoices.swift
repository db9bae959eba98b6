// What a question of CLEVR may speak of in a scene, drawn as the published generator draws it.

import Tensors

extension CLEVR {
  /// The objects of a scene by what can be said of them.
  struct SceneIndex {
    let scene: Scene
    /// The objects that each of the 324 descriptions fits, at its code.
    private let fitting: [Objects]
    /// The codes of descriptions that fit some object.
    private let present: [Int]

    init(_ scene: Scene) {
      self.scene = scene
      // In the order of the codes: the first attribute's values change fastest.
      var fitting = [scene.all]
      for attribute in Attribute.allCases {
        let choices = [scene.all] + attribute.values.map { scene.objects($0) }
        fitting = choices.flatMap { choice in fitting.map { $0.intersection(choice) } }
      }
      present = fitting.indices.filter { !fitting[$0].isEmpty }
      self.fitting = fitting
    }

    /// Which descriptions are wanted.
    enum Want {
      /// Those that fit one object.
      case one
      /// Those that fit some.
      case some
      /// Those that fit some, and about as many that fit none as fit one: for counting.
      case any
      /// Those that fit some, and as many that fit none: for asking whether there are any.
      case someOrNone
    }

    /// A description of objects among `candidates` that leaves out some attributes.
    func describe(
      _ candidates: Objects, _ want: Want, without hidden: [Attribute] = [],
      _ random: inout CounterRandom
    ) -> (noun: Description, objects: Objects)? {
      var options = present
      if want == .one {
        options = present.filter { fitting[$0].intersection(candidates).count == 1 }
      }
      // Descriptions of what is not there are as many as of what is, or as of what is there once.
      let absent =
        switch want {
        case .one, .some: 0
        case .any: present.count { fitting[$0].intersection(candidates).count == 1 }
        case .someOrNone: present.count
        }
      guard options.count + absent > 0 else { return nil }
      for _ in 0..<64 {
        let drawn = Int(random.integer(below: UInt32(options.count + absent)))
        let code = drawn < options.count ? options[drawn] : absentCode(&random)
        let noun = Description.all[code]
        if hidden.allSatisfy({ noun[$0] == nil }) {
          return (noun, fitting[code].intersection(candidates))
        }
      }
      return nil
    }

    /// A direction from an object and a description of objects there.
    ///
    /// A description that would do without the direction is one in ten, as published.
    func describe(
      relatedTo object: Int, _ want: Want, without hidden: [Attribute] = [],
      _ random: inout CounterRandom
    ) -> (direction: Direction, noun: Description, objects: Objects)? {
      var options: [(direction: Direction, code: Int)] = []
      var idle: [(direction: Direction, code: Int)] = []
      for direction in Direction.allCases {
        let related = scene.objects(direction, of: object)
        for code in present {
          let objects = fitting[code].intersection(related)
          if want == .one && objects.count != 1 || want == .some && objects.isEmpty { continue }
          if objects == fitting[code] {
            idle.append((direction, code))
          } else {
            options.append((direction, code))
          }
        }
      }
      let idleCount = min(idle.count, (options.count + 4) / 9)
      guard options.count + idleCount > 0 else { return nil }
      for _ in 0..<64 {
        let drawn = Int(random.integer(below: UInt32(options.count + idleCount)))
        let option =
          drawn < options.count
          ? options[drawn] : idle[Int(random.integer(below: UInt32(idle.count)))]
        let noun = Description.all[option.code]
        if hidden.allSatisfy({ noun[$0] == nil }) {
          let related = scene.objects(option.direction, of: object)
          return (option.direction, noun, fitting[option.code].intersection(related))
        }
      }
      return nil
    }

    /// A description that fits nothing; an attribute's values and its absence are equally likely.
    ///
    /// No ten objects need all 324 descriptions, so there is one.
    private func absentCode(_ random: inout CounterRandom) -> Int {
      while true {
        let code = Int(random.integer(below: UInt32(Description.count)))
        if fitting[code].isEmpty { return code }
      }
    }
  }
}
