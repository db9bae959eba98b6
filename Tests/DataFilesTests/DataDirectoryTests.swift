// Directories of data sets: finished or not, and whether every byte is what it was.

import DataFiles
import Files
import Foundation
import Testing

@Suite struct DataDirectoryTests {
  private struct Details: Codable, Equatable {
    var answers: [String]
    var imageSize = 128
  }

  private func make(_ directory: DataDirectory) throws -> DataManifest {
    try directory.begin()
    #expect(!directory.isFinished)
    try makeDirectory(directory.path + "/extra")
    try write(Data("rows".utf8), directory.path(of: "training.safetensors"))
    try write(Data(), directory.path(of: "extra/words.txt"))
    return try directory.finish(
      family: "clevr", name: "CLEVR v1.0", version: "1", counts: ["training": 3],
      files: ["training.safetensors", "extra/words.txt"], details: Details(answers: ["yes"]))
  }

  private func withDataSet(_ body: (DataDirectory, DataManifest) throws -> Void) throws {
    try withDirectory { path in
      let directory = DataDirectory(path + "/set/")
      #expect(directory.path == path + "/set")
      try body(directory, try make(directory))
    }
  }

  @Test func whatIsWrittenIsRead() throws {
    try withDataSet { directory, manifest in
      #expect(directory.isFinished)
      #expect(try directory.readManifest() == manifest)
      #expect(try directory.readDetails(Details.self) == Details(answers: ["yes"]))
      #expect(manifest.counts == ["training": 3] && manifest.byteCount == 4)
      #expect(manifest.files["extra/words.txt"]?.byteCount == 0)
      #expect(directory.verify(manifest) == [])
      // The same content gives the same fingerprint, and other content another.
      #expect(try make(directory).fingerprint == manifest.fingerprint)
      let text = String(
        decoding: try readFile(directory.manifestPath, limit: 1 << 20), as: UTF8.self)
      for part in [#""format" : 1"#, #""family" : "clevr""#, #""xxh3" : ""#, #""details" : {"#] {
        #expect(text.contains(part), "\(text)")
      }
    }
  }

  /// A data set of pictures has a file for each of them.
  @Test func aManifestMayNameManyFiles() throws {
    let files = (0..<100_000).map {
      ("training/\($0).png", DataManifest.File(byteCount: 700, hash: 1))
    }
    let manifest = DataManifest(
      family: "clevr", name: "CLEVR", version: "1", counts: ["training": 100_000],
      files: Dictionary(uniqueKeysWithValues: files))
    let data = try JSONEncoder().encode(manifest)
    #expect(try JSONDecoder().decode(DataManifest.self, from: data) == manifest)
  }

  @Test func withoutItsManifestItIsUnfinished() throws {
    try withDataSet { directory, _ in
      try directory.begin()
      #expect(
        try sentence { _ = try directory.readManifest() }
          == "\(directory.path): it is not a finished data set: it has no dataset.json.")
    }
    #expect(
      try sentence { _ = try DataDirectory("/no/such").readManifest() }
        == "Cannot open /no/such: No such file or directory.")
    #expect(try sentence { try DataDirectory("/proc/x").begin() }.contains("/proc/x"))
  }

  @Test func everyKindOfDamageHasItsSentence() throws {
    try withDataSet { directory, manifest in
      let rows = directory.path(of: "training.safetensors")
      let words = directory.path(of: "extra/words.txt")
      try write(Data("rowz".utf8), rows)
      try FileManager.default.removeItem(atPath: words)
      let findings = directory.verify(manifest)
      #expect(findings.map(\.path) == [words, rows])
      #expect(findings[0].problem.contains("No such file or directory"), "\(findings[0])")
      #expect(findings[1].problem.contains("its content is not what it was"))
      #expect("\(findings[1])".hasPrefix(rows + ": "))
      #expect(directory.verify(manifest, sizesOnly: true).count == 1)
      #expect(directory.verify(manifest, names: ["training.safetensors"]).count == 1)
      try write(Data("rowsz".utf8), rows)
      let byteCounts = directory.verify(manifest, names: ["training.safetensors", "other"])
      #expect(
        byteCounts.map(\.problem)
          == ["it is none of the data set's files", "it has 5 bytes, but had 4"])
    }
  }

  @Test func progressCountsEveryByte() throws {
    try withDirectory { path in
      let directory = DataDirectory(path)
      try directory.begin()
      try write(Data(count: 10_000_000), directory.path(of: "zeros"))
      var (hashed, verified) = (0, 0)
      let manifest = try directory.finish(
        family: "a", name: "b", version: "c", counts: [:], files: ["zeros"], details: 7
      ) { hashed += $0 }
      #expect(directory.verify(manifest) { verified += $0 } == [])
      #expect(hashed == 10_000_000 && verified == 10_000_000)
      #expect(try directory.readDetails(Int.self) == 7)
    }
  }

  @Test func aChangedManifestIsAnError() throws {
    try withDataSet { directory, _ in
      let text = String(
        decoding: try readFile(directory.manifestPath, limit: 1 << 20), as: UTF8.self)
      for (old, new, expected) in [
        (#""training" : 3"#, #""training" : 4"#, "does not belong to these counts"),
        (#""bytes" : 4"#, #""bytes" : 5"#, "does not belong to these counts"),
        (#""training" : 3"#, #""training" : -3"#, "-3 samples"),
        (#""format" : 1"#, #""format" : 2"#, "\"format\": 2 is not 1"),
        (#""format" : 1"#, #""format" : "sort-of-clevr 1""#, "\"format\": "),
        ("extra/words.txt", "../words.txt", "leads out of the directory"),
        ("extra/words.txt", "/etc/passwd", "leads out of the directory"),
        (#""bytes" : 4"#, #""bytes" : 9000000000000000000"#, "more bytes or files"),
        (#""bytes" : 4"#, #""bytes" : -1"#, "more bytes or files"),
        (#""xxh3" : ""#, #""xxh3" : "x"#, "is not 16 hexadecimal digits"),
        (#""version" : "1""#, #""versions" : "1""#, "\"version\" is missing"),
        ("\n}", "\n", "damaged"),
      ] {
        #expect(text.contains(old))
        try write(Data(text.replacingOccurrences(of: old, with: new).utf8), directory.manifestPath)
        let error = try sentence { _ = try directory.readManifest() }
        #expect(error.hasPrefix(directory.manifestPath) && error.contains(expected), "\(error)")
      }
    }
  }

  @Test func damageNeverTraps() throws {
    try withDataSet { directory, _ in
      let whole = try readFile(directory.manifestPath, limit: 1 << 20)
      var numbers = RepeatableNumbers(3)
      for _ in 0..<1500 {
        try write(whole.damaged(&numbers), directory.manifestPath)
        guard let manifest = try? directory.readManifest() else { continue }
        _ = directory.verify(manifest)
        _ = try? directory.readDetails(Details.self)
      }
    }
  }
}
