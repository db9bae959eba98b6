// A long list inside of a JSON object, as CLEVR's files have them, element by element.

import Files
import Foundation
import Learning

/// The elements of a list that is a member of the object in a JSON file.
///
///     {"info": {…}, "questions": [{…}, {…}, …]}
///
/// The file is mapped, and one element at a time becomes anything else than its bytes, however long
/// the file is.
struct JSONMemberList {
  private let file: MappedFile
  private let member: String
  private let element: String

  /// The list under a name in a file; an element is called `element` in errors.
  ///
  /// Throws if the file cannot be opened.
  init(_ member: String, of element: String, in path: String) throws(FileError) {
    file = try MappedFile(path)
    self.member = member
    self.element = element
  }

  /// Calls `body` with each element.
  ///
  /// Throws a `FileError` if the file is no such object; what `body` throws becomes one that names
  /// the element.
  func forEach<Element>(
    as understand: (JSONFields) throws -> Element, _ body: (Element) throws -> Void
  ) throws {
    try file.withBytes { bytes in
      var parser = JSONParser(bytes)
      var isFound = false
      do {
        try parser.sequence(from: "{", to: "}") { parser in
          if try parser.name() == member && !isFound {
            isFound = true
            try forEachElement(&parser, understand, body)
          } else {
            _ = try parser.value()
          }
        }
        guard isFound else {
          throw FileError(in: file.path, "there is no list \"\(member)\" in it")
        }
        guard parser.isAtEnd() else { throw FileError(in: file.path, "something follows its end") }
      } catch let problem as JSONParser.Problem {
        throw FileError(in: file.path, problem.description)
      }
    }
  }

  private func forEachElement<Element>(
    _ parser: inout JSONParser, _ understand: (JSONFields) throws -> Element,
    _ body: (Element) throws -> Void
  ) throws {
    var index = 0
    try parser.sequence(from: "[", to: "]") { parser in
      let value: Element
      do { value = try understand(JSONFields(try parser.value())) } catch {
        throw FileError(in: file.path, "\(element) \(index): \(error)")
      }
      try body(value)
      index += 1
    }
  }
}

/// What cannot be meant, as a part of a sentence.
struct JSONFieldProblem: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// The members of a JSON object by the kinds that are wanted.
struct JSONFields {
  private let members: [String: JSONValue]

  /// The members of an object.
  init(_ value: JSONValue) throws(JSONFieldProblem) {
    guard case .object(let members) = value else {
      throw JSONFieldProblem("here should be an object, {…}")
    }
    self.members = members
  }

  /// The member of a name; `nil` if it is missing or null.
  subscript(name: String) -> JSONValue? { members[name].flatMap { $0 == .null ? nil : $0 } }

  /// A whole number.
  func integer(_ name: String) throws(JSONFieldProblem) -> Int {
    guard case .integer(let number) = try value(name) else { throw misfit(name, "a whole number") }
    return number
  }

  /// A number.
  func number(_ name: String) throws(JSONFieldProblem) -> Double {
    guard let number = Self.number(try value(name)) else { throw misfit(name, "a number") }
    return number
  }

  /// A text.
  func text(_ name: String) throws(JSONFieldProblem) -> String {
    guard case .string(let text) = try value(name) else { throw misfit(name, "a text") }
    return text
  }

  /// A list.
  func list(_ name: String) throws(JSONFieldProblem) -> [JSONValue] {
    guard case .array(let elements) = try value(name) else { throw misfit(name, "a list") }
    return elements
  }

  /// A list of whole numbers.
  func integers(_ name: String) throws(JSONFieldProblem) -> [Int] {
    guard let numbers = Self.integers(.array(try list(name))) else {
      throw misfit(name, "a list of whole numbers")
    }
    return numbers
  }

  /// A list of three numbers.
  func vector(_ name: String) throws(JSONFieldProblem) -> SIMD3<Double> {
    let numbers = try list(name).compactMap { Self.number($0) }
    guard numbers.count == 3, try list(name).count == 3 else {
      throw misfit(name, "a list of three numbers")
    }
    return SIMD3(numbers[0], numbers[1], numbers[2])
  }

  /// The members of an object.
  func fields(_ name: String) throws(JSONFieldProblem) -> JSONFields {
    let value = try value(name)
    guard case .object = value else { throw misfit(name, "an object") }
    return try JSONFields(value)
  }

  /// The whole numbers of a list; `nil` if it is something else.
  static func integers(_ value: JSONValue) -> [Int]? {
    guard case .array(let elements) = value else { return nil }
    let numbers = elements.compactMap { if case .integer(let number) = $0 { number } else { nil } }
    return numbers.count == elements.count ? numbers : nil
  }

  private static func number(_ value: JSONValue) -> Double? {
    switch value {
    case .integer(let number): Double(number)
    case .number(let number): number
    default: nil
    }
  }

  private func value(_ name: String) throws(JSONFieldProblem) -> JSONValue {
    guard let value = self[name] else { throw JSONFieldProblem("\"\(name)\" is missing") }
    return value
  }

  private func misfit(_ name: String, _ kind: String) -> JSONFieldProblem {
    JSONFieldProblem("\"\(name)\" is not \(kind)")
  }
}
