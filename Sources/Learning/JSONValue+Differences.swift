// Where two pieces of JSON differ, key by key.

/// A key under which two pieces of JSON hold different values.
public struct JSONDifference: Hashable, Sendable {
  /// The dotted key.
  public let key: String
  /// What the first holds; `nil` if nothing.
  public let first: JSONValue?
  /// What the second holds; `nil` if nothing.
  public let second: JSONValue?

  /// What the first holds, on a line of its own.
  public var firstText: String { Self.brief(first) }
  /// What the second holds, on a line of its own.
  public var secondText: String { Self.brief(second) }

  private static func brief(_ value: JSONValue?) -> String {
    let text = value?.text ?? "none"
    return text.count > 120 ? text.prefix(119) + "…" : text
  }
}

extension JSONValue {
  /// The keys, in order, under which another piece of JSON holds something else.
  public func differences(from other: JSONValue) -> [JSONDifference] {
    Self.differences(self, other, key: [])
  }

  private static func differences(
    _ first: JSONValue?, _ second: JSONValue?, key: [String]
  ) -> [JSONDifference] {
    guard first != second else { return [] }
    guard case .object(let own)? = first, case .object(let others)? = second else {
      return [
        JSONDifference(key: key.joined(separator: "."), first: first, second: second)
      ]
    }
    return Set(own.keys).union(others.keys).sorted().flatMap {
      differences(own[$0], others[$0], key: key + [$0])
    }
  }

  /// The JSON on one line, as people read it.
  public var text: String {
    switch self {
    case .null: "none"
    case .boolean(let value): String(value)
    case .integer(let value): String(value)
    case .number(let value): String(value)
    case .string(let value): value
    case .array(let values): "[" + values.map(\.text).joined(separator: ", ") + "]"
    case .object(let members):
      "{"
        + members.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.text)" }
        .joined(separator: ", ") + "}"
    }
  }
}
