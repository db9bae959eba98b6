// Sort-of-CLEVR as files, for people and for other programs.

import Foundation
import Learning
import Pictures

/// Why a data set cannot be written to files.
public struct ExportError: Error, CustomStringConvertible, Sendable {
  /// One sentence: what is wrong and what to do.
  public let description: String
}

extension SortOfCLEVR.DataSet {
  /// Writes some splits to a directory, which is made if it does not exist.
  ///
  ///     generated.json                what the files were generated from
  ///     training/000000.png           the images, each pixel `scale` x `scale`
  ///     training/questions.json       a list with an entry per image: objects, questions, answers
  ///     validation/…, test/…
  ///
  /// The questions of a split are written after its images, so a split with questions is complete.
  /// A directory that holds anything else than an earlier export of the same data set is left
  /// alone. `progress` is called after each image with the numbers of images written and to write.
  public func export(
    to directory: URL, splits: [Split] = Split.allCases, scale: Int = 1,
    progress: (_ written: Int, _ total: Int) -> Void = { _, _ in }
  ) throws(ExportError) {
    try claim(directory, scale: scale)
    let total = splits.reduce(0) { $0 + imageCounts[$1] }
    var written = 0
    for split in splits {
      let folder = directory.appendingPathComponent(split.rawValue, isDirectory: true)
      try writing(to: folder) {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      }
      var list = Data("[\n".utf8)
      for image in 0..<imageCounts[split] {
        let entry = SortOfCLEVR.ListedScene(image, in: split, of: self)
        let file = folder.appendingPathComponent(entry.image)
        try writing(to: file) {
          try scene(image, in: split).rgbImage(scale: scale).pngData()
            .write(to: file, options: .atomic)
          if image > 0 { list.append(contentsOf: ",\n".utf8) }
          list.append(try json(entry))
        }
        written += 1
        progress(written, total)
      }
      list.append(contentsOf: "\n]\n".utf8)
      let file = folder.appendingPathComponent(SortOfCLEVR.listName)
      try writing(to: file) { try list.write(to: file, options: .atomic) }
    }
  }

  /// What `export` would write, from the sizes of the first images.
  public func exportSize(splits: [Split] = Split.allCases, scale: Int = 1) -> ExportSize {
    var size = ExportSize(files: 1, bytes: 100)
    for split in splits {
      let sampled = min(imageCounts[split], 16)
      let bytes = (0..<sampled).reduce(0) { sum, image in
        let entry = try? json(SortOfCLEVR.ListedScene(image, in: split, of: self))
        let picture = try? scene(image, in: split).rgbImage(scale: scale).pngData()
        return sum + (entry?.count ?? 0) + (picture?.count ?? 0)
      }
      size.files += imageCounts[split] + 1
      size.bytes += Int(Double(bytes) / Double(max(1, sampled)) * Double(imageCounts[split]))
    }
    return size
  }

  /// Makes the directory, or makes sure that what lies there may be written over.
  private func claim(_ directory: URL, scale: Int) throws(ExportError) {
    let marker = directory.appendingPathComponent("generated.json")
    let description = try writing(to: marker) {
      try json(GeneratedFrom(seed: seed, images: imageCounts, scale: scale)) + Data("\n".utf8)
    }
    let present = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
    if !present.isEmpty {
      guard let found = try? Data(contentsOf: marker) else {
        throw ExportError(
          description: "\(directory.path): holds other files; choose an empty or new directory")
      }
      guard found == description else {
        let text = String(decoding: found, as: UTF8.self)
        throw ExportError(
          description: "\(directory.path): holds another data set "
            + "(\(text.trimmingCharacters(in: .whitespacesAndNewlines))); choose another directory")
      }
    }
    try writing(to: marker) {
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      try description.write(to: marker, options: .atomic)
    }
  }

  private func json(_ value: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(value)
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
private struct GeneratedFrom: Codable {
  var format = "sort-of-clevr 1"
  var seed: UInt64
  var images: SplitCounts
  var scale: Int
}
