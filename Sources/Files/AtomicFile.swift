// Files that are written whole or not at all.

import Foundation
import Glibc

/// A file in the making that takes the place of another, or none, once it is wholly on the disk.
///
/// After a crash at any time either what was there before or the new content is there. A file that
/// is not committed leaves nothing.
public struct AtomicFile: ~Copyable {
  private let path: String
  private let partialPath: String
  private let descriptor: Int32
  private var failure: FileError?
  private var isRenamed = false

  /// Begins a file under another name, `path` with `.partial` after it.
  ///
  /// Throws if it cannot be created, or if what is there is no plain file: a device, a pipe or a
  /// link is not to be replaced by accident.
  public init(replacing path: String) throws(FileError) {
    self.path = path
    partialPath = path + ".partial"
    descriptor = open(partialPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw FileError("create", partialPath) }
    guard Self.isFreeOrPlain(path) else {
      throw FileError("Cannot replace \(path): it is no plain file.")
    }
  }

  private static func isFreeOrPlain(_ path: String) -> Bool {
    var status = stat()
    guard lstat(path, &status) == 0 else { return true }
    // A directory says itself that it is none, when the file is renamed.
    return [S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT)
  }

  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    if !isRenamed { unlink(partialPath) }
  }

  /// Adds bytes at the end.
  ///
  /// What goes wrong is said by `commit`; nothing is added after it.
  public mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard failure == nil, let code = writeAll(bytes, to: descriptor) else { return }
    failure = FileError("write", partialPath, code: code)
  }

  /// Gives the file its name: flushed to the disk first, then renamed, then the directory flushed,
  /// since whoever removes an older file in favour of this one has to know that it is safe.
  ///
  /// Throws if that, or an `append` before, was not possible.
  public consuming func commit() throws(FileError) {
    if let failure { throw failure }
    guard fsync(descriptor) == 0 else { throw FileError("flush", partialPath) }
    guard rename(partialPath, path) == 0 else { throw FileError("rename", partialPath) }
    isRenamed = true
    try flushDirectory()
  }

  private func flushDirectory() throws(FileError) {
    // Not by Foundation, whose `deletingLastPathComponent` traps at a name of one letter.
    let parent = path.lastIndex(of: "/").map { String(path[...$0]) }
    let directory = parent ?? "."
    let opened = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard opened >= 0 else { throw FileError("open", directory) }
    defer { close(opened) }
    guard fsync(opened) == 0 else { throw FileError("flush", directory) }
  }

  /// Replaces the file at `path` by one of the given content.
  ///
  /// Throws if that was not possible; the file is then what it was.
  public static func write(_ content: Data, to path: String) throws(FileError) {
    var file = try AtomicFile(replacing: path)
    content.withUnsafeBytes { file.append($0) }
    try file.commit()
  }
}
