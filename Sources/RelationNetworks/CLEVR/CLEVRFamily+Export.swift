// CLEVR written to directories in the published layout.

import Files
import Foundation
import Learning
import Pictures

extension CLEVRFamily: GeneratingFamily {
  /// What `export` would write, estimated from a few scenes.
  public static func exportSize(
    of settings: CLEVR.Settings, splits: [Split], scale: Int
  ) throws(CatalogueError) -> ExportSize {
    try settings.check()
    try requireRange(scale, 1...32, "scale")
    let source = settings.generatedData
    var size = ExportSize(files: 1, bytes: 200)
    for split in splits {
      let sampled = min(settings.scenes[split], 4)
      let bytes = (0..<sampled).reduce(0) { sum, scene in
        sum + ((try? source.image(scene, in: split, scale: scale).count) ?? 0)
      }
      size.files += settings.scenes[split] + 2
      size.bytes += (bytes / sampled + bytesOfLists) * settings.scenes[split]
    }
    return size
  }

  /// About how much is listed of a scene and its questions.
  private static let bytesOfLists = 12_500

  /// Writes scenes, questions and images in the published layout; see `CLEVR.World.write`.
  ///
  ///     generated.json                          what the files were generated from
  ///     images/train/CLEVR_train_000000.png     128 x 128 pixels, times `scale`
  ///     scenes/…, questions/…
  ///
  /// The lists of a split are written after its images, so a split with questions is complete. A
  /// directory that holds anything else than an earlier export of the same data set is left alone.
  public static func export(
    _ settings: CLEVR.Settings, to place: DataPlace, splits: [Split], scale: Int,
    progress: (_ written: Int, _ total: Int) -> Void
  ) throws -> DataSetContents {
    try settings.check()
    try requireRange(scale, 1...32, "scale")
    let origin = GeneratedScenes(
      seed: settings.dataSeed, scenes: settings.scenes, scale: scale)
    try origin.claim(place.path)
    let source = settings.generatedData
    let total = splits.reduce(0) { $0 + settings.scenes[$1] }
    var done = 0
    for split in splits {
      let (folder, count) = (
        "\(place.path)/\(CLEVR.imagesFolder(of: split))", settings.scenes[split]
      )
      try makeDirectory(folder)
      for first in stride(from: 0, to: count, by: 64) {
        let part = first..<min(first + 64, count)
        try concurrently(part) { scene in
          try AtomicFile.write(
            source.image(scene, in: split, scale: scale),
            to: "\(folder)/\(CLEVR.imageFile(scene, in: split))")
        }
        done += part.count
        progress(done, total)
      }
      try CLEVR.World(seed: settings.dataSeed).write(split, scenes: count, to: place.path)
    }
    return try contents(of: place)
  }
}

extension CLEVR.GeneratedQuestions {
  /// The image of a scene as a PNG file has it.
  fileprivate func image(_ scene: Int, in split: Split, scale: Int) throws(PNGError) -> Data {
    let extent = CLEVR.imageExtent * scale
    return try rendered(scene, in: split, width: extent, height: extent).pngData()
  }
}

/// What an exported data set was generated from.
private struct GeneratedScenes: Codable {
  var format = "clevr 1"
  var seed: UInt64
  var scenes: SplitCounts
  var scale: Int

  /// Makes the directory, or makes sure that what lies there may be written over.
  func claim(_ path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let (marker, description) = (
      "\(path)/generated.json", try encoder.encode(self) + Data("\n".utf8)
    )
    let present = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    if !present.isEmpty {
      guard let found = try? readFile(marker, limit: 1 << 16) else {
        throw ExportError(
          description: "\(path): holds other files; choose an empty or new directory")
      }
      guard found == description else {
        let text = String(decoding: found, as: UTF8.self)
        throw ExportError(
          description: "\(path): holds another data set "
            + "(\(text.trimmingCharacters(in: .whitespacesAndNewlines))); choose another directory")
      }
    }
    try makeDirectory(path)
    try AtomicFile.write(description, to: marker)
  }
}
