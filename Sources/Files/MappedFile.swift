// Files that lie in memory without having been read.

import Glibc

/// The content of a file, of which the system reads what is looked at, and which all processes that
/// map it share.
///
/// The file must not be shortened while it is mapped. One that is replaced by an `AtomicFile` or
/// removed stays what it was for those who have it open.
public final class MappedFile: @unchecked Sendable {
  // Nothing is written to the bytes, so any thread may read them.
  /// The file's path.
  public let path: String
  /// The bytes, valid as long as this object.
  private let bytes: UnsafeRawBufferPointer

  /// Maps a file.
  ///
  /// Throws if it cannot be opened, or is not a plain file.
  public init(_ path: String) throws(FileError) {
    self.path = path
    let descriptor = try openForReading(path)
    defer { close(descriptor) }
    let byteCount = try fileSize(descriptor, path)
    if byteCount == 0 {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    let start = mmap(nil, byteCount, PROT_READ, MAP_SHARED, descriptor, 0)
    guard let start, start != MAP_FAILED else { throw FileError("map", path) }
    bytes = UnsafeRawBufferPointer(start: start, count: byteCount)
  }

  deinit {
    if let start = bytes.baseAddress {
      munmap(UnsafeMutableRawPointer(mutating: start), bytes.count)
    }
  }

  /// The number of bytes.
  public var byteCount: Int { bytes.count }

  /// Hands over the bytes, which are valid within `body` only.
  public func withBytes<Result, Failure>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(self) {} }
    return try body(bytes)
  }
}
