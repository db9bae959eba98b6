// What a .npy file says of its array, checked before anything is believed.

import Files

/// The header of a .npy file: a Python dictionary of three keys after a few bytes of frame.
struct NumpyHeader {
  var scalar = SafetensorsScalar.float64
  var isBigEndian = false
  var shape: [Int] = []
  /// The first byte of the scalars.
  var end = 0

  /// Decodes and checks the header of a file, given all its bytes.
  ///
  /// The scalars take exactly the bytes after it. Throws naming `file` otherwise.
  init(_ bytes: UnsafeRawBufferPointer, file: String) throws(FileError) {
    let magic = [0x93] + Array("NUMPY".utf8)
    guard bytes.count >= 10, bytes[..<6].elementsEqual(magic) else {
      throw FileError(in: file, "it is no .npy file")
    }
    guard (1...3).contains(bytes[6]), bytes[7] == 0 else {
      throw FileError(in: file, "its format \(bytes[6]).\(bytes[7]) is not known")
    }
    let lengthSize = bytes[6] == 1 ? 2 : 4
    guard bytes.count >= 8 + lengthSize else { throw FileError(in: file, "it is truncated") }
    let length = (0..<lengthSize).reduce(0) { $0 | Int(bytes[8 + $1]) << (8 * $1) }
    end = 8 + lengthSize + length
    guard length <= 1 << 20, end <= bytes.count else {
      throw FileError(
        in: file, "its header would have \(length) bytes; it is truncated or damaged")
    }
    var parser = Parser(bytes: bytes[8 + lengthSize..<end], file: file)
    let dictionary = try parser.dictionary()
    try use(dictionary, file)
    let product = shape.reduce((count: scalar.byteCount, isTooLarge: false)) { product, extent in
      let (count, isTooLarge) = product.count.multipliedReportingOverflow(by: max(extent, 1))
      return (count, product.isTooLarge || isTooLarge)
    }
    let byteCount = shape.contains(0) ? 0 : product.count
    guard !product.isTooLarge, byteCount == bytes.count - end else {
      throw FileError(
        in: file,
        "\(scalar.rawValue) \(shape) does not fit the \(bytes.count - end) bytes after the header; "
          + "it is truncated or damaged")
    }
  }

  private mutating func use(_ dictionary: [String: Parser.Value], _ file: String) throws(FileError)
  {
    guard dictionary.count == 3, case .tuple(let extents) = dictionary["shape"],
      case .truth(let isFortran) = dictionary["fortran_order"],
      case .string(let type) = dictionary["descr"]
    else {
      throw FileError(in: file, "its header has other keys than descr, fortran_order and shape")
    }
    guard let order = type.first, let scalar = Self.scalars[String(type.dropFirst())],
      "<>".contains(order) || (scalar.byteCount == 1 && "|=".contains(order))
    else {
      throw FileError(
        in: file,
        "its scalars are not plain numbers ('\(type)'); save it as an array of numbers")
    }
    if isFortran && extents.count(where: { $0 > 1 }) > 1 {
      throw FileError(
        in: file, "its scalars lie in Fortran's order; save numpy.ascontiguousarray of it")
    }
    (self.scalar, isBigEndian, shape) = (scalar, order == ">", extents)
  }

  private static let scalars: [String: SafetensorsScalar] = [
    "f8": .float64, "f4": .float32, "f2": .float16,
    "i8": .integer64, "i4": .integer32, "i2": .integer16, "i1": .integer8,
    "u8": .unsigned64, "u4": .unsigned32, "u2": .unsigned16, "u1": .unsigned8, "b1": .boolean,
  ]
}

extension NumpyHeader {
  /// A reader of the little Python that headers are written in.
  struct Parser {
    enum Value {
      case string(String)
      case truth(Bool)
      case tuple([Int])
    }

    let bytes: Slice<UnsafeRawBufferPointer>
    let file: String
    var position = 0

    init(bytes: Slice<UnsafeRawBufferPointer>, file: String) {
      self.bytes = bytes
      self.file = file
      position = bytes.startIndex
    }

    private var peek: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

    mutating func dictionary() throws(FileError) -> [String: Value] {
      var dictionary: [String: Value] = [:]
      try expect("{")
      while !accept("}") {
        let key = try string()
        try expect(":")
        guard try dictionary.updateValue(value(), forKey: key) == nil else {
          throw failure("\"\(key)\" occurs twice")
        }
        if !accept(",") {
          try expect("}")
          break
        }
      }
      skipSpace()
      guard position == bytes.endIndex else { throw failure("text follows its end") }
      return dictionary
    }

    private mutating func value() throws(FileError) -> Value {
      skipSpace()
      switch peek {
      case UInt8(ascii: "'"), UInt8(ascii: "\""): return .string(try string())
      case UInt8(ascii: "T"): return try word("True", .truth(true))
      case UInt8(ascii: "F"): return try word("False", .truth(false))
      case UInt8(ascii: "("): return .tuple(try tuple())
      case UInt8(ascii: "["): throw failure("its scalars are structures, not plain numbers")
      default: throw failure("a value is missing")
      }
    }

    private mutating func word(_ word: String, _ value: Value) throws(FileError) -> Value {
      guard bytes[position...].starts(with: word.utf8) else { throw failure("expected \(word)") }
      position += word.utf8.count
      return value
    }

    private mutating func tuple() throws(FileError) -> [Int] {
      var extents: [Int] = []
      try expect("(")
      while !accept(")") {
        skipSpace()
        let digits = bytes[position...].prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        guard let extent = Int(String(decoding: digits, as: UTF8.self)) else {
          throw failure("expected a whole number")
        }
        position += digits.count
        extents.append(extent)
        // numpy has no more dimensions either.
        guard extents.count <= 64 else { throw failure("too many dimensions") }
        if !accept(",") {
          try expect(")")
          break
        }
      }
      return extents
    }

    private mutating func string() throws(FileError) -> String {
      skipSpace()
      guard let mark = peek, mark == UInt8(ascii: "'") || mark == UInt8(ascii: "\"") else {
        throw failure("expected a text in quotation marks")
      }
      position += 1
      let text = bytes[position...].prefix { $0 != mark }
      guard position + text.count < bytes.endIndex, !text.contains(UInt8(ascii: "\\")),
        let string = String(validating: text, as: UTF8.self)
      else { throw failure("a text does not end, or is not plain") }
      position += text.count + 1
      return string
    }

    private mutating func skipSpace() {
      while let byte = peek, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { position += 1 }
    }

    private mutating func accept(_ character: Unicode.Scalar) -> Bool {
      skipSpace()
      guard peek == UInt8(ascii: character) else { return false }
      position += 1
      return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(FileError) {
      if !accept(character) { throw failure("expected \(character)") }
    }

    private func failure(_ reason: String) -> FileError {
      FileError(in: file, "its header is not valid at byte \(position): \(reason)")
    }
  }
}
