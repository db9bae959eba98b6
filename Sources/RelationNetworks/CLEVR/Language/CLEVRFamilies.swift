// The 90 families of CLEVR's questions: which program, and what it may speak of.

extension CLEVR {
  /// What is asked about the objects that a question leads to.
  enum Ask: Hashable, Sendable {
    case count
    case exist
    case query(Attribute)
  }

  /// The shape of a family's programs.
  ///
  /// A *chain* of n hops describes objects by n others: "small things left of the cube that is
  /// behind the red ball" has two.
  enum Form: Hashable, Sendable {
    /// A chain of hops.
    case chain(Int, Ask)
    /// The objects with an object's attribute, described further or not.
    case same(Attribute, isDescribed: Bool, Ask)
    /// The objects in a direction from one object and in a direction from another.
    case both(Ask)
    /// How many objects are of either of two chains, and have a value of an attribute.
    case either(Int, Int, narrowedBy: Attribute?)
    /// The sizes of two chains, compared.
    case compareCounts(Function, Int, Int)
    /// An attribute of the objects of two chains, compared.
    case compareValues(Attribute, Int, Int)
  }

  /// The forms of the families, at the families' numbers.
  ///
  /// The nine groups come in alphabetical order: compare_integer, comparison, one_hop, same_relate,
  /// single_and, single_or, three_hop, two_hop, zero_hop.
  static let forms: [Form] = {
    let hops = [(0, 0), (1, 0), (1, 1)]
    let comparisons: [Function] = [.equalInteger, .lessThan, .greaterThan]
    var forms: [Form] = hops.flatMap { first, second in
      comparisons.map { .compareCounts($0, first, second) }
    }
    forms += Attribute.allCases.map { .compareValues($0, 0, 0) }
    for attribute in Attribute.allCases {
      forms += [(1, 0), (0, 1), (1, 1)].map { .compareValues(attribute, $0, $1) }
    }
    forms += chain(1, [.size, .color, .material, .shape])
    for (ask, isDescribed) in [(Ask.exist, false), (.count, false), (.exist, true), (.count, true)]
    {
      forms += Attribute.allCases.map { .same($0, isDescribed: isDescribed, ask) }
    }
    for attribute in Attribute.allCases {
      forms += Attribute.allCases.filter { $0 != attribute }
        .map { .same(attribute, isDescribed: true, .query($0)) }
    }
    forms += [.both(.count)] + Attribute.allCases.map { .both(.query($0)) }
    forms += [
      .either(0, 0, narrowedBy: nil), .either(0, 0, narrowedBy: .size),
      .either(0, 0, narrowedBy: .color), .either(1, 1, narrowedBy: nil),
      .either(0, 0, narrowedBy: .material), .either(0, 0, narrowedBy: .shape),
      .either(1, 0, narrowedBy: nil), .either(0, 1, narrowedBy: nil),
    ]
    forms += chain(3, [.size, .shape, .color, .material])
    forms += chain(2, [.size, .color, .material, .shape])
    forms += chain(0, [.shape, .material, .color, .size])
    return forms
  }()

  private static func chain(_ hops: Int, _ queries: [Attribute]) -> [Form] {
    [.chain(hops, .count), .chain(hops, .exist)] + queries.map { .chain(hops, .query($0)) }
  }
}

extension CLEVR {
  /// What a noun phrase says of objects: a value or nothing for each attribute.
  struct Description: Hashable, Sendable {
    /// The values at the attributes' raw values.
    private var given: [AttributeValue?]

    /// Number `code` of the 324 descriptions; the first one says nothing.
    init(code: Int) {
      var rest = code
      given = Attribute.allCases.map { attribute in
        let values = attribute.values
        defer { rest /= values.count + 1 }
        let choice = rest % (values.count + 1)
        return choice == 0 ? nil : values[choice - 1]
      }
    }

    /// The number of different descriptions.
    static let count = Attribute.allCases.reduce(1) { $0 * ($1.values.count + 1) }

    /// All descriptions at their codes.
    static let all = (0..<count).map { Description(code: $0) }

    /// What it says of an attribute.
    subscript(attribute: Attribute) -> AttributeValue? { given[attribute.rawValue] }

    /// The values that it gives, in the order of programs: size, colour, material, shape.
    var values: [AttributeValue] { given.compactMap { $0 } }

    /// The same that gives a value.
    func with(_ value: AttributeValue) -> Description {
      var other = self
      other.given[value.attribute.rawValue] = value
      return other
    }
  }

  /// Objects that are described by others: the nouns and the directions that lead from each to the
  /// next.
  struct Chain: Hashable, Sendable {
    /// The descriptions; the first is of an object that the scene has once.
    var nouns: [Description]
    /// The directions, one fewer.
    var directions: [Direction]
  }

  /// All that a question leaves open within its family.
  struct Choice: Hashable, Sendable {
    /// What is described.
    var chains: [Chain]
    /// The direction from each chain, if the form has them.
    var directions: [Direction] = []
    /// What is said of the objects that the form leads to.
    var noun = Description.all[0]
  }
}
