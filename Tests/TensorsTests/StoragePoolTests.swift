// The pool of memory: what it hands out again, what it lets go of, and that threads may share it.

import Foundation
import Testing

@testable import Tensors

@Suite struct StoragePoolTests {
  private let megabyte = 1 << 20

  @Test func classesAreTightAndInOrder() {
    var sizes = Array(1...5_000)
    for octave in 13..<40 {
      for eighth in 8..<16 { sizes += [-1, 0, 1].map { (eighth << (octave - 3)) + $0 } }
    }
    for bytes in sizes.sorted() {
      let index = SizeClass.index(forBytes: bytes)
      let size = SizeClass.byteCount(of: index)
      #expect(size >= bytes && size % 64 == 0, "\(bytes) bytes in \(size)")
      #expect(index == 0 || SizeClass.byteCount(of: index - 1) < bytes, "\(bytes) in \(size)")
      #expect(size - bytes < max(64, size / 8), "\(bytes) bytes in \(size)")
    }
    #expect(SizeClass.index(forBytes: 0) == 0)
  }

  @Test func whatIsGivenBackIsHandedOutAgain() {
    let pool = StoragePool()
    for bytes in [0, 4, 1_000, 300_000, 2 * megabyte, 5 * megabyte + 4] {
      let first = pool.take(bytes: bytes)
      #expect(Int(bitPattern: first.address) % (bytes >= 2 * megabyte ? 2 * megabyte : 64) == 0)
      memset(first.address, 1, first.byteCount)
      let taken = pool.memory.blocksTaken
      pool.giveBack(first)
      // A ragged set is a little smaller at the next step.
      let second = pool.take(bytes: bytes - bytes / 16)
      #expect(second.address == first.address && pool.memory.blocksTaken == taken)
    }
  }

  @Test func bytesAreCounted() {
    let pool = StoragePool()
    let blocks = [100, 10_000, 3 * megabyte].map { pool.take(bytes: $0) }
    let bytes = blocks.reduce(0) { $0 + $1.byteCount }
    #expect(pool.memory.bytesInUse == bytes && pool.memory.bytesHeld == bytes)
    for block in blocks { pool.giveBack(block) }
    let last = pool.take(bytes: 64)
    let memory = pool.memory
    #expect(memory.bytesInUse == last.byteCount && memory.bytesHeld == bytes)
    #expect(memory.peakBytesInUse == bytes && memory.blocksTaken == 3)
    pool.giveBack(last)
  }

  @Test func muchBiggerBlocksAreNotBorrowed() {
    let pool = StoragePool()
    pool.giveBack(pool.take(bytes: 8 * megabyte))
    #expect(pool.take(bytes: 3 * megabyte).byteCount < 4 * megabyte)
    #expect(pool.take(bytes: 5 * megabyte).byteCount == 8 * megabyte)
  }

  @Test func whatIsNoLongerNeededGoesBack() {
    let pool = StoragePool()
    let large = (0..<4).map { _ in pool.take(bytes: 64 * megabyte) }
    for block in large { pool.giveBack(block) }
    // Steps that use one of the large blocks and one of their own.
    func step() {
      let blocks = [60, 3].map { pool.take(bytes: $0 * megabyte) }
      for block in blocks { pool.giveBack(block) }
    }
    step()
    let taken = pool.memory.blocksTaken
    #expect(pool.memory.bytesHeld >= 4 * 64 * megabyte)
    for _ in 0..<1_000 { step() }
    #expect(pool.memory.bytesHeld < (64 + 4) * megabyte)
    #expect(pool.memory.blocksTaken == taken, "a step let go of what the next one needed")
  }

  @Test func threadsShareThePool() {
    let pool = StoragePool()
    ThreadPool(threadCount: 4).run(chunks: 16) { chunk in
      var held: [StoragePool.Block] = []
      for i in 0..<2_000 {
        let block = pool.take(bytes: 8 + (i * 37 + chunk) % 3_000)
        block.address.storeBytes(of: chunk, as: Int.self)
        held.append(block)
        if held.count == 5 {
          let block = held.removeFirst()
          precondition(block.address.load(as: Int.self) == chunk, "two owners of a block")
          pool.giveBack(block)
        }
      }
      for block in held { pool.giveBack(block) }
    }
    #expect(pool.memory.bytesInUse == 0 && pool.memory.blocksTaken <= 4 * 5 * 64)
  }
}
