// What a process says, line by line, read on a thread of its own.

import Foundation
import Glibc
import Synchronization

/// The lines that come through a pipe, so that whoever writes them never waits for a reader.
final class LineReader: Sendable {
  /// The pipe, whose writing end belongs to the process that speaks.
  let pipe = Pipe()
  private let lines = Mutex<[String]>([])
  /// What is kept at the most of a line, in bytes, and of lines that nobody takes.
  private static let (longestLine, mostLines) = (1 << 16, 10_000)

  /// Reads from now on, until the writing end is closed.
  func start() {
    let handle = pipe.fileHandleForReading
    let thread = Thread { [self] in
      var buffer = [UInt8](repeating: 0, count: 1 << 14)
      var rest: [UInt8] = []
      while true {
        let count = read(handle.fileDescriptor, &buffer, buffer.count)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { break }
        for byte in buffer[..<count] {
          if byte == UInt8(ascii: "\n") {
            keep(rest)
            rest = []
          } else if rest.count < Self.longestLine {
            rest.append(byte)
          }
        }
      }
      if !rest.isEmpty { keep(rest) }
      try? handle.close()
    }
    thread.stackSize = 256 << 10
    thread.start()
  }

  /// The lines that have come since the last time.
  func take() -> [String] {
    lines.withLock { lines in
      defer { lines = [] }
      return lines
    }
  }

  private func keep(_ line: [UInt8]) {
    let text = String(decoding: line, as: UTF8.self)
    lines.withLock { if $0.count < Self.mostLines { $0.append(text) } }
  }
}
