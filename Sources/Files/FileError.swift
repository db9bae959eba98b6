// What is told of a file that cannot be read or written.

import Glibc

/// Why a file could not be read or written.
public struct FileError: Error, CustomStringConvertible, Sendable {
  /// What happened to which file and what to do.
  public let description: String

  /// An error with the given sentence.
  public init(_ description: String) { self.description = description }

  /// An error that a system call left in `errno`.
  public init(_ doing: String, _ path: String, code: Int32 = errno) {
    let reason = String(cString: strerror(code))
    let advice =
      code == ENOSPC || code == EDQUOT
      ? " Free some space, then try again; a run goes on with --resume." : ""
    description = "Cannot \(doing) \(path): \(reason).\(advice)"
  }
}
