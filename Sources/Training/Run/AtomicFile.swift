// Files that are written whole or not at all.

import Foundation

#if canImport(Glibc)
  import Glibc
#endif

/// Why a file of a run could not be read or written.
public struct RunFileError: Error, CustomStringConvertible, Sendable {
  /// What happened to which file and what to do.
  public let description: String

  /// An error with the given sentence.
  public init(_ description: String) { self.description = description }

  /// An error that a system call left in `errno`.
  init(_ doing: String, _ path: String, code: Int32 = errno) {
    let reason = String(cString: strerror(code))
    let advice =
      code == ENOSPC || code == EDQUOT ? " Free some space, then go on with --resume." : ""
    description = "Cannot \(doing) \(path): \(reason).\(advice)"
  }
}

/// The system calls that keep files whole through crashes.
enum AtomicFile {
  /// Writes a file so that after a crash at any time either the old or the new content is there:
  /// to a temporary file, flushed, renamed, and the directory flushed.
  static func write(_ data: Data, to path: String) throws(RunFileError) {
    try write(to: path) { descriptor throws(RunFileError) in
      try writeAll(data, to: descriptor, path: path)
    }
  }

  /// The same for content that is produced piece by piece.
  static func write(
    to path: String, _ body: (_ descriptor: Int32) throws(RunFileError) -> Void
  ) throws(RunFileError) {
    let temporary = path + ".partial"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw RunFileError("create", temporary) }
    do throws(RunFileError) {
      try body(descriptor)
      guard fsync(descriptor) == 0 else { throw RunFileError("flush", temporary) }
    } catch {
      close(descriptor)
      unlink(temporary)
      throw error
    }
    guard close(descriptor) == 0 else { throw RunFileError("close", temporary) }
    guard rename(temporary, path) == 0 else { throw RunFileError("rename", temporary) }
    try flushDirectory(of: path)
  }

  /// Appends a line with one write, so that a reader never sees half a line unless the machine
  /// went down in it.
  static func append(_ line: Data, to descriptor: Int32, path: String) throws(RunFileError) {
    try writeAll(line + [UInt8(ascii: "\n")], to: descriptor, path: path)
  }

  static func writeAll(_ data: Data, to descriptor: Int32, path: String) throws(RunFileError) {
    let failure: Int32? = data.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let written = Glibc.write(
          descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if written < 0 {
          if errno == EINTR { continue }
          return errno
        }
        rest = rest.dropFirst(written)
      }
      return nil
    }
    if let failure { throw RunFileError("write", path, code: failure) }
  }

  /// Makes a rename or a removal in the file's directory survive a crash of the machine.
  static func flushDirectory(of path: String) throws(RunFileError) {
    let directory = (path as NSString).deletingLastPathComponent
    let descriptor = open(directory.isEmpty ? "." : directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw RunFileError("open", directory) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw RunFileError("flush", directory) }
  }
}
