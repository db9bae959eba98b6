// Arrays that are written for numpy are read again.

import DataFiles
import Files
import Foundation
import Testing

@Suite struct NumpyArchiveTests {
  @Test func whatIsWrittenIsRead() throws {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("relate-\(UUID().uuidString).npz").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    var archive = NumpyArchive()
    archive.add("numbers", [1.5, -2, 0.25, 8, 9, 10] as [Float], shape: [2, 3])
    archive.add("bytes", [1, 2, 255] as [UInt8], shape: [3])
    archive.add("one", [7] as [Int64], shape: [])
    archive.add("none", [] as [Double], shape: [0, 4])
    try archive.write(to: path)
    let read = try ZipArchive(path)
    #expect(read.arrayNames == ["numbers", "bytes", "one", "none"])
    let numbers = try read.array("numbers")
    #expect(numbers.shape == [2, 3] && numbers.floats() == [1.5, -2, 0.25, 8, 9, 10])
    let bytes = try read.array("bytes")
    #expect(bytes.shape == [3])
    #expect(try bytes.scalars(of: UInt8.self) == [1, 2, 255])
    let one = try read.array("one")
    #expect(one.shape == [])
    #expect(try one.integers() == [7])
    #expect(try read.array("none").shape == [0, 4])
  }
}
