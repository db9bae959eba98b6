// A plain array of float32 with a shape: what every later part of the program hands around.

/// A contiguous, row-major array of `Float` with a shape.
///
/// A tensor is a value: copies share storage until one of them is written. A tensor may also be a
/// window on a larger storage (a parameter within the flat parameter vector, a reshaped or sliced
/// tensor); reading such a window copies nothing.
public struct Tensor: Sendable {
  /// The extents, outermost first.
  public let shape: Shape
  var storage: TensorStorage
  let offset: Int

  init(shape: Shape, storage: TensorStorage, offset: Int) {
    self.shape = shape
    self.storage = storage
    self.offset = offset
  }

  /// A tensor whose scalars the closure writes; it must write all of them.
  public init(
    shape: Shape, initializingWith initialize: (UnsafeMutableBufferPointer<Float>) throws -> Void
  ) rethrows {
    self.init(shape: shape, storage: TensorStorage(count: shape.count), offset: 0)
    try initialize(UnsafeMutableBufferPointer(start: storage.scalars, count: shape.count))
  }

  /// A tensor of the given scalars in row-major order; their number must be the shape's.
  public init(_ scalars: [Float], shape: Shape) {
    require(scalars.count == shape.count, "\(scalars.count) scalars for shape \(shape)")
    self.init(shape: shape) { buffer in _ = buffer.initialize(from: scalars) }
  }

  /// A vector: `Tensor([1, 2, 3])`.
  public init(_ scalars: [Float]) { self.init(scalars, shape: [scalars.count]) }

  /// A matrix of rows of one length: `Tensor([[1, 2], [3, 4]])`.
  public init(_ rows: [[Float]]) {
    let columns = rows.first?.count ?? 0
    require(rows.allSatisfy { $0.count == columns }, "matrix: rows of \(rows.map(\.count))")
    self.init(Array(rows.joined()), shape: [rows.count, columns])
  }

  /// A tensor with the same scalar everywhere.
  public init(repeating scalar: Float, shape: Shape) {
    self.init(shape: shape) { buffer in buffer.initialize(repeating: scalar) }
  }

  /// A tensor of rank 0.
  public init(scalar: Float) { self.init(repeating: scalar, shape: []) }

  /// A tensor of zeros.
  public static func zeros(_ shape: Shape) -> Tensor { Tensor(repeating: 0, shape: shape) }

  /// The number of elements.
  public var count: Int { shape.count }

  /// The scalars in row-major order, copied into an array.
  public var scalars: [Float] { withScalars { Array($0) } }

  /// The only scalar of a tensor with one element.
  public var item: Float {
    require(count == 1, "item: shape \(shape) has more than one element")
    return withScalars { $0[0] }
  }

  /// Reads the scalars in place.
  ///
  /// The pointer must not outlive the call.
  public func withScalars<R>(_ body: (UnsafeBufferPointer<Float>) throws -> R) rethrows -> R {
    try withExtendedLifetime(storage) {
      try body(UnsafeBufferPointer(start: storage.scalars + offset, count: count))
    }
  }

  /// Writes the scalars in place, after copying them if another tensor shares the storage or this
  /// tensor is a window on a larger one.
  ///
  /// The pointer must not outlive the call.
  public mutating func withMutableScalars<R>(
    _ body: (UnsafeMutableBufferPointer<Float>) throws -> R
  ) rethrows -> R {
    if !isKnownUniquelyReferenced(&storage) || offset != 0 || storage.count != count {
      self = Tensor(shape: shape) { copy in
        withScalars { _ = copy.initialize(from: $0) }
      }
    }
    return try withExtendedLifetime(storage) {
      try body(UnsafeMutableBufferPointer(start: storage.scalars, count: count))
    }
  }

  /// The same scalars under another shape of the same count.
  ///
  /// O(1).
  public func reshaped(to shape: Shape) -> Tensor {
    require(shape.count == count, "reshape: \(self.shape) to \(shape)")
    return Tensor(shape: shape, storage: storage, offset: offset)
  }

  /// A window of the scalars from `start` on, in the given shape, sharing this storage.
  ///
  /// O(1).
  public func window(from start: Int, shape: Shape) -> Tensor {
    require(
      start >= 0 && start + shape.count <= count,
      "window: \(shape) from \(start) in \(count) scalars")
    return Tensor(shape: shape, storage: storage, offset: offset + start)
  }
}

extension Tensor: Equatable {
  /// Whether shapes and all scalars are equal; not-a-number differs from itself.
  public static func == (a: Tensor, b: Tensor) -> Bool {
    a.shape == b.shape
      && a.withScalars { x in b.withScalars { y in x.elementsEqual(y) } }
  }
}
