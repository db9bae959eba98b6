// One writer at a time.

import Glibc

/// The only right to write into a directory, as long as it is held and the process lives.
public struct DirectoryLock: Sendable {
  private let descriptor: Int32

  /// Takes the right.
  ///
  /// Throws if another process has it, or there is no such directory.
  public init(_ path: String) throws(FileError) {
    descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError("open", path) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw FileError(in: path, "another process is writing there")
    }
  }

  /// Gives the right back.
  public func release() { close(descriptor) }
}
