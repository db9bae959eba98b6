// The memory behind tensors.

/// A block of float32 on a 64-byte boundary, so that vector loads never straddle cache lines.
///
/// `@unchecked Sendable`: the pointer is fixed for the object's lifetime, and the scalars are
/// written only while a single tensor references the object (`Tensor.withMutableScalars`) or by
/// the closure that initialises it.
final class TensorStorage: @unchecked Sendable {
  let scalars: UnsafeMutablePointer<Float>
  let count: Int
  private let block: StoragePool.Block

  /// Room for `count` scalars, which hold whatever the block's last user left.
  init(count: Int) {
    self.count = count
    block = StoragePool.shared.take(bytes: count * MemoryLayout<Float>.stride)
    scalars = block.address.bindMemory(to: Float.self, capacity: count)
  }

  deinit { StoragePool.shared.giveBack(block) }
}

/// Scratch memory for the length of a closure.
func withScratch(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
  let storage = TensorStorage(count: count)
  withExtendedLifetime(storage) { body(storage.scalars) }
}
