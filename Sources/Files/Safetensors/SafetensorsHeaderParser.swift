// The JSON of a safetensors header, read from files that nobody vouches for.

/// A strict reader of the one shape of JSON that safetensors headers have.
///
/// A general JSON reader would quietly keep one of two equal names and turn numbers into floating
/// point; and since the grammar is fixed, this one nests no deeper than its functions do.
struct SafetensorsHeaderParser {
  /// What the header says, still unchecked.
  struct Header {
    var metadata: [String: String] = [:]
    var entries: [RawEntry] = []
  }

  /// What it says of a tensor.
  struct RawEntry {
    var name = ""
    var scalar = ""
    var shape: [Int] = []
    var offsets: [Int] = []
  }

  private let bytes: [UInt8]
  private let file: String
  private var position = 0

  init(_ bytes: [UInt8], file: String) {
    self.bytes = bytes
    self.file = file
  }

  /// Reads the whole header.
  mutating func parse() throws(SafetensorsError) -> Header {
    var header = Header()
    var names: Set<String> = []
    try members { (parser, name) throws(SafetensorsError) in
      if !names.insert(name).inserted { throw parser.failure("the name \"\(name)\" occurs twice") }
      if name == "__metadata__" {
        header.metadata = try parser.metadata()
      } else {
        header.entries.append(try parser.entry(name))
      }
    }
    skipSpace()
    if position != bytes.count { throw failure("text follows the end of the header's JSON") }
    return header
  }

  private mutating func metadata() throws(SafetensorsError) -> [String: String] {
    var metadata: [String: String] = [:]
    try members { (parser, name) throws(SafetensorsError) in
      let value = try parser.string()
      if metadata.updateValue(value, forKey: name) != nil {
        throw parser.failure("the metadata \"\(name)\" occurs twice")
      }
    }
    return metadata
  }

  private mutating func entry(_ name: String) throws(SafetensorsError) -> RawEntry {
    var entry = RawEntry(name: name)
    var keys: Set<String> = []
    try members { (parser, key) throws(SafetensorsError) in
      if !keys.insert(key).inserted {
        throw parser.failure("tensor \"\(name)\" has \"\(key)\" twice")
      }
      switch key {
      case "dtype": entry.scalar = try parser.string()
      case "shape": entry.shape = try parser.integers()
      case "data_offsets": entry.offsets = try parser.integers()
      default: throw parser.failure("tensor \"\(name)\" has an unknown key \"\(key)\"")
      }
    }
    for key in ["dtype", "shape", "data_offsets"] where !keys.contains(key) {
      throw failure("tensor \"\(name)\" has no \"\(key)\"")
    }
    return entry
  }

  /// Reads an object, handing each key to `body`, which reads the value.
  private mutating func members(
    _ body: (inout SafetensorsHeaderParser, String) throws(SafetensorsError) -> Void
  ) throws(SafetensorsError) {
    try expect("{")
    if accept("}") { return }
    repeat {
      let key = try string()
      try expect(":")
      try body(&self, key)
    } while accept(",")
    try expect("}")
  }

  private mutating func integers() throws(SafetensorsError) -> [Int] {
    var integers: [Int] = []
    try expect("[")
    if accept("]") { return integers }
    repeat { integers.append(try integer()) } while accept(",")
    try expect("]")
    return integers
  }

  private mutating func integer() throws(SafetensorsError) -> Int {
    skipSpace()
    let start = position
    while let byte = peek, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte { position += 1 }
    let digits = bytes[start..<position]
    guard let value = Int(String(decoding: digits, as: UTF8.self)),
      digits.count == 1 || digits.first != UInt8(ascii: "0")
    else { throw failure("expected a whole number") }
    return value
  }

  private mutating func string() throws(SafetensorsError) -> String {
    try expect("\"")
    var text: [UInt8] = []
    while let byte = peek {
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw failure("a string is not UTF-8")
        }
        return string
      case UInt8(ascii: "\\"): text += try escape()
      case ..<0x20: throw failure("a string contains a control character")
      default: text.append(byte)
      }
    }
    throw failure("a string does not end")
  }

  /// The UTF-8 of what follows a backslash.
  private mutating func escape() throws(SafetensorsError) -> [UInt8] {
    guard let byte = peek else { throw failure("a string does not end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"):
      var code = UInt32(try hexadecimal())
      // A character beyond 16 bits is written as two escapes, a surrogate pair.
      if 0xD800..<0xDC00 ~= code, peek == UInt8(ascii: "\\") {
        position += 1
        try expectHere("u")
        let low = UInt32(try hexadecimal())
        guard 0xDC00..<0xE000 ~= low else { throw failure("half a surrogate pair in a string") }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else {
        throw failure("half a surrogate pair in a string")
      }
      return Array(String(Character(scalar)).utf8)
    default: throw failure("an unknown escape in a string")
    }
  }

  private mutating func hexadecimal() throws(SafetensorsError) -> UInt16 {
    guard position + 4 <= bytes.count,
      bytes[position..<position + 4].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let code = UInt16(
        String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
    else { throw failure("an incomplete escape in a string") }
    position += 4
    return code
  }

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = peek, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { position += 1 }
  }

  private mutating func accept(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard peek == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(SafetensorsError) {
    skipSpace()
    try expectHere(character)
  }

  private mutating func expectHere(_ character: Unicode.Scalar) throws(SafetensorsError) {
    if peek != UInt8(ascii: character) { throw failure("expected \(character)") }
    position += 1
  }

  private func failure(_ reason: String) -> SafetensorsError {
    SafetensorsError(file: file, "the header is not valid at byte \(8 + position): \(reason)")
  }
}
