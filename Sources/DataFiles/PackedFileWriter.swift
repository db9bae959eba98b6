// Arrays are packed into a file, row by row.

import Files
import Foundation
import Glibc

/// A packed file in the making.
///
/// Rows are added to any array in any order, and nobody has to know before how many there will be:
/// each array grows in a file without a name, which vanishes with the process, and `commit` puts
/// them together. What `path` was before stays until then; a crash leaves at most a file with
/// `.partial` after its name, which the next attempt writes over.
public final class PackedFileWriter {
  private let path: String
  private let metadata: [String: String]
  private var arrays: [(name: String, scalar: SafetensorsScalar, rowShape: [Int], rows: Spool)] = []

  /// Begins a file that will take the place of the one at `path`.
  ///
  /// `metadata` is carried along; the name `fingerprint` is taken.
  public init(replacing path: String, metadata: [String: String] = [:]) {
    precondition(metadata[PackedFile.fingerprintKey] == nil, "a fingerprint that nobody computed")
    self.path = path
    self.metadata = metadata
  }

  /// An array of the file, to which rows can be added.
  public struct Column<Scalar: PackedScalar> {
    fileprivate let index: Int
    fileprivate let scalarsPerRow: Int
  }

  /// Adds an array without rows.
  ///
  /// Names are unique in a file. Throws if there cannot be a file beside `path`.
  public func addArray<Scalar: PackedScalar>(
    _ name: String, rowShape: [Int] = [], of type: Scalar.Type = Scalar.self
  ) throws(FileError) -> Column<Scalar> {
    precondition(
      name != "__metadata__" && !arrays.contains { $0.name == name }, "two arrays called \(name)")
    precondition(rowShape.allSatisfy { $0 > 0 }, "rows of shape \(rowShape)")
    arrays.append((name, type.fileScalar, rowShape, try Spool(beside: path)))
    return Column(index: arrays.count - 1, scalarsPerRow: rowShape.reduce(1, *))
  }

  /// Adds one row or several to an array.
  ///
  /// Throws if the disk is full.
  public func append<Scalar>(
    _ scalars: UnsafeBufferPointer<Scalar>, to column: Column<Scalar>
  ) throws(FileError) {
    precondition(
      scalars.count.isMultiple(of: column.scalarsPerRow),
      "\(scalars.count) scalars for rows of \(column.scalarsPerRow)")
    try arrays[column.index].rows.append(UnsafeRawBufferPointer(scalars))
  }

  /// Adds one row or several to an array.
  ///
  /// Throws if the disk is full.
  public func append<Scalar>(
    _ scalars: [Scalar], to column: Column<Scalar>
  ) throws(FileError) {
    try scalars.withUnsafeBufferPointer { buffer throws(FileError) in try append(buffer, to: column)
    }
  }

  /// Puts the arrays together, writes the file to the disk, gives it its name and returns its
  /// fingerprint.
  ///
  /// `progress` is called with the numbers of bytes as they are written. Throws if that was not
  /// possible; the file at `path` is then what it was.
  @discardableResult
  public func commit(progress: (_ byteCount: Int) -> Void = { _ in }) throws(FileError) -> UInt64 {
    var header = SafetensorsHeader(
      metadata: metadata,
      laying: arrays.map { array in
        let rowSize = array.rowShape.reduce(array.scalar.byteCount, *)
        let count = array.rows.byteCount / rowSize
        return (array.name, array.scalar, [count] + array.rowShape)
      })
    let rows = Dictionary(uniqueKeysWithValues: arrays.map { ($0.name, $0.rows) })
    let spools = header.entries.compactMap { rows[$0.name] }
    let hash = ContentHash()
    header.encoded().withUnsafeBytes(hash.update)
    for spool in spools { try spool.forEachPiece { hash.update($0) } }
    let fingerprint = hash.value
    header.metadata[PackedFile.fingerprintKey] = hexadecimal(fingerprint)
    var file = try AtomicFile(replacing: path)
    header.encoded().withUnsafeBytes { file.append($0) }
    for spool in spools {
      try spool.forEachPiece { piece in
        file.append(piece)
        progress(piece.count)
      }
    }
    try file.commit()
    return fingerprint
  }
}

/// Bytes that grow in a file without a name.
private final class Spool {
  private let path: String
  private let descriptor: Int32
  private var waiting: [UInt8] = []
  /// The bytes so far.
  private(set) var byteCount = 0

  /// A spool on the disk where a file will be.
  init(beside path: String) throws(FileError) {
    self.path = path + ".rows.partial"
    descriptor = open(self.path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw FileError("create", self.path) }
    unlink(self.path)
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    waiting += bytes
    byteCount += bytes.count
    if waiting.count >= 1 << 20 { try flush() }
  }

  private func flush() throws(FileError) {
    let failure = waiting.withUnsafeBytes { writeAll($0, to: descriptor) }
    if let failure { throw FileError("write", path, code: failure) }
    waiting.removeAll(keepingCapacity: true)
  }

  /// Hands over everything, a few megabytes at a time.
  func forEachPiece(_ body: (UnsafeRawBufferPointer) -> Void) throws(FileError) {
    try flush()
    if byteCount == 0 { return }
    let start = mmap(nil, byteCount, PROT_READ, MAP_SHARED, descriptor, 0)
    guard let start, start != MAP_FAILED else { throw FileError("map", path) }
    defer { munmap(start, byteCount) }
    pieces(of: UnsafeRawBufferPointer(start: start, count: byteCount)).forEach(body)
  }
}
