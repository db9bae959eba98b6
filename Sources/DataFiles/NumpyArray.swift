// Arrays that numpy saved.

import Files
import Foundation

/// The array of a .npy file: numbers of any width and byte order, row-major.
public struct NumpyArray: Sendable {
  /// The file, for errors.
  public let file: String
  /// The extents, outermost first; none if the array is a single number.
  public let shape: [Int]
  /// The type of the scalars in the file.
  public let scalar: SafetensorsScalar
  private let isBigEndian: Bool
  private let bytes: Data

  /// Reads a file of at most `limit` bytes.
  ///
  /// Throws if it is not there, is damaged, or holds anything but plain numbers in C's order.
  public init(contentsOf path: String, limit: Int = 1 << 30) throws(FileError) {
    try self.init(decoding: try readFile(path, limit: limit), file: path)
  }

  /// Decodes the bytes of a file.
  ///
  /// Throws naming `file` if they are not sound.
  public init(decoding data: Data, file: String) throws(FileError) {
    let decoded = data.withUnsafeBytes { bytes in
      Result { () throws(FileError) in try NumpyHeader(bytes, file: file) }
    }
    let header = try decoded.get()
    self.file = file
    shape = header.shape
    scalar = header.scalar
    isBigEndian = header.isBigEndian
    bytes = data.dropFirst(header.end)
  }

  /// The number of scalars.
  public var count: Int { bytes.count / scalar.byteCount }

  /// The scalars as they are.
  ///
  /// Throws if they are of another type.
  public func scalars<Scalar: PackedScalar>(of type: Scalar.Type) throws(FileError) -> [Scalar] {
    guard scalar == type.fileScalar else {
      throw FileError(
        in: file, "its scalars are of type \(scalar.rawValue), not \(type.fileScalar.rawValue)")
    }
    let size = scalar.byteCount
    return [Scalar](unsafeUninitializedCapacity: count) { scalars, count in
      let target = UnsafeMutableRawBufferPointer(scalars)
      bytes.withUnsafeBytes { target.copyMemory(from: $0) }
      if isBigEndian && size > 1 {
        for start in stride(from: 0, to: target.count, by: size) {
          target[start..<start + size].reverse()
        }
      }
      count = scalars.count
    }
  }

  /// The scalars as floating-point numbers, rounded if they are wider.
  public func floats() -> [Float] {
    switch scalar {
    case .float32: convert(UInt32.self) { Float(bitPattern: $0) }
    case .float64: convert(UInt64.self) { Float(Double(bitPattern: $0)) }
    case .float16: convert(UInt16.self) { Float(Float16(bitPattern: $0)) }
    case .brain16: convert(UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
    case .unsigned64: convert(UInt64.self) { Float($0) }
    default: integersInRange().map { Float($0) }
    }
  }

  /// The scalars as whole numbers; truth values are 0 and 1.
  ///
  /// Throws if they are floating-point numbers, or too large.
  public func integers() throws(FileError) -> [Int] {
    switch scalar {
    case .float64, .float32, .float16, .brain16:
      throw FileError(in: file, "its scalars are of type \(scalar.rawValue), not whole numbers")
    case .unsigned64:
      let numbers = convert(UInt64.self) { Int(exactly: $0) }
      let valid = numbers.compactMap(\.self)
      guard valid.count == numbers.count else {
        throw FileError(in: file, "one of its numbers is larger than \(Int.max)")
      }
      return valid
    default: return integersInRange()
    }
  }

  private func integersInRange() -> [Int] {
    switch scalar {
    case .integer64: convert(Int64.self) { Int($0) }
    case .integer32: convert(Int32.self) { Int($0) }
    case .integer16: convert(Int16.self) { Int($0) }
    case .integer8: convert(Int8.self) { Int($0) }
    case .unsigned32: convert(UInt32.self) { Int($0) }
    case .unsigned16: convert(UInt16.self) { Int($0) }
    case .unsigned8: convert(UInt8.self) { Int($0) }
    case .boolean: convert(UInt8.self) { $0 == 0 ? 0 : 1 }
    case .unsigned64, .float64, .float32, .float16, .brain16: []
    }
  }

  private func convert<Bits: FixedWidthInteger & BitwiseCopyable, Result>(
    _ type: Bits.Type, _ body: (Bits) -> Result
  ) -> [Result] {
    bytes.withUnsafeBytes { bytes in
      (0..<count).map { index in
        let bits = bytes.loadUnaligned(fromByteOffset: index * MemoryLayout<Bits>.size, as: type)
        return body(isBigEndian ? Bits(bigEndian: bits) : Bits(littleEndian: bits))
      }
    }
  }
}

extension ZipArchive {
  /// The names of the arrays of a .npz file, in the archive's order.
  public var arrayNames: [String] {
    entries.map(\.name).filter { $0.hasSuffix(".npy") }.map { String($0.dropLast(4)) }
  }

  /// An array of a .npz file, of at most `limit` bytes.
  ///
  /// Throws if there is none of that name, or if it is damaged or larger.
  public func array(_ name: String, limit: Int = 1 << 30) throws(FileError) -> NumpyArray {
    try NumpyArray(
      decoding: try read(name + ".npy", limit: limit), file: "\(path), \(name).npy")
  }
}
