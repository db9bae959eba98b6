// Weights and checkpoints, read from a file that PyTorch may have written.

import Files
import Foundation
import Tensors

extension SafetensorsEntry {
  /// The shape.
  public var shape: Shape { Shape(dimensions) }
}

/// The contents of a safetensors file, checked wholly when it is opened.
public struct Safetensors: Sendable {
  /// The file's name, for errors.
  public let file: String
  /// The strings that the file carries beside its tensors.
  public let metadata: [String: String]
  /// The tensors, in the order of their bytes.
  public let entries: [SafetensorsEntry]
  private let positions: [String: Int]
  /// The tensors' bytes, without the header.
  private let bytes: Data

  /// Reads a file.
  ///
  /// Throws a `SafetensorsError` if it is missing, or is not a sound file.
  public init(contentsOf path: String) throws(SafetensorsError) {
    let data: Data
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path))
    } catch {
      throw SafetensorsError(
        file: path, "cannot be read (\(readableReason(error))); check the path")
    }
    try self.init(decoding: data, file: path)
  }

  /// Decodes the bytes of a file.
  ///
  /// Throws a `SafetensorsError` naming `file` if they are not sound.
  public init(decoding data: Data, file: String) throws(SafetensorsError) {
    let decoded = data.withUnsafeBytes { bytes in
      Result { () throws(SafetensorsError) in try SafetensorsHeader.decode(bytes, file: file) }
    }
    let (header, end) = try decoded.get()
    self.file = file
    metadata = header.metadata
    entries = header.entries
    positions = Dictionary(
      uniqueKeysWithValues: header.entries.enumerated().map { ($1.name, $0) })
    bytes = data.dropFirst(end)
  }

  /// What the file says of a tensor, nil if there is none of that name.
  public func entry(_ name: String) -> SafetensorsEntry? {
    positions[name].map { entries[$0] }
  }

  /// A tensor of floating-point numbers, rounded to `Float` if the file has another width.
  public func tensor(_ name: String) throws(SafetensorsError) -> Tensor {
    let entry = try requireEntry(name)
    guard [.float32, .float64, .float16, .brain16].contains(entry.scalar) else {
      throw SafetensorsError(
        file: file, tensor: name, "it is of type \(entry.scalar.rawValue), not floating point")
    }
    return withBytes(of: entry) { bytes in
      Tensor(shape: entry.shape) { scalars in
        if entry.scalar == .float32 {
          UnsafeMutableRawBufferPointer(scalars).copyMemory(from: bytes)
          return
        }
        for i in scalars.indices { scalars[i] = Self.float(at: i, in: bytes, of: entry.scalar) }
      }
    }
  }

  /// A tensor of floating-point numbers, all of them finite.
  ///
  /// What computes with them may hide that they are not: one engine's ReLU makes 0 of NaN.
  public func finiteTensor(_ name: String) throws(SafetensorsError) -> Tensor {
    let tensor = try tensor(name)
    let place = tensor.withScalars { $0.firstIndex { !$0.isFinite } }
    if let place {
      throw SafetensorsError(
        file: file, tensor: name, "its number at position \(place) is not finite")
    }
    return tensor
  }

  /// The scalars of a tensor of integers or truth values, in row-major order.
  public func integers(_ name: String) throws(SafetensorsError) -> [Int64] {
    let entry = try requireEntry(name)
    let count = entry.shape.count
    let integers: [Int64?] = withBytes(of: entry) { bytes in
      (0..<count).map { Self.integer(at: $0, in: bytes, of: entry.scalar) }
    }
    let valid = integers.compactMap(\.self)
    if valid.count != count {
      throw SafetensorsError(
        file: file, tensor: name,
        "it is of type \(entry.scalar.rawValue) with values that are not 64-bit integers")
    }
    return valid
  }

  private func requireEntry(_ name: String) throws(SafetensorsError) -> SafetensorsEntry {
    guard let entry = entry(name) else {
      throw SafetensorsError(file: file, tensor: name, "the file has no tensor of this name")
    }
    return entry
  }

  private func withBytes<R>(of entry: SafetensorsEntry, _ body: (UnsafeRawBufferPointer) -> R) -> R
  {
    bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[entry.range])) }
  }

  private static func load<Integer: FixedWidthInteger & BitwiseCopyable>(
    _ type: Integer.Type, at index: Int, in bytes: UnsafeRawBufferPointer
  ) -> Integer {
    Integer(
      littleEndian: bytes.loadUnaligned(
        fromByteOffset: index * MemoryLayout<Integer>.size, as: Integer.self))
  }

  private static func float(
    at i: Int, in bytes: UnsafeRawBufferPointer, of scalar: SafetensorsScalar
  ) -> Float {
    switch scalar {
    case .float64: Float(Double(bitPattern: load(UInt64.self, at: i, in: bytes)))
    case .brain16: Float(bitPattern: UInt32(load(UInt16.self, at: i, in: bytes)) << 16)
    case .float16: Float(Float16(bitPattern: load(UInt16.self, at: i, in: bytes)))
    default: Float(bitPattern: load(UInt32.self, at: i, in: bytes))
    }
  }

  private static func integer(
    at i: Int, in bytes: UnsafeRawBufferPointer, of scalar: SafetensorsScalar
  ) -> Int64? {
    switch scalar {
    case .integer64: load(Int64.self, at: i, in: bytes)
    case .unsigned64: Int64(exactly: load(UInt64.self, at: i, in: bytes))
    case .integer32: Int64(load(Int32.self, at: i, in: bytes))
    case .unsigned32: Int64(load(UInt32.self, at: i, in: bytes))
    case .integer16: Int64(load(Int16.self, at: i, in: bytes))
    case .unsigned16: Int64(load(UInt16.self, at: i, in: bytes))
    case .integer8: Int64(load(Int8.self, at: i, in: bytes))
    case .unsigned8, .boolean: Int64(load(UInt8.self, at: i, in: bytes))
    case .float64, .float32, .float16, .brain16: nil
    }
  }
}
