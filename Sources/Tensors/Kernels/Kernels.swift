// The namespace of all kernels: functions from tensors to tensors, without derivatives.

/// Functions from tensors to tensors.
///
/// What a kernel computes depends on its arguments alone: work is cut into chunks by shape, never
/// by the number of threads, and partial sums are added in chunk order.
public enum Kernels {}

/// A pointer that several chunks of one operation share.
///
/// `@unchecked Sendable`: chunks write disjoint ranges, and the operation that owns the memory
/// outlives them, because `ThreadPool.run` returns only when all chunks are done.
struct SharedPointer: @unchecked Sendable {
  let pointer: UnsafeMutablePointer<Float>
  init(_ pointer: UnsafeMutablePointer<Float>) { self.pointer = pointer }
  init(_ pointer: UnsafePointer<Float>) { self.pointer = UnsafeMutablePointer(mutating: pointer) }
  static func + (a: SharedPointer, offset: Int) -> UnsafeMutablePointer<Float> {
    a.pointer + offset
  }
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
