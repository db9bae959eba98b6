// 64-bit hashes (XXH3) of content that comes in pieces.

import CXXHash
import Files

/// The hash of bytes that come one after another: the same however they are cut.
final class ContentHash {
  private let state: OpaquePointer?

  init() {
    state = XXH3_createState()
    precondition(state != nil && XXH3_64bits_reset(state) == XXH_OK, "no memory for a hash")
  }

  deinit { XXH3_freeState(state) }

  func update(_ bytes: UnsafeRawBufferPointer) {
    // Nothing but a missing state makes this fail.
    _ = XXH3_64bits_update(state, bytes.baseAddress, bytes.count)
  }

  /// The hash of everything so far.
  var value: UInt64 { XXH3_64bits_digest(state) }
}

/// The size of a file and the hash of its content (64-bit XXH3).
///
/// `progress` is called with the numbers of bytes as they are hashed. Throws if the file cannot be
/// read.
public func contentHash(
  of path: String, progress: (_ byteCount: Int) -> Void = { _ in }
) throws(FileError) -> (byteCount: Int, hash: UInt64) {
  let file = try MappedFile(path)
  let hash = ContentHash()
  file.withBytes { bytes in
    for piece in pieces(of: bytes) {
      hash.update(piece)
      progress(piece.count)
    }
  }
  return (file.byteCount, hash.value)
}

/// Bytes in pieces of a few megabytes, after each of which there is something to say.
func pieces(of bytes: UnsafeRawBufferPointer) -> [UnsafeRawBufferPointer] {
  stride(from: 0, to: bytes.count, by: 1 << 22).map { start in
    UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + 1 << 22, bytes.count)])
  }
}

/// A number as 16 hexadecimal digits.
func hexadecimal(_ value: UInt64) -> String {
  let digits = String(value, radix: 16)
  return String(repeating: "0", count: 16 - digits.count) + digits
}

/// The number that 16 hexadecimal digits stand for; nil if they are anything else.
func number(hexadecimal text: String) -> UInt64? {
  let isPlain =
    text.utf8.count == 16 && text.unicodeScalars.allSatisfy(\.properties.isASCIIHexDigit)
  return isPlain ? UInt64(text, radix: 16) : nil
}

/// Whether a name is that of a file within a directory, whatever the directory is.
func staysWithin(_ name: String) -> Bool {
  !name.isEmpty && !name.hasPrefix("/") && !name.contains("\\") && !name.contains("\0")
    && !name.split(separator: "/").contains("..")
}
