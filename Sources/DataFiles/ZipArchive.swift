// ZIP archives, of which nobody knows what they hold.

import CZip
import Files
import Foundation

/// A ZIP archive, open for reading.
///
/// Nothing is ever unpacked to the disk. Not for use by several threads at once; each may open the
/// archive for itself.
public final class ZipArchive {
  /// A file or a directory in an archive.
  public struct Entry: Hashable, Sendable {
    /// The name with its folders, separated by slashes; that of a directory ends with one.
    public let name: String
    /// The bytes of the content, as the archive states them.
    public let byteCount: Int
    fileprivate let index: UInt64
    fileprivate let isEncrypted: Bool
  }

  /// The archive's path.
  public let path: String
  /// What is in it, in the archive's order.
  public let entries: [Entry]
  private let positions: [String: Int]
  /// Holds the bytes that libzip reads.
  private let file: MappedFile
  private let archive: OpaquePointer

  /// Opens an archive.
  ///
  /// Throws if it is not there, is damaged, has names that lead out of a directory, or two entries
  /// of the same name.
  public init(_ path: String) throws(FileError) {
    self.path = path
    file = try MappedFile(path)
    guard file.byteCount > 0 else { throw FileError(in: path, "the file is empty") }
    archive = try Self.open(file)
    do throws(FileError) { entries = try Self.entries(of: archive, path) } catch {
      // Not all properties have values yet, so nothing is deinitialised.
      zip_discard(archive)
      throw error
    }
    positions = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.name, $0) })
  }

  deinit { zip_discard(archive) }

  private static func open(_ file: MappedFile) throws(FileError) -> OpaquePointer {
    var error = zip_error_t()
    zip_error_init(&error)
    defer { zip_error_fini(&error) }
    let source = file.withBytes {
      zip_source_buffer_create($0.baseAddress, zip_uint64_t($0.count), 0, &error)
    }
    if let source {
      if let archive = zip_open_from_source(source, ZIP_RDONLY, &error) { return archive }
      zip_source_free(source)
    }
    throw FileError(in: file.path, "it is no sound ZIP archive (\(words(&error)))")
  }

  private static func words(_ error: UnsafeMutablePointer<zip_error_t>) -> String {
    String(cString: zip_error_strerror(error))
  }

  private static func entries(
    of archive: OpaquePointer, _ path: String
  ) throws(FileError) -> [Entry] {
    var entries: [Entry] = []
    var names: Set<String> = []
    for index in 0..<UInt64(max(zip_get_num_entries(archive, 0), 0)) {
      var status = zip_stat_t()
      guard zip_stat_index(archive, index, 0, &status) == 0, let text = status.name,
        let byteCount = Int(exactly: status.size), status.valid & UInt64(ZIP_STAT_SIZE) != 0
      else {
        throw FileError(
          in: path, "its entry \(index) is damaged (\(words(zip_get_error(archive))))")
      }
      let name = String(cString: text)
      guard staysWithin(name) else {
        throw FileError(in: path, "the name \"\(name)\" in it leads out of any directory")
      }
      guard names.insert(name).inserted else {
        throw FileError(in: path, "two of its entries are called \"\(name)\"")
      }
      let isEncrypted = status.encryption_method != UInt16(ZIP_EM_NONE)
      entries.append(
        Entry(name: name, byteCount: byteCount, index: index, isEncrypted: isEncrypted))
    }
    return entries
  }

  /// What the archive says of an entry; nil if there is none of that name.
  public func entry(_ name: String) -> Entry? { positions[name].map { entries[$0] } }

  /// The content of an entry of at most `limit` bytes, held against its checksum.
  ///
  /// Throws if there is none of that name, or if it is encrypted, damaged or larger.
  public func read(_ name: String, limit: Int = 1 << 30) throws(FileError) -> Data {
    guard let entry = entry(name) else {
      throw FileError(in: path, "there is no \"\(name)\" in it")
    }
    func failure(_ problem: String) -> FileError { FileError(in: path, "\"\(name)\" \(problem)") }
    if entry.isEncrypted { throw failure("in it is encrypted; pack it without a password") }
    guard entry.byteCount <= limit else {
      throw failure("in it has \(entry.byteCount) bytes, more than the \(limit) allowed")
    }
    guard let opened = zip_fopen_index(archive, entry.index, 0) else {
      throw failure("in it cannot be read (\(Self.words(zip_get_error(archive))))")
    }
    defer { zip_fclose(opened) }
    // What is stated may be a lie, so memory grows with what is there, and no further.
    var data = Data()
    var piece = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      let count = Int(zip_fread(opened, &piece, zip_uint64_t(piece.count)))
      if count < 0 {
        throw failure("in it is damaged (\(Self.words(zip_file_get_error(opened))))")
      }
      if count == 0 { break }
      guard data.count + count <= entry.byteCount else {
        throw failure("in it has more bytes than the archive states; it is damaged")
      }
      data.append(contentsOf: piece[..<count])
    }
    guard data.count == entry.byteCount else {
      throw failure("in it has fewer bytes than the archive states; it is damaged")
    }
    return data
  }
}
