// Packed files: what is written is read, and files that nobody vouches for are refused.

import DataFiles
import Files
import Foundation
import Testing

@Suite struct PackedFileTests {
  /// Pixels of 2 x 3 and labels of 1, by turns, and positions without rows.
  private func pack(_ count: Int, _ path: String) throws -> UInt64 {
    let writer = PackedFileWriter(replacing: path, metadata: ["kind": "test \"é\""])
    let pixels = try writer.addArray("pixels", rowShape: [2, 3], of: UInt8.self)
    let labels = try writer.addArray("labels", of: Int32.self)
    _ = try writer.addArray("positions", rowShape: [4], of: Double.self)
    let speeds = try writer.addArray("speeds", rowShape: [2], of: Float.self)
    for row in 0..<count {
      try writer.append((0..<6).map { UInt8(truncatingIfNeeded: row * 6 + $0) }, to: pixels)
      try writer.append([Int32(-row)], to: labels)
    }
    try writer.append((0..<2 * count).map { Float($0) / 4 }, to: speeds)
    var written = 0
    let fingerprint = try writer.commit { written += $0 }
    #expect(written == count * (6 + 4 + 8))
    return fingerprint
  }

  @Test(arguments: [0, 1, 7, 100_000])
  func rowsAreWhatWasAppended(count: Int) throws {
    try withDirectory { directory in
      let path = directory + "/train.safetensors"
      let fingerprint = try pack(count, path)
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory).count == 1)
      let file = try PackedFile(path)
      #expect(file.metadata["kind"] == "test \"é\"" && file.path == path)
      #expect(file.entries.map(\.name) == ["positions", "speeds", "labels", "pixels"])
      let pixels = try file.array("pixels", of: UInt8.self)
      #expect(pixels.count == count && pixels.rowShape == [2, 3] && pixels.scalarsPerRow == 6)
      let labels: PackedArray<Int32> = try file.array("labels")
      #expect(labels.rowShape == [] && labels.count == count)
      for row in stride(from: 0, to: count, by: max(1, count / 50)) {
        #expect(labels[row] == -Int32(row))
        let last = pixels.withRow(row) { $0.count == 6 ? $0[5] : 0 }
        #expect(last == UInt8(truncatingIfNeeded: row * 6 + 5))
      }
      #expect(pixels.scalars == (0..<6 * count).map { UInt8(truncatingIfNeeded: $0) })
      let speeds = try file.array("speeds", of: Float.self)
      #expect(speeds.scalars == (0..<2 * count).map { Float($0) / 4 })
      if count > 3 {
        #expect(speeds.withRows(1..<3) { Array($0) } == [0.5, 0.75, 1, 1.25])
      }
      #expect(try file.array("positions", of: Double.self).scalars == [])
      #expect(try file.withBytes(of: "pixels") { $0.count } == 6 * count)
      #expect(file.statedFingerprint == fingerprint)
      #expect(file.computedFingerprint() == fingerprint)
      try file.verify()
    }
  }

  @Test func theSameRowsGiveTheSameFile() throws {
    try withDirectory { directory in
      let first = try pack(50, directory + "/a")
      let second = try pack(50, directory + "/b")
      let third = try pack(51, directory + "/b2")
      #expect(first == second && first != third)
      let contents = try ["/a", "/b"].map { try readFile(directory + $0, limit: 1 << 20) }
      #expect(contents[0] == contents[1])
    }
  }

  @Test func wrongNamesAndTypesAreErrors() throws {
    try withDirectory { directory in
      let path = directory + "/x"
      _ = try pack(3, path)
      let file = try PackedFile(path)
      #expect(try sentence { _ = try file.array("pixel", of: UInt8.self) }.contains("no array"))
      #expect(
        try sentence { _ = try file.array("pixels", of: Int8.self) }
          == "\(path): array \"pixels\" is of type U8, not I8.")
      #expect(try sentence { try file.withBytes(of: "x") { _ in } }.contains("no array \"x\""))
    }
  }

  /// A valid file of somebody else's, whose numbers do not begin on a multiple of their size.
  @Test func arraysOfOthersMayBeWhereTheyCannotBeRead() throws {
    try withDirectory { directory in
      var json =
        #"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"#
        + #""b":{"dtype":"F32","shape":[1],"data_offsets":[3,7]}}"#
      while !json.utf8.count.isMultiple(of: 8) { json += " " }
      var data = withUnsafeBytes(of: UInt64(json.utf8.count).littleEndian) { Data($0) }
      data += Data(json.utf8) + Data([1, 2, 3, 0, 0, 0x80, 0x3F])
      try write(data, directory + "/x")
      let file = try PackedFile(directory + "/x")
      #expect(try file.array("a", of: UInt8.self).scalars == [1, 2, 3])
      #expect(try file.withBytes(of: "b") { $0.elementsEqual([0, 0, 0x80, 0x3F]) })
      #expect(try sentence { _ = try file.array("b", of: Float.self) }.contains("does not begin"))
      #expect(file.statedFingerprint == nil)
      #expect(try sentence { try file.verify() }.contains("no fingerprint"))
    }
  }

  @Test func everyTruncationIsAnError() throws {
    try withDirectory { directory in
      _ = try pack(5, directory + "/whole")
      let whole = try readFile(directory + "/whole", limit: 1 << 20)
      let path = directory + "/x"
      for count in 0..<whole.count {
        try write(whole.prefix(count), path)
        #expect(try sentence { _ = try PackedFile(path) }.hasPrefix(path + ": "))
      }
      try write(whole + Data([0]), path)
      #expect(try sentence { _ = try PackedFile(path) }.contains("bytes follow the header"))
    }
  }

  @Test func everyFlippedBitIsFound() throws {
    try withDirectory { directory in
      _ = try pack(2, directory + "/whole")
      let whole = try readFile(directory + "/whole", limit: 1 << 20)
      let path = directory + "/x"
      var unseen: [Int] = []
      for bit in 0..<8 * whole.count {
        var data = whole
        data[bit / 8] ^= 1 << UInt8(bit % 8)
        try write(data, path)
        do { try PackedFile(path).verify() } catch { continue }
        unseen.append(bit / 8)
      }
      // Spaces may be other spaces, and the digits of the fingerprint other letters.
      let harmless = Set(whole.indices.filter { whole[$0] == 0x20 })
      let letters = Set(whole.indices.filter { (0x61...0x66).contains(whole[$0]) })
      #expect(Set(unseen).subtracting(harmless).subtracting(letters) == [])
    }
  }

  /// Reads whatever opens, too: what passes the checks must be in range.
  @Test func damageNeverTraps() throws {
    try withDirectory { directory in
      _ = try pack(4, directory + "/whole")
      let whole = try readFile(directory + "/whole", limit: 1 << 20)
      let path = directory + "/x"
      var numbers = RepeatableNumbers(1)
      var opened = 0
      for _ in 0..<3000 {
        try write(whole.damaged(&numbers), path)
        guard let file = try? PackedFile(path) else { continue }
        opened += 1
        for entry in file.entries {
          _ = try? file.array(entry.name, of: UInt8.self).scalars
          _ = try? file.array(entry.name, of: Int32.self).scalars
          _ = try? file.array(entry.name, of: Float.self).scalars
          _ = try? file.array(entry.name, of: Double.self).scalars
        }
      }
      #expect(opened > 100 && opened < 2900)
    }
  }

  @Test func aWriterThatIsGivenUpLeavesWhatWasThere() throws {
    try withDirectory { directory in
      let path = directory + "/x"
      _ = try pack(3, path)
      let before = try readFile(path, limit: 1 << 20)
      try write(Data("of a process that was killed".utf8), path + ".partial")
      do {
        let writer = PackedFileWriter(replacing: path)
        let column = try writer.addArray("a", of: UInt8.self)
        try writer.append([1, 2, 3], to: column)
      }
      #expect(try readFile(path, limit: 1 << 20) == before)
      _ = try pack(4, path)
      #expect(try PackedFile(path).array("labels", of: Int32.self).count == 4)
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["x"])
    }
  }

  @Test func whatCannotBeWrittenIsSaid() throws {
    let nowhere = PackedFileWriter(replacing: "/no/such/directory/x")
    let error = try sentence { _ = try nowhere.addArray("a", of: UInt8.self) }
    #expect(error == "Cannot create /no/such/directory/x.rows.partial: No such file or directory.")
    try withDirectory { directory in
      try FileManager.default.createSymbolicLink(
        atPath: directory + "/x.partial", withDestinationPath: "/dev/full")
      let writer = PackedFileWriter(replacing: directory + "/x")
      let column = try writer.addArray("a", of: UInt8.self)
      try writer.append([UInt8](repeating: 1, count: 100), to: column)
      #expect(try sentence { try writer.commit() }.contains("No space left on device"))
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == [])
    }
  }
}
