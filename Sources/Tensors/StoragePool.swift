// The memory that tensors give back, kept for the next ones.

import Glibc
import Synchronization

/// Blocks of memory that are handed out again and again, so that a training step in the steady
/// state asks the system for nothing.
///
/// Sizes are rounded up to classes, eight to a doubling, so at most an eighth is wasted, and sets
/// whose sizes vary from step to step share blocks. A class without a free block borrows from the
/// next eight, and only then a block is taken from the system.
///
/// Nobody keeps the memory of large batches for ever: whenever the pool has handed out
/// `reviewInterval` times what it holds, and never half of it at once, the blocks that were not
/// needed go back to the system.
///
/// The process has one pool, as it has one `malloc`: it is in nobody's way as a global because a
/// result can depend on neither the address nor the former contents of a block, which its new owner
/// overwrites.
final class StoragePool: Sendable {
  /// The pool of all tensors.
  static let shared = StoragePool()

  /// Memory on loan.
  ///
  /// `@unchecked Sendable`: a block has one owner at a time, who may be on any thread.
  struct Block: @unchecked Sendable {
    let address: UnsafeMutableRawPointer
    fileprivate let sizeClass: Int
    /// The bytes of the whole block, of which the owner asked for some.
    var byteCount: Int { SizeClass.byteCount(of: sizeClass) }
  }

  /// How often everything that is held is handed out between two reviews: some dozens of training
  /// steps, so that a block that each step needs is never let go.
  static let reviewInterval = 64
  /// The classes above its own whose blocks a size may borrow; they are at most about twice as big.
  private static let borrowedClasses = 8

  private let state = Mutex(State())

  /// What the blocks add up to.
  var memory: TensorMemory { state.withLock { $0.memory } }

  /// A block of at least so many bytes, on a 64-byte boundary, with arbitrary contents.
  func take(bytes: Int) -> Block {
    let sizeClass = SizeClass.index(forBytes: bytes)
    return state.withLock { $0.take(sizeClass) }
  }

  /// Ends the loan of a block.
  func giveBack(_ block: Block) { state.withLock { $0.giveBack(block) } }

  deinit { state.withLock { $0.releaseAll() } }

  /// The free blocks of a class, each of which begins with the address of the next.
  private struct FreeList {
    var first: UnsafeMutableRawPointer?
    var count = 0
    /// The fewest there were since the last review: so many were not needed.
    var fewest = 0

    mutating func pop() -> UnsafeMutableRawPointer? {
      guard let block = first else { return nil }
      first = block.load(as: UnsafeMutableRawPointer?.self)
      count -= 1
      fewest = min(fewest, count)
      return block
    }

    mutating func push(_ block: UnsafeMutableRawPointer) {
      block.storeBytes(of: first, as: UnsafeMutableRawPointer?.self)
      first = block
      count += 1
    }
  }

  private struct State {
    var memory = TensorMemory()
    private var free = [FreeList](repeating: FreeList(), count: SizeClass.count)
    /// What was handed out since the last review, and the most of it at once.
    private var bytesSinceReview = 0
    private var peakSinceReview = 0

    mutating func take(_ sizeClass: Int) -> Block {
      let block = reuse(sizeClass) ?? takeFromSystem(sizeClass)
      memory.bytesInUse += block.byteCount
      memory.peakBytesInUse = max(memory.peakBytesInUse, memory.bytesInUse)
      peakSinceReview = max(peakSinceReview, memory.bytesInUse)
      bytesSinceReview += block.byteCount
      if bytesSinceReview > reviewInterval * max(memory.bytesHeld, SizeClass.hugePage) { review() }
      return block
    }

    mutating func giveBack(_ block: Block) {
      memory.bytesInUse -= block.byteCount
      free[block.sizeClass].push(block.address)
    }

    private mutating func reuse(_ sizeClass: Int) -> Block? {
      for candidate in sizeClass...min(sizeClass + borrowedClasses, SizeClass.count - 1) {
        if let address = free[candidate].pop() {
          return Block(address: address, sizeClass: candidate)
        }
      }
      return nil
    }

    private mutating func takeFromSystem(_ sizeClass: Int) -> Block {
      let bytes = SizeClass.byteCount(of: sizeClass)
      var address = SystemMemory.take(bytes)
      if address == nil {
        releaseAll()
        address = SystemMemory.take(bytes)
      }
      guard let address else { fatalError("out of memory: \(bytes) bytes for a tensor") }
      memory.bytesHeld += bytes
      memory.blocksTaken += 1
      return Block(address: address, sizeClass: sizeClass)
    }

    /// Lets go of the blocks that nobody needed since the last review, if they are many: sets of
    /// rare sizes should find theirs again.
    private mutating func review() {
      let isMostlyIdle = memory.bytesHeld > 2 * peakSinceReview
      bytesSinceReview = 0
      peakSinceReview = memory.bytesInUse
      for sizeClass in free.indices {
        if isMostlyIdle { release(free[sizeClass].fewest, of: sizeClass) }
        free[sizeClass].fewest = free[sizeClass].count
      }
    }

    mutating func releaseAll() {
      for sizeClass in free.indices { release(free[sizeClass].count, of: sizeClass) }
    }

    private mutating func release(_ blocks: Int, of sizeClass: Int) {
      let bytes = SizeClass.byteCount(of: sizeClass)
      for _ in 0..<blocks {
        guard let address = free[sizeClass].pop() else { return }
        SystemMemory.release(address, bytes)
        memory.bytesHeld -= bytes
      }
    }
  }
}

/// The sizes of blocks: multiples of 64 bytes up to sixteen of them, then eight to a doubling.
enum SizeClass {
  private static let unit = 64
  /// The size and alignment of the processor's large pages; blocks as big lie on them.
  static let hugePage = 2 << 20
  /// Enough for 2⁴⁸ bytes, all that a process can address.
  static let count = index(forBytes: 1 << 48) + 1

  /// The smallest class of at least so many bytes.
  static func index(forBytes bytes: Int) -> Int {
    let last = (max(bytes, 1) - 1) / unit
    let octave = max(0, Int.bitWidth - last.leadingZeroBitCount - 4)
    return octave * 8 + (last >> octave)
  }

  /// The bytes of each block of a class.
  static func byteCount(of index: Int) -> Int {
    let octave = max(0, index / 8 - 1)
    return ((index - octave * 8 + 1) << octave) * unit
  }
}

/// Memory as the system gives it: big blocks from the kernel, so that they go back for certain, and
/// on huge pages, because a fresh page costs a fault and five hundred small ones as many.
private enum SystemMemory {
  static func take(_ bytes: Int) -> UnsafeMutableRawPointer? {
    let hugePage = SizeClass.hugePage
    guard bytes >= hugePage else { return aligned_alloc(64, bytes) }
    let mapped = mmap(
      nil, bytes + hugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let mapped, mapped != UnsafeMutableRawPointer(bitPattern: -1) else { return nil }
    let skipped = -Int(bitPattern: mapped) & (hugePage - 1)
    let block = mapped + skipped
    if skipped > 0 { munmap(mapped, skipped) }
    munmap(block + bytes, hugePage - skipped)
    madvise(block, bytes, MADV_HUGEPAGE)
    return block
  }

  static func release(_ block: UnsafeMutableRawPointer, _ bytes: Int) {
    if bytes >= SizeClass.hugePage { munmap(block, bytes) } else { free(block) }
  }
}
