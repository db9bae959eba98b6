// Sort-of-CLEVR as files, for people and for other programs.

import Foundation
import NeuralNetworks

/// Why a data set cannot be written to files.
public struct ExportError: Error, CustomStringConvertible, Sendable {
  /// One sentence: what is wrong and what to do.
  public let description: String
}

extension SortOfCLEVR.DataSet {
  /// Writes the data set to a directory, which is made if it does not exist.
  ///
  ///     dataset.json                  what the files were generated from
  ///     training/000000.png           the images, each pixel `scale` x `scale`
  ///     training/questions.json       a list with an entry per image: objects, questions, answers
  ///     validation/…, test/…
  ///
  /// The questions of a split are written after its images, so a split with questions is complete.
  /// A directory that holds anything else than an earlier export of the same data set is left
  /// alone. `progress` is called after each image with the numbers of images written and to write.
  public func export(
    to directory: URL, scale: Int = 1,
    progress: (_ written: Int, _ total: Int) -> Void = { _, _ in }
  ) throws(ExportError) {
    try claim(directory, scale: scale)
    let total = Split.allCases.reduce(0) { $0 + imageCounts[$1] }
    var written = 0
    for split in Split.allCases {
      let folder = directory.appendingPathComponent(split.rawValue, isDirectory: true)
      try writing(to: folder) {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      }
      var entries: [String] = []
      for image in 0..<imageCounts[split] {
        let scene = scene(image, in: split)
        let file = folder.appendingPathComponent(SortOfCLEVR.ExportedImage.fileName(image))
        try writing(to: file) {
          try scene.rgbImage(scale: scale).pngData().write(to: file, options: .atomic)
        }
        let entry = SortOfCLEVR.ExportedImage(image, in: split, of: self)
        entries.append(try writing(to: folder) { try json(entry) })
        written += 1
        progress(written, total)
      }
      let file = folder.appendingPathComponent("questions.json")
      try writing(to: file) {
        let list = "[\n" + entries.joined(separator: ",\n") + "\n]\n"
        try Data(list.utf8).write(to: file, options: .atomic)
      }
    }
  }

  /// Makes the directory, or makes sure that what lies there may be written over.
  private func claim(_ directory: URL, scale: Int) throws(ExportError) {
    let marker = directory.appendingPathComponent("dataset.json")
    let description = try writing(to: marker) {
      try json(ExportedDataSet(seed: seed, images: imageCounts, scale: scale)) + "\n"
    }
    let present = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
    if !present.isEmpty {
      guard let found = try? String(contentsOf: marker, encoding: .utf8) else {
        throw ExportError(
          description: "\(directory.path): holds other files; choose an empty or new directory")
      }
      guard found == description else {
        throw ExportError(
          description: "\(directory.path): holds another data set "
            + "(\(found.trimmingCharacters(in: .whitespacesAndNewlines))); choose another directory"
        )
      }
    }
    try writing(to: marker) {
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      try Data(description.utf8).write(to: marker, options: .atomic)
    }
  }

  private func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  /// Names the file in whatever goes wrong with it: no permission, no space left.
  private func writing<R>(to file: URL, _ body: () throws -> R) throws(ExportError) -> R {
    do {
      return try body()
    } catch let error as PNGError {
      throw ExportError(description: "\(file.path): \(error)")
    } catch {
      throw ExportError(
        description: "\(file.path): cannot be written: \(error.localizedDescription)")
    }
  }
}

/// What an exported data set was generated from.
private struct ExportedDataSet: Codable {
  var format = "sort-of-clevr 1"
  var seed: UInt64
  var images: SortOfCLEVR.ImageCounts
  var scale: Int
}

extension SortOfCLEVR {
  /// The entry of an image in `questions.json`.
  public struct ExportedImage: Codable, Hashable, Sendable {
    /// An object of the image.
    public struct Object: Codable, Hashable, Sendable {
      /// The colour's name.
      public var color: String
      /// `square` or `circle`.
      public var shape: String
      /// The column and the row of the centre, of the unscaled 75 x 75 image.
      public var center: [Int]
    }

    /// A question about the image.
    public struct Question: Codable, Hashable, Sendable {
      /// The question in English.
      public var question: String
      /// The eleven bits that models read.
      public var bits: [Int]
      /// The kind: `shape`, `horizontal`, `vertical`, `closest`, `furthest` or `count`.
      public var category: String
      /// `relational` or `non_relational`.
      public var group: String
      /// The answer in words.
      public var answer: String
      /// The class that stands for the answer.
      public var label: Int
    }

    /// The name of the image's file.
    public var image: String
    /// The objects in the order of colours.
    public var objects: [Object]
    /// The twenty questions in order.
    public var questions: [Question]

    /// The entry of an image.
    public init(_ image: Int, in split: Split, of dataSet: DataSet) {
      let scene = dataSet.scene(image, in: split)
      self.image = Self.fileName(image)
      objects = scene.objects.map {
        Object(color: $0.color.name, shape: $0.outline.name, center: [$0.x, $0.y])
      }
      questions = (0..<questionsPerImage).map { number in
        let question = dataSet.question(number, aboutImage: image, in: split)
        let answer = question.answer(in: scene)
        return Question(
          question: question.text, bits: question.bits.map { Int($0) },
          category: question.kind.name, group: question.kind.category.group,
          answer: answer.name, label: answer.rawValue)
      }
    }

    static func fileName(_ image: Int) -> String {
      let digits = String(image)
      return String(repeating: "0", count: max(0, 6 - digits.count)) + digits + ".png"
    }
  }
}
