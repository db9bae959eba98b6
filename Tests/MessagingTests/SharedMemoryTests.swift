// Memory that two sides map: what one writes the other reads, and nothing else is taken for it.

import Foundation
import Glibc
import Testing

@testable import Messaging

@Suite struct SharedMemoryTests {
  @Test func bothSidesSeeWhatEitherWrites() throws {
    let made = try SharedMemory(byteCount: 10_000, key: 7)
    let opened = try SharedMemory(at: made.path, byteCount: 10_000, key: 7)
    #expect(opened.bytes.count == 10_000 && opened.bytes.allSatisfy { $0 == 0 })
    made.bytes[9_999] = 3
    opened.bytes[0] = 4
    #expect(opened.bytes[9_999] == 3 && made.bytes[0] == 4)
  }

  @Test func onlyTheMemoryThatWasOfferedIsTaken() throws {
    let made = try SharedMemory(byteCount: 10_000, key: 7)
    #expect(throws: MessagingError.self) {
      try SharedMemory(at: made.path, byteCount: 10_000, key: 8)
    }
    #expect(throws: MessagingError.self) {
      try SharedMemory(at: made.path, byteCount: 10_001, key: 7)
    }
    #expect(throws: MessagingError.self) {
      try SharedMemory(at: "/nowhere", byteCount: 10_000, key: 7)
    }
    // A file could be cut while it is read.
    let file = NSTemporaryDirectory() + "shared-memory-\(UUID().uuidString)"
    defer { unlink(file) }
    var content = Data(count: 14_096)
    content[0] = 7
    try content.write(to: URL(fileURLWithPath: file))
    #expect(throws: MessagingError.self) { try SharedMemory(at: file, byteCount: 10_000, key: 7) }
  }

  @Test func nobodyCanTakeAPageAway() throws {
    let made = try SharedMemory(byteCount: 10_000, key: 7)
    #expect(truncate(made.path, 100) != 0)
    #expect(made.bytes[9_999] == 0)
  }

  @Test func itIsGoneWhenNobodyMapsIt() throws {
    let path: String
    do { path = try SharedMemory(byteCount: 10, key: 1).path }
    #expect(throws: MessagingError.self) { try SharedMemory(at: path, byteCount: 10, key: 1) }
  }
}
