// Archives that nobody vouches for: read within limits, or refused.

import DataFiles
import Files
import Foundation
import Testing

@Suite struct ZipTests {
  private func withArchive(
    _ entries: [ZipFile.Entry], _ body: (ZipArchive) throws -> Void
  ) throws {
    try withDirectory { directory in
      try write(ZipFile(entries: entries).data, directory + "/x.zip")
      try body(try ZipArchive(directory + "/x.zip"))
    }
  }

  private func entry(_ name: String, _ text: String = "text") -> ZipFile.Entry {
    ZipFile.Entry(name: name, packed: Array(text.utf8))
  }

  @Test func entriesAreListedAndRead() throws {
    try withArchive([entry("a/"), entry("a/b.txt", "one"), entry("é", ""), ZipFile.zeros]) {
      archive in
      #expect(archive.entries.map(\.name) == ["a/", "a/b.txt", "é", "zeros"])
      #expect(archive.entry("zeros")?.byteCount == 1 << 20 && archive.entry("none") == nil)
      for _ in 0..<2 {
        let contents = try ["a/b.txt", "é", "zeros"].map { try archive.read($0) }
        #expect(contents == [Data("one".utf8), Data(), Data(count: 1 << 20)])
      }
    }
  }

  @Test func limitsAreKept() throws {
    var liar = ZipFile.zeros
    liar.statedByteCount = 10
    try withArchive([ZipFile.zeros]) { archive in
      let error = try sentence { _ = try archive.read("zeros", limit: 1 << 19) }
      #expect(error.contains("has 1048576 bytes, more than the 524288 allowed"))
    }
    try withArchive([liar]) { archive in
      let error = try sentence { _ = try archive.read("zeros", limit: 100) }
      #expect(error.contains("damaged"), "\(error)")
    }
    liar.statedByteCount = 4_000_000_000
    try withArchive([liar]) { archive in
      let error = try sentence { _ = try archive.read("zeros", limit: Int.max) }
      #expect(error.contains("damaged"), "\(error)")
    }
  }

  @Test func whatCannotBeReadIsRefused() throws {
    var (encrypted, unknown, wrong) = (entry("secret"), entry("unknown"), entry("wrong"))
    encrypted.flags = 1
    unknown.method = 77
    wrong.checksum = 1
    try withArchive([encrypted, unknown, wrong]) { archive in
      for (name, expected) in [
        ("secret", "is encrypted"), ("unknown", "cannot be read"), ("wrong", "is damaged (CRC"),
        ("none", "there is no \"none\" in it"),
      ] {
        let error = try sentence { _ = try archive.read(name) }
        #expect(error.hasPrefix(archive.path + ": ") && error.contains(expected), "\(error)")
      }
    }
  }

  @Test(arguments: ["../x", "a/../../x", "/etc/passwd", "a\\..\\x", ".."])
  func namesThatLeadElsewhereAreRefused(name: String) throws {
    #expect(
      try sentence { try withArchive([entry("fine"), entry(name)]) { _ in } }
        .contains("leads out of any directory"))
  }

  @Test func equalNamesAreRefused() throws {
    #expect(
      try sentence { try withArchive([entry("a"), entry("a", "x")]) { _ in } }
        .contains("two of its entries are called \"a\""))
  }

  @Test func wrongFilesAreErrors() throws {
    try withDirectory { directory in
      let path = directory + "/x.zip"
      for (text, expected) in [
        ("", "the file is empty"), ("not an archive at all, but long enough", "no sound ZIP"),
        ("PK\u{3}\u{4}", "no sound ZIP archive"),
      ] {
        try write(Data(text.utf8), path)
        #expect(try sentence { _ = try ZipArchive(path) }.contains(expected))
      }
      #expect(try sentence { _ = try ZipArchive(directory) }.contains("Is a directory"))
      #expect(try sentence { _ = try ZipArchive("/no/x.zip") }.contains("No such file"))
    }
  }

  /// The end of an archive that states a million million entries, in the large format.
  @Test func countsAreNotBelieved() throws {
    func little<Integer: FixedWidthInteger>(_ value: Integer) -> Data {
      withUnsafeBytes(of: value.littleEndian) { Data($0) }
    }
    for count in [1 << 24, 1 << 32, 1 << 40, 1 << 56, Int.max] {
      let whole = ZipFile(entries: [entry("a")]).data
      let start = whole.count - 22
      var data = whole.prefix(start) + little(0x0606_4B50 as UInt32) + little(44 as UInt64)
      data += little(45 as UInt16) + little(45 as UInt16) + Data(count: 8)
      data += little(count) + little(count) + little(47) + little(start - 47)
      data += little(0x0706_4B50 as UInt32) + little(0 as UInt32) + little(start)
      data += little(1 as UInt32) + whole[start..<start + 8] + Data(repeating: 0xFF, count: 12)
      data += Data(count: 2)
      try withDirectory { directory in
        try write(data, directory + "/x.zip")
        #expect(throws: FileError.self) { try ZipArchive(directory + "/x.zip") }
      }
    }
  }

  private func readEverything(_ path: String) {
    guard let archive = try? ZipArchive(path) else { return }
    for entry in archive.entries { _ = try? archive.read(entry.name, limit: 1 << 21) }
    for name in archive.arrayNames { _ = try? archive.array(name, limit: 1 << 21) }
  }

  @Test func everyTruncationIsAnError() throws {
    try withDirectory { directory in
      let whole = ZipFile(entries: [entry("a/b", "some text"), ZipFile.zeros]).data
      for count in 0..<whole.count {
        try write(whole.prefix(count), directory + "/x.zip")
        #expect(throws: FileError.self) { try ZipArchive(directory + "/x.zip") }
      }
    }
  }

  @Test func damageNeverTraps() throws {
    let golden = try #require(Bundle.module.path(forResource: "Golden/numpy", ofType: "npz"))
    let files = [
      ZipFile(entries: [entry("a/b", "some text"), entry("c"), ZipFile.zeros]).data,
      try readFile(golden, limit: 1 << 20),
    ]
    var numbers = RepeatableNumbers(5)
    try withDirectory { directory in
      for whole in files {
        for _ in 0..<1500 {
          try write(whole.damaged(&numbers), directory + "/x.zip")
          readEverything(directory + "/x.zip")
        }
      }
    }
  }

  @Test func everyFlippedBitOfTheDirectoryIsSurvived() throws {
    let whole = ZipFile(entries: [entry("a/b", "some text"), entry("c")]).data
    try withDirectory { directory in
      for bit in 0..<8 * whole.count {
        var data = whole
        data[bit / 8] ^= 1 << UInt8(bit % 8)
        try write(data, directory + "/x.zip")
        readEverything(directory + "/x.zip")
      }
    }
  }
}
