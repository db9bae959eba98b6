// What the tests of files share: a directory that goes away, and damage that can be repeated.

import Files
import Foundation
import Testing

/// Runs `body` with a new directory, and removes it afterwards.
func withDirectory(_ body: (String) throws -> Void) throws {
  let path = NSTemporaryDirectory() + "data-files-tests-" + UUID().uuidString
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: path) }
  try body(path)
}

func write(_ data: Data, _ path: String) throws {
  try data.write(to: URL(fileURLWithPath: path))
}

/// The sentence of the error that `body` has to throw.
func sentence(_ body: () throws -> Void) throws -> String {
  try #require(throws: FileError.self, performing: body).description
}

/// Numbers that look random and are the same every time (a linear congruence's upper half).
struct RepeatableNumbers {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next(below bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % bound
  }
}

extension Data {
  /// The data with one to three pieces of damage.
  func damaged(_ numbers: inout RepeatableNumbers) -> Data {
    var data = self
    for _ in 0...numbers.next(below: 3) where !data.isEmpty {
      let position = numbers.next(below: data.count)
      switch numbers.next(below: 5) {
      case 0: data[position] = UInt8(numbers.next(below: 256))
      case 1: data[position] ^= 1 << UInt8(numbers.next(below: 8))
      case 2: data.remove(at: position)
      case 3: data.insert(UInt8(ascii: "9"), at: position)
      default: data = data.prefix(position)
      }
    }
    return data
  }
}
