// Arrays as numpy saves them, from an archive made by scripts/golden/data_files.py.

import DataFiles
import Files
import Foundation
import Testing

@Suite struct NumpyTests {
  private func archive() throws -> ZipArchive {
    try ZipArchive(try #require(Bundle.module.path(forResource: "Golden/numpy", ofType: "npz")))
  }

  @Test func everyKindOfNumberIsRead() throws {
    let archive = try archive()
    #expect(archive.arrayNames.count == 35 && archive.arrayNames.first == "little-f2")
    for side in ["little", "big"] {
      for kind in ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"] {
        let array = try archive.array("\(side)-\(kind)")
        let numbers = kind.hasPrefix("u") ? [0, 1, 2, 100, 4, 77] : [0, -1, 2, -100, 4, 77]
        #expect(array.shape == [2, 3] && array.count == 6)
        #expect(array.floats() == numbers.map(Float.init), "\(array.file)")
        if kind.hasPrefix("f") {
          #expect(try sentence { _ = try array.integers() }.contains("not whole numbers"))
        } else {
          #expect(try array.integers() == numbers, "\(array.file)")
        }
      }
    }
  }

  @Test func scalarsAreReadAsTheyAre() throws {
    let archive = try archive()
    #expect(try archive.array("little-i4").scalars(of: Int32.self) == [0, -1, 2, -100, 4, 77])
    #expect(try archive.array("big-i4").scalars(of: Int32.self) == [0, -1, 2, -100, 4, 77])
    #expect(try archive.array("big-f8").scalars(of: Double.self) == [0, -1, 2, -100, 4, 77])
    #expect(try archive.array("big-u1").scalars(of: UInt8.self) == [0, 1, 2, 100, 4, 77])
    let error = try sentence { _ = try archive.array("little-i4").scalars(of: Int64.self) }
    #expect(error.hasSuffix("numpy.npz, little-i4.npy: its scalars are of type I32, not I64."))
  }

  @Test func everyShapeIsRead() throws {
    let archive = try archive()
    #expect(try archive.array("single").shape == [])
    #expect(try archive.array("single").integers() == [7])
    #expect(try archive.array("vector").floats() == [0, 0.25, 0.5, 0.75, 1])
    #expect(try archive.array("empty").shape == [0, 3])
    #expect(try archive.array("empty").floats() == [])
    #expect(try archive.array("truth").integers() == [0, 1, 0, 0, 0, 0])
    #expect(try archive.array("fortran-vector").integers() == [0, 1, 2])
    for name in ["version-2", "version-3"] {
      #expect(try archive.array(name).floats() == [0, -1, 2, -100, 4, 77])
    }
    #expect(try archive.array("large").floats() == [0x1p64])
    #expect(
      try sentence { _ = try archive.array("large").integers() }.contains("is larger than"))
  }

  @Test(arguments: [
    ("fortran", "Fortran's order"), ("objects", "not plain numbers ('|O')"),
    ("words", "not plain numbers ('<U2')"), ("fields", "are structures, not plain numbers"),
    ("complex", "not plain numbers ('<c8')"), ("none", "there is no \"none.npy\" in it"),
  ])
  func whatIsNoArrayOfNumbersIsRefused(name: String, expected: String) throws {
    let archive = try archive()
    #expect(try sentence { _ = try archive.array(name) }.contains(expected))
  }

  private func file(_ header: String, dataCount: Int, version: UInt8 = 1) -> Data {
    var data = Data([0x93]) + Data("NUMPY".utf8) + Data([version, 0])
    let count = header.utf8.count
    let sizes = [UInt8(count & 255), UInt8(count >> 8 & 255)]
    data += version == 1 ? sizes : sizes + [0, 0]
    return data + Data(header.utf8) + Data(count: dataCount)
  }

  private func header(_ descr: String, _ shape: String, order: String = "False") -> String {
    "{'descr': \(descr), 'fortran_order': \(order), 'shape': \(shape), }\n"
  }

  @Test func everyFaultHasItsSentence() throws {
    let good = header("'<f4'", "(2,)")
    #expect(try NumpyArray(decoding: file(good, dataCount: 8), file: "x").floats() == [0, 0])
    for (data, expected) in [
      (Data(), "it is no .npy file"), (Data("PK and so on".utf8), "it is no .npy file"),
      (file(good, dataCount: 8, version: 4), "format 4.0 is not known"),
      (file(good, dataCount: 7), "does not fit the 7 bytes"),
      (file(good, dataCount: 9), "does not fit the 9 bytes"),
      (file(header("'<f4'", "(9223372036854775807, 9)"), dataCount: 8), "does not fit"),
      (file(header("'<f4'", "(0, 9223372036854775807, 9)"), dataCount: 0), "does not fit"),
      (file(header("'<f4'", "(9223372036854775808,)"), dataCount: 8), "expected a whole number"),
      (file(header("'<f4'", "(-1,)"), dataCount: 8), "expected a whole number"),
      (file(header("'<f4'", "(2 3)"), dataCount: 8), "expected )"),
      (file(header("'<f4'", "2"), dataCount: 8), "a value is missing"),
      (file(header("'<f4'", "'(2,)'"), dataCount: 8), "other keys than"),
      (file(header("''", "(2,)"), dataCount: 8), "not plain numbers"),
      (file(header("'|f4'", "(2,)"), dataCount: 8), "not plain numbers"),
      (file(header("'<f4'", "(2,)", order: "Maybe"), dataCount: 8), "a value is missing"),
      (file(header("'<f4'", "(2,)", order: "Trua"), dataCount: 8), "expected True"),
      (file("{'descr': '<f4'}", dataCount: 8), "other keys than"),
      (file("{'descr': '<f4', 'descr': '<f4'}", dataCount: 8), "occurs twice"),
      (file(good + "x", dataCount: 8), "text follows"), (file("", dataCount: 0), "expected {"),
      (file("{'descr", dataCount: 0), "does not end"),
      (file("{'x': (" + String(repeating: "1,", count: 65), dataCount: 0), "too many dimensions"),
    ] {
      let error = try sentence { _ = try NumpyArray(decoding: data, file: "x.npy") }
      #expect(error.hasPrefix("x.npy: ") && error.contains(expected), "\(error)")
    }
  }

  @Test func slicesOfDataAreRead() throws {
    let slice = (Data([9, 9, 9]) + file(header("'<f4'", "(2,)"), dataCount: 8))[3...]
    #expect(try NumpyArray(decoding: slice, file: "x").floats() == [0, 0])
  }

  @Test func damageNeverTraps() throws {
    let whole = file(header("'>i4'", "(2, 3)"), dataCount: 24)
    for count in 0..<whole.count {
      #expect(throws: FileError.self) {
        try NumpyArray(decoding: whole.prefix(count), file: "x")
      }
    }
    var numbers = RepeatableNumbers(4)
    for _ in 0..<20_000 {
      guard let array = try? NumpyArray(decoding: whole.damaged(&numbers), file: "x") else {
        continue
      }
      _ = array.floats()
      _ = try? array.integers()
      _ = try? array.scalars(of: Int32.self)
    }
  }

  @Test func filesAreReadUpToALimit() throws {
    try withDirectory { directory in
      let path = directory + "/x.npy"
      try write(file(header("'<f4'", "(2,)"), dataCount: 8), path)
      #expect(try NumpyArray(contentsOf: path).count == 2)
      #expect(try sentence { _ = try NumpyArray(contentsOf: path, limit: 9) }.contains("larger"))
    }
  }
}
