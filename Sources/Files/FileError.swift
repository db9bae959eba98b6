// What is told of a file that cannot be read or written.

import Glibc

/// Why a file could not be read or written.
public struct FileError: Error, Hashable, CustomStringConvertible, Sendable {
  /// What happened to which file, as a sentence.
  public let description: String
  /// The code of the system call that failed, if it was one.
  public let code: Int32?

  /// An error with the given sentence.
  public init(_ description: String) {
    self.description = description
    code = nil
  }

  /// An error about what a file contains; `problem` is a sentence without its full stop.
  public init(in path: String, _ problem: String) { self.init("\(path): \(problem).") }

  /// An error that a system call left in `errno`.
  public init(_ doing: String, _ path: String, code: Int32 = errno) {
    self.init(doing, path, reason: words(for: code), code: code)
  }

  /// An error that Foundation or another library reports.
  public init(_ doing: String, _ path: String, because error: any Error) {
    self.init(doing, path, reason: readableReason(error), code: systemCode(of: error))
  }

  private init(_ doing: String, _ path: String, reason: String, code: Int32?) {
    self.code = code
    let advice = Self.isOutOfSpace(code) ? " Free some space, then try again." : ""
    description = "Cannot \(doing) \(path): \(reason).\(advice)"
  }

  /// Whether it would have worked with more space on the disk.
  public var isOutOfSpace: Bool { Self.isOutOfSpace(code) }

  private static func isOutOfSpace(_ code: Int32?) -> Bool { code == ENOSPC || code == EDQUOT }
}
