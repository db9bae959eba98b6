// The memory behind tensors.

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A block of float32 on a 64-byte boundary, so that vector loads never straddle cache lines.
///
/// `@unchecked Sendable`: the pointer is fixed for the object's lifetime, and the scalars are
/// written only while a single tensor references the object (`Tensor.withMutableScalars`) or by
/// the closure that initialises it.
final class TensorStorage: @unchecked Sendable {
  let scalars: UnsafeMutablePointer<Float>
  let count: Int

  init(count: Int) {
    self.count = count
    let bytes = max(64, (count * MemoryLayout<Float>.stride + 63) & ~63)
    // Big blocks lie on huge pages: a fresh page costs a fault, and five hundred small ones as
    // many.
    let isBig = bytes >= Self.hugePage
    guard let block = aligned_alloc(isBig ? Self.hugePage : 64, bytes) else {
      fatalError("out of memory: \(bytes) bytes for a tensor of \(count) scalars")
    }
    #if canImport(Glibc)
      if isBig { madvise(block, bytes / Self.hugePage * Self.hugePage, MADV_HUGEPAGE) }
    #endif
    scalars = block.bindMemory(to: Float.self, capacity: count)
  }

  /// The size and alignment of the processor's large pages.
  private static let hugePage = 2 << 20

  deinit { free(scalars) }
}
