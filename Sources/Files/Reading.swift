// Files that are read as a whole, and directories that have to be there.

import Foundation
import Glibc

/// The content of a file of at most `limit` bytes.
///
/// Throws if it cannot be read, or is larger; no more than `limit` bytes are ever held in memory.
public func readFile(_ path: String, limit: Int) throws(FileError) -> Data {
  let descriptor = try openForReading(path)
  defer { close(descriptor) }
  let byteCount = try fileSize(descriptor, path)
  let tooLarge = FileError(
    "Cannot read \(path): it is larger than \(limit) bytes, the most that such a file may have.")
  if byteCount > limit { throw tooLarge }
  var data = Data(count: byteCount)
  var end = 0
  while true {
    // A file that grows meanwhile, or one of those that the kernel makes up while they are read.
    if end == data.count {
      if end > limit { throw tooLarge }
      data.count = min(limit, max(end, 1 << 12) * 2) + 1
    }
    let count = data.withUnsafeMutableBytes { bytes in
      let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[end...])
      return read(descriptor, rest.baseAddress, rest.count)
    }
    if count < 0 && errno == EINTR { continue }
    if count < 0 { throw FileError("read", path) }
    if count == 0 { break }
    end += count
  }
  if end > limit { throw tooLarge }
  return data.prefix(end)
}

/// Makes a directory and those above it, unless they are there.
///
/// Throws if that is not possible.
public func makeDirectory(_ path: String) throws(FileError) {
  do {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  } catch { throw FileError("create the directory", path, because: error) }
}

func openForReading(_ path: String) throws(FileError) -> Int32 {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw FileError("open", path) }
  return descriptor
}

/// The size of an open file, which is neither a directory nor a pipe.
func fileSize(_ descriptor: Int32, _ path: String) throws(FileError) -> Int {
  var status = stat()
  guard fstat(descriptor, &status) == 0 else { throw FileError("read", path) }
  return switch status.st_mode & S_IFMT {
  case S_IFREG: Int(status.st_size)
  case S_IFDIR: throw FileError("read", path, code: EISDIR)
  default: 0
  }
}
