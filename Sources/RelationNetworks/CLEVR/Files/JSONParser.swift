// JSON read quickly: files with hundreds of thousands of small objects.

import Foundation
import Learning

/// Reads values of JSON (RFC 8259) from bytes, one after another.
///
/// Foundation's decoder takes a hundred times as long for a question of CLEVR.
struct JSONParser {
  /// What is wrong, and where: a part of a sentence.
  struct Problem: Error, CustomStringConvertible {
    let description: String

    init(_ position: Int, _ wanted: String) {
      description = "at byte \(position) there should be \(wanted)"
    }
  }

  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  /// A parser of bytes that outlive it.
  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// The next byte that is no white space; 0 at the end.
  mutating func peek() -> UInt8 {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x0A, 0x0D, 0x09: position += 1
      case let byte: return byte
      }
    }
    return 0
  }

  /// Whether nothing but white space is left.
  mutating func isAtEnd() -> Bool { peek() == 0 && position == bytes.count }

  /// Reads a sign of the grammar.
  mutating func expect(_ sign: Character) throws(Problem) {
    guard takes(sign) else { throw Problem(position, "\"\(sign)\"") }
  }

  private mutating func takes(_ sign: Character) -> Bool {
    guard peek() == sign.asciiValue else { return false }
    position += 1
    return true
  }

  /// Reads a list or the members of an object: what `element` reads, up to the closing sign.
  mutating func sequence(
    from opening: Character, to closing: Character,
    _ element: (inout JSONParser) throws -> Void
  ) throws {
    try expect(opening)
    if takes(closing) { return }
    repeat { try element(&self) } while takes(",")
    guard takes(closing) else { throw Problem(position, "\",\" or \"\(closing)\"") }
  }

  /// Reads the name of a member and its colon.
  mutating func name() throws(Problem) -> String {
    let name = try text()
    try expect(":")
    return name
  }

  /// Reads a value, in which lists and objects are at most `depth` deep.
  mutating func value(depth: Int = 32) throws -> JSONValue {
    switch peek() {
    case UInt8(ascii: "{"):
      guard depth > 0 else { throw Problem(position, "nothing so deep") }
      var members: [String: JSONValue] = [:]
      try sequence(from: "{", to: "}") { parser in
        let name = try parser.name()
        members[name] = try parser.value(depth: depth - 1)
      }
      return .object(members)
    case UInt8(ascii: "["):
      guard depth > 0 else { throw Problem(position, "nothing so deep") }
      var elements: [JSONValue] = []
      try sequence(from: "[", to: "]") { elements.append(try $0.value(depth: depth - 1)) }
      return .array(elements)
    case UInt8(ascii: "\""): return .string(try text())
    default: return try word()
    }
  }

  /// Reads a text in quotation marks.
  private mutating func text() throws(Problem) -> String {
    guard peek() == UInt8(ascii: "\"") else { throw Problem(position, "a text") }
    let start = position
    position += 1
    var isPlain = true
    while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
      if bytes[position] == UInt8(ascii: "\\") {
        isPlain = false
        position += 1
      }
      position += 1
    }
    guard position < bytes.count else { throw Problem(bytes.count, "the end of a text") }
    position += 1
    if isPlain { return String(decoding: bytes[start + 1..<position - 1], as: UTF8.self) }
    let data = Data(UnsafeRawBufferPointer(rebasing: bytes[start..<position]))
    guard let text = try? JSONDecoder().decode(String.self, from: data) else {
      throw Problem(start, "a text")
    }
    return text
  }

  /// Reads a number, a truth or null.
  private mutating func word() throws(Problem) -> JSONValue {
    let start = position
    while position < bytes.count, Self.isPartOfWord(bytes[position]) { position += 1 }
    let word = String(decoding: bytes[start..<position], as: UTF8.self)
    if let number = Int(word) { return .integer(number) }
    switch word {
    case "true": return .boolean(true)
    case "false": return .boolean(false)
    case "null": return .null
    default:
      // Of the names that are numbers to Swift, such as nan, none begins as those of JSON do.
      guard let first = word.utf8.first, first == UInt8(ascii: "-") || first <= UInt8(ascii: "9"),
        let number = Double(word), number.isFinite
      else { throw Problem(start, "a value") }
      return .number(number)
    }
  }

  private static func isPartOfWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "+"), UInt8(ascii: "-"),
      UInt8(ascii: "."):
      true
    default: false
    }
  }
}
