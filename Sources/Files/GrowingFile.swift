// Files that records are added to.

import Foundation
import Glibc

/// A file that grows at its end.
public struct GrowingFile: ~Copyable {
  private let path: String
  private let descriptor: Int32

  /// Opens a file, or creates it if there is none.
  ///
  /// Throws if neither is possible.
  public init(_ path: String) throws(FileError) {
    self.path = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw FileError("open", path) }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// Adds content, with one write unless the disk is full: only then, or if the machine went down
  /// in it, does a reader see a part of it.
  ///
  /// Throws if not everything could be written.
  public func append(_ content: Data) throws(FileError) {
    let failure = content.withUnsafeBytes { writeAll($0, to: descriptor) }
    if let failure { throw FileError("write", path, code: failure) }
  }

  /// Returns when everything is on the disk; throws if that is not possible.
  public func flush() throws(FileError) {
    guard fsync(descriptor) == 0 else { throw FileError("flush", path) }
  }
}

/// Writes all bytes to an open file, or returns the code of what went wrong.
public func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32? {
  var rest = bytes[...]
  while !rest.isEmpty {
    let written = write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
    if written < 0 && errno != EINTR { return errno }
    rest = rest.dropFirst(max(written, 0))
  }
  return nil
}
