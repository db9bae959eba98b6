// One setting, as it is said on the command line: refiner.steps=0.

import Foundation

/// A setting by its dotted key, and the text that it is to be set to.
public struct SettingEdit: Hashable, Sendable {
  /// The names from the outermost object to the setting.
  public let key: [String]
  /// The value as it was written.
  public let text: String

  /// The edit that `key=value` says; `nil` if the text is not of this form.
  public init?(_ argument: String) {
    guard let equals = argument.firstIndex(of: "=") else { return nil }
    let key = argument[..<equals].split(separator: ".", omittingEmptySubsequences: false)
    guard key.allSatisfy({ !$0.isEmpty }), !key.isEmpty else { return nil }
    self.key = key.map(String.init)
    text = String(argument[argument.index(after: equals)...])
  }

  /// The key as it is written.
  public var name: String { key.joined(separator: ".") }
}

extension JSONValue {
  /// The dotted keys of all values that are not objects, in order.
  public var keys: [String] {
    guard case .object(let members) = self else { return [] }
    return members.sorted { $0.key < $1.key }.flatMap { name, value -> [String] in
      if case .object(let inner) = value, !inner.isEmpty {
        return value.keys.map { "\(name).\($0)" }
      }
      return [name]
    }
  }

  /// The value under a dotted key; `nil` if there is none.
  public func value(at key: [String]) -> JSONValue? {
    guard let first = key.first else { return self }
    guard case .object(let members) = self else { return nil }
    return members[first]?.value(at: Array(key.dropFirst()))
  }

  /// Sets what an edit names.
  ///
  /// Throws a `CatalogueError` that lists the known keys, or says what the setting takes.
  public mutating func apply(_ edit: SettingEdit) throws(CatalogueError) {
    guard let present = value(at: edit.key) else {
      throw CatalogueError(unknown: edit.name, kind: "setting", known: keys)
    }
    if case .object(let members) = present, !members.isEmpty {
      throw CatalogueError(
        "\(edit.name) has settings of its own: "
          + present.keys.map { "\(edit.name).\($0)" }.joined(separator: ", "))
    }
    set(try present.parsed(edit), at: edit.key[...])
  }

  mutating func set(_ value: JSONValue, at key: ArraySlice<String>) {
    guard let first = key.first, case .object(var members) = self else {
      self = value
      return
    }
    members[first, default: .null].set(value, at: key.dropFirst())
    self = .object(members)
  }

  /// The value of an edit's text, of the kind that this is.
  private func parsed(_ edit: SettingEdit) throws(CatalogueError) -> JSONValue {
    func json(_ text: String) -> JSONValue? {
      try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
    }
    let text = edit.text
    switch (self, json(text)) {
    case (.string, _): return .string(text)
    case (.boolean, .boolean(let value)?): return .boolean(value)
    // A number that happens to be whole need not be; the family's settings know.
    case (.integer, .some(let value)), (.number, .some(let value)):
      switch value {
      case .integer, .number: return value
      default: break
      }
    case (.array, .array(let values)?): return .array(values)
    case (.array(let present), _):
      // A list may be written without its brackets, and one of words without their quotes.
      if case .array(let values)? = json("[\(text)]") { return .array(values) }
      if present.allSatisfy(\.isString) {
        return .array(text.split(separator: ",").map { .string(String($0)) })
      }
    case (.null, let value): return value ?? .string(text)
    case (.object, .object(let members)?): return .object(members)
    default: break
    }
    throw CatalogueError("\(edit.name) takes \(kind), not \"\(text)\"")
  }

  private var isString: Bool { if case .string = self { true } else { false } }

  private var kind: String {
    switch self {
    case .null: "any value"
    case .boolean: "true or false"
    case .integer, .number: "a number"
    case .string: "a text"
    case .array: "a list such as 1,2,3"
    case .object: "an object"
    }
  }
}
