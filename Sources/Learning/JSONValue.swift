// JSON whose meaning belongs to somebody else.

import Foundation

/// A piece of JSON that is carried without being understood: the settings of a task, which only its
/// family can read.
public enum JSONValue: Codable, Hashable, Sendable {
  /// `null`.
  case null
  /// `true` or `false`.
  case boolean(Bool)
  /// A whole number.
  case integer(Int)
  /// Any other number.
  case number(Double)
  /// A text.
  case string(String)
  /// A list.
  case array([JSONValue])
  /// Values by name.
  case object([String: JSONValue])

  /// Reads any JSON.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .boolean(value)
    } else if let value = try? container.decode(Int.self) {
      self = .integer(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  /// Writes the JSON it was read from, up to the order of names.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .boolean(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .array(let value): try container.encode(value)
    case .object(let value): try container.encode(value)
    }
  }
}

extension JSONValue {
  /// The JSON of any value.
  public init(encoding value: some Encodable) throws {
    self = try JSONDecoder().decode(JSONValue.self, from: try JSONEncoder().encode(value))
  }

  /// The value that the JSON describes, and nothing beside it.
  ///
  /// Throws a `CatalogueError` that names the first key that the value does not have or whose
  /// number it cannot take, or a `DecodingError` if something is missing or of another kind.
  public func decodedStrictly<Value: Codable>(as type: Value.Type) throws -> Value {
    do { return try Self.decodeStrictly(type, from: try JSONEncoder().encode(self)) } catch {
      guard !(error is CatalogueError), let misfit = firstMisfit(in: type) else { throw error }
      throw CatalogueError("\(misfit); give a whole number from 0 to \(Int.max)")
    }
  }

  /// The value that JSON describes, and nothing beside it.
  ///
  /// Throws a `CatalogueError` that names the first key that the value does not have, or a
  /// `DecodingError`. Whole numbers are read as the value has them, also those that `JSONValue`
  /// would round.
  public static func decodeStrictly<Value: Codable>(
    _ type: Value.Type, from data: Data
  ) throws -> Value {
    let decoder = JSONDecoder()
    let value = try decoder.decode(type, from: data)
    let given = try decoder.decode(JSONValue.self, from: data)
    if let unknown = given.firstKey(unknownTo: try JSONValue(encoding: value)) {
      throw CatalogueError(unknown: unknown.key, kind: "setting", known: unknown.known)
    }
    return value
  }

  private func decoded<Value: Decodable>(as type: Value.Type) throws -> Value {
    try JSONDecoder().decode(type, from: try JSONEncoder().encode(self))
  }

  /// The setting without whose numbers all could be decoded, and what it is.
  ///
  /// A decoder does not say which number is too large for a setting, or not whole.
  private func firstMisfit<Value: Decodable>(in type: Value.Type) -> String? {
    for name in keys {
      let key = name.split(separator: ".").map(String.init)
      guard let value = value(at: key), value != value.withOnes else { continue }
      var tried = self
      tried.set(value.withOnes, at: key[...])
      guard (try? tried.decoded(as: type)) != nil, let text = try? JSONEncoder().encode(value)
      else { continue }
      return "\(name) cannot be \(String(decoding: text, as: UTF8.self))"
    }
    return nil
  }

  /// The same with the number 1 for every number.
  private var withOnes: JSONValue {
    switch self {
    case .integer, .number: .integer(1)
    case .array(let values): .array(values.map(\.withOnes))
    default: self
    }
  }

  /// The first key, in order, that stands here and not in `other`, with those that do.
  ///
  /// What is `null` here may be missing there.
  private func firstKey(unknownTo other: JSONValue) -> (key: String, known: [String])? {
    switch (self, other) {
    case (.object(let own), .object(let others)):
      for (key, value) in own.sorted(by: { $0.key < $1.key }) {
        guard let counterpart = others[key] else {
          if value == .null { continue }
          return (key, others.keys.sorted())
        }
        if let unknown = value.firstKey(unknownTo: counterpart) {
          return ("\(key).\(unknown.key)", unknown.known.map { "\(key).\($0)" })
        }
      }
      return nil
    case (.array(let own), .array(let others)):
      return zip(own, others).lazy.compactMap { $0.firstKey(unknownTo: $1) }.first
    default: return nil
    }
  }
}
