// Arrays written so that numpy reads them.

import Files
import Foundation

/// The arrays of a .npz file in the making.
///
/// They are stored as they are, not compressed, and without a time: the same arrays give the same
/// bytes on every machine.
public struct NumpyArchive: Sendable {
  private var entries: [(name: String, bytes: Data)] = []

  /// An archive without arrays.
  public init() {}

  /// Adds an array under a name that is not taken yet; `scalars` lie row by row.
  public mutating func add<Scalar: PackedScalar>(
    _ name: String, _ scalars: [Scalar], shape: [Int]
  ) {
    precondition(scalars.count == shape.reduce(1, *), "\(scalars.count) scalars for \(shape)")
    precondition(!entries.contains { $0.name == name }, "two arrays called \(name)")
    var bytes = Self.header(Scalar.fileScalar, shape)
    scalars.withUnsafeBytes { bytes.append(contentsOf: $0) }
    entries.append((name, bytes))
  }

  /// Writes the file, whole or not at all.
  ///
  /// Throws if that is not possible, or if the arrays have 4 GB or more.
  public func write(to path: String) throws(FileError) {
    guard entries.reduce(0, { $0 + $1.bytes.count + 256 }) < 1 << 32 else {
      throw FileError(in: path, "it would have 4 GB or more; write fewer samples")
    }
    var file = try AtomicFile(replacing: path)
    func append(_ bytes: Data) { bytes.withUnsafeBytes { file.append($0) } }
    var directory = Data()
    var offset = 0
    for (name, bytes) in entries {
      let entry = StoredEntry(name: name + ".npy", bytes: bytes)
      append(entry.header)
      append(bytes)
      directory += entry.directoryEntry(offset: offset)
      offset += entry.header.count + bytes.count
    }
    append(directory)
    append(StoredEntry.end(count: entries.count, directory: directory.count, offset: offset))
    try file.commit()
  }

  /// A header of version 1.0, padded so that the scalars begin at a multiple of 64 bytes.
  private static func header(_ scalar: SafetensorsScalar, _ shape: [Int]) -> Data {
    let extents = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    let text =
      "{'descr': '\(descriptions[scalar] ?? "")', 'fortran_order': False, "
      + "'shape': (\(extents)), }"
    let frame = 10
    let padding = 63 - (frame + text.utf8.count) % 64
    let length = text.utf8.count + padding + 1
    let start = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 255), UInt8(length >> 8)]
    return Data(start) + Data(text.utf8) + Data(repeating: 0x20, count: padding) + Data([0x0A])
  }

  private static let descriptions: [SafetensorsScalar: String] = [
    .float64: "<f8", .float32: "<f4", .float16: "<f2", .boolean: "|b1",
    .integer64: "<i8", .integer32: "<i4", .integer16: "<i2", .integer8: "|i1",
    .unsigned64: "<u8", .unsigned32: "<u4", .unsigned16: "<u2", .unsigned8: "|u1",
  ]
}

/// An entry of a ZIP archive that is not compressed (method 0), as PKWARE's description has it.
private struct StoredEntry {
  let name: String
  /// What its two headers share: version, flags, method, time (midnight, 1980-01-01), checksum,
  /// sizes and the length of its name.
  private let common: Data

  init(name: String, bytes: Data) {
    self.name = name
    let size = UInt32(bytes.count)
    common =
      little(20 as UInt16) + little(0 as UInt16) + little(0 as UInt16) + little(0 as UInt16)
      + little(33 as UInt16) + little(Self.checksum(bytes)) + little(size) + little(size)
      + little(UInt16(name.utf8.count)) + little(0 as UInt16)
  }

  /// What stands before the content.
  var header: Data { Data("PK\u{3}\u{4}".utf8) + common + Data(name.utf8) }

  /// What the directory says of the entry at an offset.
  func directoryEntry(offset: Int) -> Data {
    // No comment, first disk, no attributes.
    Data("PK\u{1}\u{2}".utf8) + little(20 as UInt16) + common + Data(count: 10)
      + little(UInt32(offset)) + Data(name.utf8)
  }

  /// What ends an archive whose directory of so many bytes begins at an offset.
  static func end(count: Int, directory: Int, offset: Int) -> Data {
    Data("PK\u{5}\u{6}".utf8) + Data(count: 4) + little(UInt16(count)) + little(UInt16(count))
      + little(UInt32(directory)) + little(UInt32(offset)) + Data(count: 2)
  }

  /// CRC-32, as in ISO 3309.
  private static func checksum(_ bytes: Data) -> UInt32 {
    let table = (0..<256 as Range<UInt32>).map { index in
      (0..<8).reduce(index) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
    }
    return bytes.withUnsafeBytes { bytes in
      ~bytes.reduce(~0) { $0 >> 8 ^ table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
    }
  }
}

/// The bytes of a number, the lowest first.
private func little(_ number: some FixedWidthInteger) -> Data {
  withUnsafeBytes(of: number.littleEndian) { Data($0) }
}
