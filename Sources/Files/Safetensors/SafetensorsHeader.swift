// What a safetensors file says it contains, checked before anything is believed.

/// The header of a safetensors file.
///
/// The format: 8 bytes with the length of the header, little-endian; the header, a JSON object of
/// names with type, shape and range of bytes; the bytes of all tensors, row-major, little-endian.
public struct SafetensorsHeader: Hashable, Sendable {
  /// The strings that the file carries beside its tensors.
  public var metadata: [String: String]
  /// The tensors, in the order of their bytes.
  public let entries: [SafetensorsEntry]

  /// The longest header that Python's reader accepts.
  private static let greatestByteCount = 100_000_000

  /// The header of a file to be written: tensors lie in the order of their types, widest first, and
  /// then of their names, as Python's writer has them.
  public init(
    metadata: [String: String],
    laying tensors: [(name: String, scalar: SafetensorsScalar, dimensions: [Int])]
  ) {
    self.metadata = metadata
    let order = Dictionary(
      uniqueKeysWithValues: SafetensorsScalar.allCases.enumerated().map { ($1, $0) })
    let ordered = tensors.sorted { a, b in
      if a.scalar != b.scalar { return order[a.scalar, default: 0] < order[b.scalar, default: 0] }
      return a.name.utf8.lexicographicallyPrecedes(b.name.utf8)
    }
    var entries: [SafetensorsEntry] = []
    for (name, scalar, dimensions) in ordered {
      let start = entries.last?.range.upperBound ?? 0
      let byteCount = dimensions.reduce(scalar.byteCount, *)
      entries.append(
        SafetensorsEntry(
          name: name, scalar: scalar, dimensions: dimensions, range: start..<start + byteCount))
    }
    self.entries = entries
  }

  /// Decodes and checks the header of a file, given all its bytes, and tells where it ends.
  ///
  /// The tensors fill the bytes after it without gaps or overlaps, so every later access is in
  /// range. Throws a `SafetensorsError` naming `file` otherwise.
  public static func decode(
    _ bytes: UnsafeRawBufferPointer, file: String
  ) throws(SafetensorsError) -> (header: SafetensorsHeader, end: Int) {
    guard bytes.count >= 8 else {
      throw SafetensorsError(
        file: file, "it has \(bytes.count) bytes, too few for a safetensors file")
    }
    let stated = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    // Held against the file before anything is allocated.
    guard stated <= UInt64(greatestByteCount) else {
      throw SafetensorsError(
        file: file, "its header would have \(stated) bytes; it is no safetensors file")
    }
    guard stated <= UInt64(bytes.count - 8) else {
      throw SafetensorsError(
        file: file,
        "its header has \(stated) bytes, but only \(bytes.count - 8) follow; it is truncated")
    }
    let end = 8 + Int(stated)
    var parser = SafetensorsHeaderParser(Array(bytes[8..<end]), file: file)
    let parsed = try parser.parse()
    let header = try SafetensorsHeader(parsed, dataCount: bytes.count - end, file: file)
    return (header, end)
  }

  private init(
    _ parsed: SafetensorsHeaderParser.Header, dataCount: Int, file: String
  ) throws(SafetensorsError) {
    metadata = parsed.metadata
    var entries: [SafetensorsEntry] = []
    for raw in parsed.entries {
      entries.append(try SafetensorsEntry(raw, dataCount: dataCount, file: file))
    }
    // Empty tensors share their position with the next tensor and come before it.
    entries.sort {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    self.entries = entries
    var end = 0
    for entry in entries {
      if entry.range.lowerBound < end {
        throw SafetensorsError(
          file: file, tensor: entry.name,
          "its bytes \(entry.range) overlap those of the tensor before it; the file is corrupt")
      }
      if entry.range.lowerBound > end {
        throw SafetensorsError(
          file: file, tensor: entry.name,
          "\(entry.range.lowerBound - end) bytes before it belong to no tensor; "
            + "the file is corrupt")
      }
      end = entry.range.upperBound
    }
    if end != dataCount {
      throw SafetensorsError(
        file: file,
        "\(dataCount) bytes follow the header, but its tensors take \(end); the file is corrupt")
    }
  }

  /// The length and the JSON, padded with spaces so that the tensors begin on a multiple of 8.
  ///
  /// The same header always gives the same bytes.
  public func encoded() -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        .map { "\(Self.quoted($0.key)):\(Self.quoted($0.value))" }
      members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    for entry in entries {
      let extents = entry.dimensions.map(String.init).joined(separator: ",")
      members.append(
        "\(Self.quoted(entry.name)):{\"dtype\":\"\(entry.scalar.rawValue)\",\"shape\":[\(extents)],"
          + "\"data_offsets\":[\(entry.range.lowerBound),\(entry.range.upperBound)]}")
    }
    var json = Array("{\(members.joined(separator: ","))}".utf8)
    json += [UInt8](repeating: UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
    return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
  }

  private static func quoted(_ string: String) -> String {
    var text = "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\u{08}": text += "\\b"
      case "\u{0C}": text += "\\f"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case ..<" ":
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }
}
