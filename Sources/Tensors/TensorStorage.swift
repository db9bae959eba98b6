// The memory behind tensors.

import Glibc

/// A block of float32 on a 64-byte boundary, so that vector loads never straddle cache lines.
///
/// `@unchecked Sendable`: the pointer is fixed for the object's lifetime, and the scalars are
/// written only while a single tensor references the object (`Tensor.withMutableScalars`) or by
/// the closure that initialises it.
final class TensorStorage: @unchecked Sendable {
  let scalars: UnsafeMutablePointer<Float>
  let count: Int
  #if !EVERY_TENSOR_ALLOCATES
    private let block: StoragePool.Block
  #endif

  /// Room for `count` scalars, which hold whatever the block's last user left.
  ///
  /// Built with `EVERY_TENSOR_ALLOCATES`, each has memory of exactly its size, so that sanitizers
  /// see what is read or written beyond it or after its end.
  init(count: Int) {
    self.count = count
    let bytes = count * MemoryLayout<Float>.stride
    #if EVERY_TENSOR_ALLOCATES
      var memory: UnsafeMutableRawPointer?
      guard posix_memalign(&memory, 64, bytes) == 0, let memory else {
        fatalError("out of memory: \(bytes) bytes for a tensor")
      }
    #else
      block = StoragePool.shared.take(bytes: bytes)
      let memory = block.address
    #endif
    scalars = memory.bindMemory(to: Float.self, capacity: count)
  }

  deinit {
    #if EVERY_TENSOR_ALLOCATES
      free(scalars)
    #else
      StoragePool.shared.giveBack(block)
    #endif
  }
}

/// Scratch memory for the length of a closure.
func withScratch(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
  let storage = TensorStorage(count: count)
  withExtendedLifetime(storage) { body(storage.scalars) }
}
