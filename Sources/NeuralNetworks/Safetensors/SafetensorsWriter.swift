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
    require(names.insert(item.name).inserted, "two tensors are called \(item.name)")
    require(
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

  /// Hands over the bytes of the file, part by part.
  ///
  /// Scalars go as they lie in memory: every machine that Swift runs on is little-endian.
  private func forEachPart(_ body: (UnsafeRawBufferPointer) -> Void) {
    let header = SafetensorsHeader(
      metadata: metadata, laying: items.map { ($0.name, $0.scalar, $0.shape.dimensions) })
    header.encoded().withUnsafeBytes(body)
    let contents = Dictionary(uniqueKeysWithValues: items.map { ($0.name, $0.content) })
    for entry in header.entries {
      switch contents[entry.name] {
      case nil: break
      case .floats(let tensor): tensor.withScalars { body(UnsafeRawBufferPointer($0)) }
      case .integers64(let integers): integers.withUnsafeBytes(body)
      case .integers32(let integers): integers.withUnsafeBytes(body)
      case .bytes(let bytes): bytes.withUnsafeBytes(body)
      }
    }
  }
}
