// Arrays that were packed into a file once, and that many processes look at without reading it.

import Files

/// A safetensors file, mapped into memory: its arrays are where the file has them.
///
/// Opening it checks its header and its size and reads none of the arrays; all processes on a
/// machine share the memory. Any thread may use it.
public struct PackedFile: Sendable {
  /// The name in the metadata under which `PackedFileWriter` notes the fingerprint.
  static let fingerprintKey = "fingerprint"

  private let file: MappedFile
  private let header: SafetensorsHeader
  /// The first byte of the arrays.
  private let start: Int
  private let positions: [String: Int]

  /// Opens a file.
  ///
  /// Throws if it is not there, is shorter than it says, or is not sound in any other way.
  public init(_ path: String) throws(FileError) {
    file = try MappedFile(path)
    do {
      (header, start) = try file.withBytes { bytes throws(SafetensorsError) in
        try SafetensorsHeader.decode(bytes, file: path)
      }
    } catch { throw FileError("\(error).") }
    positions = Dictionary(
      uniqueKeysWithValues: header.entries.enumerated().map { ($1.name, $0) })
  }

  /// The file's path.
  public var path: String { file.path }

  /// The strings that the file carries beside its arrays.
  public var metadata: [String: String] { header.metadata }

  /// The arrays, in the order of their bytes.
  public var entries: [SafetensorsEntry] { header.entries }

  /// An array by its name.
  ///
  /// Throws if there is none, or if its scalars are not of the type asked for.
  public func array<Scalar: PackedScalar>(
    _ name: String, of type: Scalar.Type = Scalar.self
  ) throws(FileError) -> PackedArray<Scalar> {
    let entry = try entry(name)
    guard entry.scalar == type.fileScalar else {
      throw FileError(
        in: path,
        "array \"\(name)\" is of type \(entry.scalar.rawValue), not \(type.fileScalar.rawValue)")
    }
    guard (start + entry.range.lowerBound).isMultiple(of: MemoryLayout<Scalar>.alignment) else {
      throw FileError(
        in: path, "array \"\(name)\" does not begin where its type allows; pack the file again")
    }
    return PackedArray(file: file, entry: entry, start: start + entry.range.lowerBound)
  }

  /// Hands over the bytes of an array of any type, which are valid within `body` only.
  ///
  /// Throws if there is none of that name.
  public func withBytes<Result>(
    of name: String, _ body: (UnsafeRawBufferPointer) -> Result
  ) throws(FileError) -> Result {
    let range = try entry(name).range
    return file.withBytes { bytes in
      body(
        UnsafeRawBufferPointer(rebasing: bytes[start + range.lowerBound..<start + range.upperBound])
      )
    }
  }

  private func entry(_ name: String) throws(FileError) -> SafetensorsEntry {
    guard let position = positions[name] else {
      throw FileError(in: path, "there is no array \"\(name)\" in it")
    }
    return header.entries[position]
  }

  /// The hash of everything in the file, as whoever wrote it noted it; nil if nobody did.
  public var statedFingerprint: UInt64? {
    metadata[Self.fingerprintKey].flatMap(number(hexadecimal:))
  }

  /// Computes the hash of everything in the file (64-bit XXH3): metadata, names, shapes, numbers.
  ///
  /// `progress` is called with the numbers of bytes as they are hashed.
  public func computedFingerprint(progress: (_ byteCount: Int) -> Void = { _ in }) -> UInt64 {
    var plain = header
    plain.metadata[Self.fingerprintKey] = nil
    let hash = ContentHash()
    plain.encoded().withUnsafeBytes(hash.update)
    file.withBytes { bytes in
      for piece in pieces(of: UnsafeRawBufferPointer(rebasing: bytes[start...])) {
        hash.update(piece)
        progress(piece.count)
      }
    }
    return hash.value
  }

  /// Reads the whole file, and throws if a bit of it is not as it was written.
  public func verify(progress: (_ byteCount: Int) -> Void = { _ in }) throws(FileError) {
    guard let stated = statedFingerprint else {
      throw FileError(in: path, "it has no fingerprint to be held against")
    }
    let computed = computedFingerprint(progress: progress)
    guard computed == stated else {
      throw FileError(
        in: path,
        "its fingerprint is \(hexadecimal(computed)), but \(hexadecimal(stated)) was written; "
          + "it is damaged")
    }
  }
}

/// An array of a packed file: rows of equal shape.
///
/// It keeps the file mapped. Any thread may use it.
public struct PackedArray<Scalar: PackedScalar>: Sendable {
  private let file: MappedFile
  private let start: Int
  /// The number of rows: the outermost extent, or 1 if the array is a single number.
  public let count: Int
  /// The extents of a row; none if rows are single numbers.
  public let rowShape: [Int]
  /// The number of scalars of a row.
  public let scalarsPerRow: Int

  fileprivate init(file: MappedFile, entry: SafetensorsEntry, start: Int) {
    self.file = file
    self.start = start
    count = entry.dimensions.first ?? 1
    rowShape = Array(entry.dimensions.dropFirst())
    scalarsPerRow = rowShape.contains(0) ? 0 : rowShape.reduce(1, *)
  }

  /// Hands over the scalars of some rows, one row after another, valid within `body` only.
  public func withRows<Result, Failure>(
    _ rows: Range<Int>, _ body: (UnsafeBufferPointer<Scalar>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    precondition(
      0 <= rows.lowerBound && rows.upperBound <= count, "rows \(rows) of an array of \(count)")
    let rowSize = scalarsPerRow * MemoryLayout<Scalar>.stride
    let first = start + rows.lowerBound * rowSize
    return try file.withBytes { bytes throws(Failure) in
      let part = UnsafeRawBufferPointer(rebasing: bytes[first..<first + rows.count * rowSize])
      // Whoever opened the array saw that it is aligned, and nothing is ever written there.
      return try body(part.assumingMemoryBound(to: Scalar.self))
    }
  }

  /// Hands over the scalars of a row, valid within `body` only.
  public func withRow<Result, Failure>(
    _ row: Int, _ body: (UnsafeBufferPointer<Scalar>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try withRows(row..<row + 1, body)
  }

  /// The only scalar of a row, or the first of several.
  public subscript(row: Int) -> Scalar {
    withRow(row) { scalars in
      precondition(!scalars.isEmpty, "a row without scalars")
      return scalars[0]
    }
  }

  /// A copy of all scalars.
  public var scalars: [Scalar] { withRows(0..<count) { Array($0) } }
}
