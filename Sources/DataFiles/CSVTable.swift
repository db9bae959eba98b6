// Tables in text: comma-separated values, as RFC 4180 has them.

import Files
import Foundation

/// A table with named columns from a CSV file.
///
/// Fields may be in quotation marks and then hold commas, line ends and doubled quotation marks;
/// lines end with LF or CR LF. Whatever else is found is an error with the number of its line:
/// nothing is guessed, trimmed or filled in.
public struct CSVTable: Sendable {
  /// The file, for errors.
  public let file: String
  /// The names of the columns, from the first line; one of them may be empty.
  public let columns: [String]
  /// The fields, one row after another.
  private let fields: [String]
  private let lines: [Int]
  private let positions: [String: Int]

  /// No table has more columns than this.
  static let columnLimit = 1 << 16

  /// Reads a file of at most `limit` bytes.
  ///
  /// Throws if it is not there, is larger, or is no sound table.
  public init(contentsOf path: String, limit: Int = 1 << 28) throws(FileError) {
    try self.init(decoding: try readFile(path, limit: limit), file: path)
  }

  /// Decodes the bytes of a file.
  ///
  /// Throws naming `file` if they are no sound table.
  public init(decoding data: Data, file: String) throws(FileError) {
    self.file = file
    let table = data.withUnsafeBytes { bytes in
      Result { () throws(FileError) in
        var parser = CSVParser(bytes, file: file)
        return try parser.table()
      }
    }
    (columns, fields, lines) = try table.get()
    positions = Dictionary(
      columns.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    guard positions.count == columns.count else {
      throw FileError(in: file, "two of its columns have the same name")
    }
  }

  /// The number of rows, the line of names not among them.
  public var count: Int { fields.count / columns.count }

  /// The fields of a row, in the order of columns.
  public subscript(row: Int) -> ArraySlice<String> {
    precondition((0..<count).contains(row), "row \(row) of a table of \(count)")
    return fields[row * columns.count..<(row + 1) * columns.count]
  }

  /// The line of the file on which a row begins, from 1.
  public func line(of row: Int) -> Int { lines[row] }

  /// The fields of a column.
  ///
  /// Throws if there is none of that name.
  public func column(_ name: String) throws(FileError) -> [String] {
    guard let position = positions[name] else {
      throw FileError(in: file, "it has no column \"\(name)\"")
    }
    return stride(from: position, to: fields.count, by: columns.count).map { fields[$0] }
  }
}

/// Reads a table from bytes, once and from front to back.
struct CSVParser {
  private let bytes: UnsafeRawBufferPointer
  private let file: String
  private var position = 0
  private var line = 1

  private static let (quote, comma) = (UInt8(ascii: "\""), UInt8(ascii: ","))
  private static let (lineFeed, carriageReturn) = (UInt8(ascii: "\n"), UInt8(ascii: "\r"))

  init(_ bytes: UnsafeRawBufferPointer, file: String) {
    self.bytes = bytes
    self.file = file
    // Some programs begin UTF-8 with a mark that is none of the text.
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
  }

  mutating func table() throws(FileError) -> (
    columns: [String], fields: [String], lines: [Int]
  ) {
    guard position < bytes.count else { throw FileError(in: file, "the file is empty") }
    var columns: [String] = []
    repeat {
      columns.append(try field())
      guard columns.count <= CSVTable.columnLimit else {
        throw failure("there are more than \(CSVTable.columnLimit) columns")
      }
    } while try anotherFieldFollows()
    var (fields, lines): ([String], [Int]) = ([], [])
    while position < bytes.count {
      let start = line
      lines.append(line)
      var count = 0
      repeat {
        guard count < columns.count else {
          throw FileError(
            in: file, "line \(start) has more fields than the \(columns.count) columns")
        }
        fields.append(try field())
        count += 1
      } while try anotherFieldFollows()
      guard count == columns.count else {
        throw FileError(
          in: file, "line \(start) has fewer fields than the \(columns.count) columns")
      }
    }
    return (columns, fields, lines)
  }

  private mutating func field() throws(FileError) -> String {
    if position < bytes.count, bytes[position] == Self.quote { return try quotedField() }
    let start = position
    while position < bytes.count {
      let byte = bytes[position]
      if [Self.comma, Self.lineFeed, Self.carriageReturn].contains(byte) { break }
      if byte == Self.quote {
        throw failure("a quotation mark in a field that does not begin with one")
      }
      position += 1
    }
    return try text(bytes[start..<position])
  }

  private mutating func quotedField() throws(FileError) -> String {
    let start = line
    var content: [UInt8] = []
    position += 1
    while true {
      let rest = bytes[position...]
      guard let end = rest.firstIndex(of: Self.quote) else {
        throw FileError(in: file, "line \(start): a quotation mark is never closed")
      }
      content += rest[..<end]
      line += rest[..<end].count { $0 == Self.lineFeed }
      position = end + 1
      guard position < bytes.count, bytes[position] == Self.quote else { break }
      content.append(Self.quote)
      position += 1
    }
    return try text(content)
  }

  private func text(_ content: some Collection<UInt8>) throws(FileError) -> String {
    guard !content.contains(0), let text = String(validating: content, as: UTF8.self) else {
      throw failure("a field is not UTF-8 text")
    }
    return text
  }

  /// Goes over what ends a field, and tells whether the next is in the same row.
  private mutating func anotherFieldFollows() throws(FileError) -> Bool {
    guard position < bytes.count else { return false }
    switch bytes[position] {
    case Self.comma:
      position += 1
      return true
    case Self.carriageReturn:
      guard position + 1 < bytes.count, bytes[position + 1] == Self.lineFeed else {
        throw failure("a carriage return without a line feed")
      }
      position += 2
    case Self.lineFeed: position += 1
    default: throw failure("text follows a closing quotation mark")
    }
    line += 1
    return false
  }

  private func failure(_ problem: String) -> FileError {
    FileError(in: file, "line \(line): \(problem)")
  }
}
