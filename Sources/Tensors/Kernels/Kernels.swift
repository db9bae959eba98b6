// The namespace of all kernels: functions from tensors to tensors, without derivatives.

/// Functions from tensors to tensors.
///
/// What a kernel computes depends on its arguments alone: work is cut into chunks by shape, never
/// by the number of threads, and partial sums are added in chunk order.
public enum Kernels {
  /// Memory of a tensor's with arbitrary contents, for what a tape keeps of a kernel for another.
  static func uninitialized(_ shape: Shape) -> Tensor { Tensor(shape: shape, pointer: { _ in }) }
}

/// A pointer that several chunks of one operation write through.
///
/// `@unchecked Sendable`: chunks write disjoint ranges, and the operation that owns the memory
/// outlives them, because `ThreadPool.run` returns only when all chunks are done.
struct SharedPointer: @unchecked Sendable {
  let pointer: UnsafeMutablePointer<Float>
  init(_ pointer: UnsafeMutablePointer<Float>) { self.pointer = pointer }
  static func + (a: SharedPointer, offset: Int) -> UnsafeMutablePointer<Float> {
    a.pointer + offset
  }
}

/// A pointer that several chunks of one operation read through.
///
/// `@unchecked Sendable`: nobody writes what a tensor holds, and the operation keeps it alive until
/// all chunks are done.
struct SharedInput: @unchecked Sendable {
  let pointer: UnsafePointer<Float>
  init(_ pointer: UnsafePointer<Float>) { self.pointer = pointer }
  init(_ tensor: Tensor) { pointer = tensor.address }
  static func + (a: SharedInput, offset: Int) -> UnsafePointer<Float> { a.pointer + offset }
}

/// Memory that a kernel writes and that is a tensor afterwards, for kernels with several results.
struct Output {
  private let shape: Shape
  private let storage: TensorStorage

  /// Memory with arbitrary contents.
  init(_ shape: Shape) {
    self.shape = shape
    storage = TensorStorage(count: shape.count)
  }

  /// Memory that is zero where it is not written.
  init(zeros shape: Shape) {
    self.init(shape)
    pointer.initialize(repeating: 0, count: shape.count)
  }

  /// Where to write, until the tensor is asked for.
  var pointer: UnsafeMutablePointer<Float> { storage.scalars }
  /// The same for chunks.
  var shared: SharedPointer { SharedPointer(storage.scalars) }
  /// What was written.
  var tensor: Tensor { Tensor(shape: shape, storage: storage, offset: 0) }
}

extension Tensor {
  /// The address of the first scalar, for kernels that keep the tensor alive around its use.
  ///
  /// They do so by `extendLifetime`, one value at a time: from a tuple handed to
  /// `withExtendedLifetime` Swift 6.3's optimiser may copy the tensors and never release them.
  var address: UnsafePointer<Float> { UnsafePointer(storage.scalars + offset) }

  /// A tensor whose scalars the closure writes through a bare pointer; it must write all of them.
  init(shape: Shape, pointer body: (UnsafeMutablePointer<Float>) -> Void) {
    self.init(shape: shape, storage: TensorStorage(count: shape.count), offset: 0)
    body(storage.scalars)
  }
}

/// The half-open range of the `chunk`-th of `chunks` nearly equal parts of `0..<count`.
func part(_ chunk: Int, of chunks: Int, in count: Int) -> Range<Int> {
  count * chunk / chunks..<count * (chunk + 1) / chunks
}
