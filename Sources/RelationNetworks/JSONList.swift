// A long list in a JSON file, read element by element, so that errors can name the line.

import Foundation

/// What is wrong with a file of samples.
public struct SampleFileError: Error, CustomStringConvertible, Hashable, Sendable {
  /// One sentence: which file, which line, and what is wrong with it.
  public let description: String

  /// An error about a file, or about a line of it.
  init(_ file: String, line: Int? = nil, _ problem: String) {
    description = "\(file)\(line.map { ", line \($0)" } ?? ""): \(problem)"
  }
}

/// The elements of a JSON file that holds a list of objects.
///
/// Only one element at a time becomes anything else than bytes, however long the file is.
struct JSONList {
  /// The path, as errors name it.
  let path: String
  private let data: Data

  /// The list in a file.
  init(contentsOf path: String) throws(SampleFileError) {
    self.path = path
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
    } catch {
      throw SampleFileError(path, "cannot be read: \(error.localizedDescription)")
    }
  }

  /// Calls `body` with each element and the line, counted from 1, on which it begins.
  func forEach(_ body: (_ element: Data, _ line: Int) throws -> Void) throws {
    var scanner = Scanner()
    try data.withUnsafeBytes { bytes in
      for offset in bytes.indices {
        guard let range = try scanner.read(bytes[offset], at: offset, of: path) else { continue }
        let start = data.startIndex + range.lowerBound
        try body(data[start..<start + range.count], scanner.firstLine)
      }
    }
    guard scanner.state == .after else {
      throw SampleFileError(path, line: scanner.line, "the file ends in the middle of its list")
    }
  }

  /// Finds where elements begin and end; whether they are sound is for a decoder to say.
  private struct Scanner {
    enum State { case before, between, inside, after }
    var state = State.before
    var line = 1
    var firstLine = 1
    private var start = 0
    private var depth = 0
    private var isInText = false
    private var isEscaped = false

    /// Takes the next byte; returns the range of the element that it ends.
    mutating func read(_ byte: UInt8, at offset: Int, of path: String) throws -> Range<Int>? {
      if byte == UInt8(ascii: "\n") { line += 1 }
      if state == .inside { return readInside(byte, at: offset) }
      switch (byte, state) {
      case (UInt8(ascii: " "), _), (UInt8(ascii: "\t"), _), (UInt8(ascii: "\r"), _),
        (UInt8(ascii: "\n"), _), (UInt8(ascii: ","), .between):
        break
      case (UInt8(ascii: "["), .before): state = .between
      case (UInt8(ascii: "]"), .between): state = .after
      case (UInt8(ascii: "{"), .between):
        (state, start, firstLine, depth) = (.inside, offset, line, 1)
      default:
        throw SampleFileError(
          path, line: line, "here should be a list of objects, such as [{…}, {…}]")
      }
      return nil
    }

    private mutating func readInside(_ byte: UInt8, at offset: Int) -> Range<Int>? {
      if isInText {
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
          isInText = false
        }
        return nil
      }
      switch byte {
      case UInt8(ascii: "\""): isInText = true
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        if depth == 0 {
          state = .between
          return start..<offset + 1
        }
      default: break
      }
      return nil
    }
  }
}
