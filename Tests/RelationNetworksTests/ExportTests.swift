// Exported files say what the data set says, and nobody's files are written over.

import Foundation
import Learning
import Pictures
import Testing

@testable import RelationNetworks

@Suite struct ExportTests {
  static let dataSet = SortOfCLEVR.DataSet(
    seed: 21, imageCounts: .init(training: 5, validation: 2, test: 3))

  @Test func filesHoldTheDataSet() throws {
    try withDirectory { directory in
      var calls: [[Int]] = []
      try Self.dataSet.export(to: directory, scale: 2) { calls.append([$0, $1]) }
      #expect(calls == (1...10).map { [$0, 10] })
      for split in Split.allCases {
        let folder = directory.appendingPathComponent(split.rawValue)
        let data = try Data(contentsOf: folder.appendingPathComponent("questions.json"))
        let entries = try JSONDecoder().decode([SortOfCLEVR.ListedScene].self, from: data)
        #expect(entries.count == Self.dataSet.imageCounts[split])
        for (index, entry) in entries.enumerated() {
          let scene = Self.dataSet.scene(index, in: split)
          let image = try RGBImage(contentsOf: folder.appendingPathComponent(entry.image))
          #expect(image == scene.rgbImage(scale: 2))
          #expect(entry.objects?.map(\.center) == scene.objects.map { [$0.x, $0.y] })
          #expect(entry.objects?.map(\.shape) == scene.objects.map(\.outline.name))
          for (number, question) in entry.questions.enumerated() {
            let sample = Self.dataSet.sample(20 * index + number, in: split)
            #expect(question.bits.map(Float.init) == sample.question.bits)
            #expect(question.label == sample.answer.rawValue)
            #expect(question.answer == sample.answer.name)
            #expect(question.question == sample.question.text)
          }
        }
      }
      let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
      #expect(names.sorted() == ["generated.json", "test", "training", "validation"])
    }
  }

  @Test func someSplitsCanBeWrittenAndTheSizeIsKnownBefore() throws {
    try withDirectory { directory in
      let size = Self.dataSet.exportSize(splits: [.test, .validation], scale: 2)
      try Self.dataSet.export(to: directory, splits: [.test, .validation], scale: 2)
      let found = FileManager.default.enumerator(at: directory, includingPropertiesForKeys: nil)
      let files = (found?.compactMap { $0 as? URL } ?? []).compactMap {
        try? Data(contentsOf: $0).count
      }
      #expect(files.count == size.files && size.files == 1 + 4 + 3)
      let bytes = files.reduce(0, +)
      #expect(abs(Double(size.bytes) / Double(bytes) - 1) < 0.05, "\(size.bytes), not \(bytes)")
      let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
      #expect(names.sorted() == ["generated.json", "test", "validation"])
    }
  }

  @Test func anInterruptedExportCanBeRepeated() throws {
    try withDirectory { directory in
      try Self.dataSet.export(to: directory)
      let image = directory.appendingPathComponent("test/000001.png")
      let before = try Data(contentsOf: image)
      try Data().write(to: image)
      try Self.dataSet.export(to: directory)
      #expect(try Data(contentsOf: image) == before)
    }
  }

  @Test func otherFilesAreLeftAlone() throws {
    try withDirectory { directory in
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      try Data("mine".utf8).write(to: directory.appendingPathComponent("thesis.txt"))
      #expect {
        try Self.dataSet.export(to: directory)
      } throws: {
        "\($0)".contains("holds other files")
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).count == 1)
    }
  }

  @Test func anotherDataSetIsLeftAlone() throws {
    try withDirectory { directory in
      try Self.dataSet.export(to: directory)
      let other = SortOfCLEVR.DataSet(seed: 22, imageCounts: Self.dataSet.imageCounts)
      #expect {
        try other.export(to: directory)
      } throws: {
        "\($0)".contains("another data set") && "\($0)".contains("\"seed\":21")
      }
    }
  }

  @Test func aDirectoryThatCannotBeMadeIsNamed() {
    let directory = URL(fileURLWithPath: "/proc/relate/export")
    #expect {
      try Self.dataSet.export(to: directory)
    } throws: {
      "\($0)".contains("/proc/relate/export") && "\($0)".contains("cannot be written")
    }
  }
}
