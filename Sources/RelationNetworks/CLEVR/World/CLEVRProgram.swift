// What a question of CLEVR asks, as a program: filter, relate, count, compare.

extension CLEVR {
  /// A function of programs.
  public enum Function: Hashable, Sendable {
    /// All objects of the scene.
    case scene
    /// The only one of some objects.
    case unique
    /// Those of some objects that have a value.
    case filter(AttributeValue)
    /// The objects that lie in a direction from an object.
    case relate(Direction)
    /// The other objects that share an attribute's value with an object.
    case same(Attribute)
    /// What is in both, or in either, of two sets of objects.
    case intersect, union
    /// How many some objects are.
    case count
    /// Whether there are any.
    case exist
    /// The value of an object's attribute.
    case query(Attribute)
    /// Whether two values of an attribute are the same.
    case equal(Attribute)
    /// Comparisons of two numbers.
    case equalInteger, lessThan, greaterThan

    /// How many inputs it has.
    public var inputCount: Int {
      switch self {
      case .scene: 0
      case .unique, .filter, .relate, .same, .count, .exist, .query: 1
      case .intersect, .union, .equal, .equalInteger, .lessThan, .greaterThan: 2
      }
    }

    /// The name in files.
    public var name: String {
      switch self {
      case .filter(let value): "filter_\(value.attribute.name)"
      case .same(let attribute): "same_\(attribute.name)"
      case .query(let attribute): "query_\(attribute.name)"
      case .equal(let attribute): "equal_\(attribute.name)"
      case .equalInteger: "equal_integer"
      case .lessThan: "less_than"
      case .greaterThan: "greater_than"
      case .relate: "relate"
      case .scene, .unique, .intersect, .union, .count, .exist: "\(self)"
      }
    }

    /// The argument in files; `nil` if it has none.
    public var argument: String? {
      switch self {
      case .filter(let value): value.name
      case .relate(let direction): direction.name
      default: nil
      }
    }
  }

  /// Functions that are applied in order; the last one gives the answer.
  public struct Program: Hashable, Sendable {
    /// A function and what it is applied to.
    public struct Step: Hashable, Sendable {
      /// The function.
      public var function: Function
      /// The steps whose results it is applied to.
      public var inputs: [Int]

      /// A function of the results of earlier steps.
      public init(_ function: Function, _ inputs: [Int] = []) {
        self.function = function
        self.inputs = inputs
      }
    }

    /// The steps.
    public var steps: [Step]

    /// A program of the given steps.
    public init(_ steps: [Step]) { self.steps = steps }

    /// The kind of question that it answers: by the last function.
    public var category: Category? {
      switch steps.last?.function {
      case .count: .count
      case .exist: .exist
      case .equalInteger, .lessThan, .greaterThan: .compareNumbers
      case .query: .queryAttribute
      case .equal: .compareAttribute
      default: nil
      }
    }
  }

  /// The kinds of questions that results are told by (table 1 of the paper).
  public enum Category: Int, CaseIterable, Sendable {
    case count, exist, compareNumbers, queryAttribute, compareAttribute

    /// The name in reports.
    public var name: String {
      switch self {
      case .count: "count"
      case .exist: "exist"
      case .compareNumbers: "compare_numbers"
      case .queryAttribute: "query_attribute"
      case .compareAttribute: "compare_attribute"
      }
    }
  }
}
