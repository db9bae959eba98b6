// Weights and checkpoints, written so that PyTorch can read them and no crash leaves half a file.

import Files
import Foundation
import Tensors

/// A safetensors file in the making.
///
/// The same contents always give the same bytes: tensors lie in the order of their types, widest
/// first, and then of their names, as Python's writer has them.
public struct SafetensorsWriter: Sendable {
  private enum Content: Sendable {
    case floats(Tensor)
    case integers64([Int64])
    case integers32([Int32])
    case bytes([UInt8])
  }

  private struct Item: Sendable {
    let name: String
    let scalar: SafetensorsScalar
    let shape: Shape
    let content: Content
    var byteCount: Int { shape.count * scalar.byteCount }
  }

  /// Strings to be carried beside the tensors.
  public var metadata: [String: String]
  private var items: [Item] = []
  private var names: Set<String> = ["__metadata__"]

  /// An empty file.
  public init(metadata: [String: String] = [:]) { self.metadata = metadata }

  /// Adds a tensor as F32.
  ///
  /// Names must be unique in the file.
  public mutating func add(_ name: String, _ tensor: Tensor) {
    add(Item(name: name, scalar: .float32, shape: tensor.shape, content: .floats(tensor)))
  }

  /// Adds integers as I64, in row-major order; without a shape they are a vector.
  public mutating func add(_ name: String, _ integers: [Int64], shape: Shape? = nil) {
    add(
      Item(
        name: name, scalar: .integer64, shape: shape ?? [integers.count],
        content: .integers64(integers)), count: integers.count)
  }

  /// Adds integers as I32, in row-major order; without a shape they are a vector.
  public mutating func add(_ name: String, _ integers: [Int32], shape: Shape? = nil) {
    add(
      Item(
        name: name, scalar: .integer32, shape: shape ?? [integers.count],
        content: .integers32(integers)), count: integers.count)
  }

  /// Adds bytes as U8, in row-major order; without a shape they are a vector.
  public mutating func add(_ name: String, _ bytes: [UInt8], shape: Shape? = nil) {
    add(
      Item(
        name: name, scalar: .unsigned8, shape: shape ?? [bytes.count], content: .bytes(bytes)),
      count: bytes.count)
  }

  private mutating func add(_ item: Item, count: Int? = nil) {
    precondition(names.insert(item.name).inserted, "two tensors are called \(item.name)")
    precondition(
      count == nil || count == item.shape.count,
      "tensor \(item.name): \(count ?? 0) scalars for shape \(item.shape)")
    items.append(item)
  }

  /// The bytes of the file.
  public func encoded() -> Data {
    var data = Data()
    forEachPart { data.append(contentsOf: $0) }
    return data
  }

  /// Writes the file whole or not at all.
  ///
  /// A crash at any moment leaves either what `path` was before or the whole new file. Throws if it
  /// could not be written.
  public func write(to path: String) throws(FileError) {
    var file = try AtomicFile(replacing: path)
    forEachPart { file.append($0) }
    try file.commit()
  }

  private func orderedItems() -> [Item] {
    let order = Dictionary(
      uniqueKeysWithValues: SafetensorsScalar.allCases.enumerated().map { ($1, $0) })
    return items.sorted { a, b in
      if a.scalar != b.scalar { return order[a.scalar, default: 0] < order[b.scalar, default: 0] }
      return a.name.utf8.lexicographicallyPrecedes(b.name.utf8)
    }
  }

  /// The length and the JSON, padded with spaces so that the tensors begin on a multiple of 8.
  private func header(of ordered: [Item]) -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        .map { "\(Self.quoted($0.key)):\(Self.quoted($0.value))" }
      members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var end = 0
    for item in ordered {
      let extents = item.shape.dimensions.map(String.init).joined(separator: ",")
      members.append(
        "\(Self.quoted(item.name)):{\"dtype\":\"\(item.scalar.rawValue)\",\"shape\":[\(extents)],"
          + "\"data_offsets\":[\(end),\(end + item.byteCount)]}")
      end += item.byteCount
    }
    var json = Array("{\(members.joined(separator: ","))}".utf8)
    json += [UInt8](repeating: UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
    return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
  }

  private static func quoted(_ string: String) -> String {
    var text = "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\u{08}": text += "\\b"
      case "\u{0C}": text += "\\f"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case ..<" ":
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }

  /// Hands over the bytes of the file, part by part.
  ///
  /// Scalars go as they lie in memory: every machine that Swift runs on is little-endian.
  private func forEachPart(_ body: (UnsafeRawBufferPointer) -> Void) {
    let ordered = orderedItems()
    header(of: ordered).withUnsafeBytes(body)
    for item in ordered {
      switch item.content {
      case .floats(let tensor): tensor.withScalars { body(UnsafeRawBufferPointer($0)) }
      case .integers64(let integers): integers.withUnsafeBytes(body)
      case .integers32(let integers): integers.withUnsafeBytes(body)
      case .bytes(let bytes): bytes.withUnsafeBytes(body)
      }
    }
  }
}
