// Sort-of-CLEVR written to directories, and what directories hold.

import Foundation
import Learning

extension SortOfCLEVRFamily: GeneratingFamily {
  /// What the lists of a directory's splits hold; a directory may hold some splits only.
  public static func contents(of place: DataPlace) throws -> DataSetContents {
    var contents = DataSetContents(counts: [:], files: [])
    var answers: [String: JSONValue] = [:]
    for split in Split.allCases {
      let name = "\(split.rawValue)/\(SortOfCLEVR.listName)"
      guard FileManager.default.fileExists(atPath: "\(place.path)/\(name)") else { continue }
      let list = try SortOfCLEVR.SceneList(contentsOf: "\(place.path)/\(name)")
      contents.counts[split.rawValue] = list.questionCount
      contents.files.append(name)
      contents.files += list.scenes.map { "\(split.rawValue)/\($0.image)" }
      answers[split.rawValue] = list.answerCounts.json
    }
    guard !contents.counts.isEmpty else { throw noSplit(place) }
    contents.details = .object(["answers": .object(answers)])
    return contents
  }

  /// Looks over the lists and the pictures of a directory, or the arrays of a packed one.
  public static func check(
    _ place: DataPlace, finding: (String) -> Void, progress: (_ done: Int, _ total: Int) -> Void
  ) throws {
    if SortOfCLEVR.PackedScenes.exists(at: place) {
      let counts = try DataSetIdentity(of: place).counts
      let packed = try SortOfCLEVR.PackedScenes(at: place, counts: counts)
      for split in Split.allCases {
        let count = counts[split.rawValue] ?? 0
        for sample in 0..<count {
          do { _ = try packed.askedScene(sample, in: split, asPixels: true) } catch {
            finding("\(error)")
          }
          progress(sample + 1, count)
        }
      }
      return
    }
    for split in Split.allCases {
      let folder = "\(place.path)/\(split.rawValue)"
      let path = "\(folder)/\(SortOfCLEVR.listName)"
      guard FileManager.default.fileExists(atPath: path) else { continue }
      let list = try SortOfCLEVR.SceneList(
        contentsOf: path, orElse: { finding($0.description) })
      for (number, scene) in list.scenes.enumerated() {
        do { _ = try SortOfCLEVR.picture("\(folder)/\(scene.image)") } catch { finding("\(error)") }
        progress(number + 1, list.scenes.count)
      }
    }
  }

  /// Packs a directory of lists and pictures.
  public static func pack(
    _ source: DataPlace, into place: DataPlace, progress: (_ done: Int, _ total: Int) -> Void
  ) throws -> DataSetContents {
    var contents = DataSetContents(counts: [:], files: [])
    var answers: [String: JSONValue] = [:]
    let lists = try Split.allCases.compactMap { split -> (Split, SortOfCLEVR.SceneList)? in
      let path = "\(source.path)/\(split.rawValue)/\(SortOfCLEVR.listName)"
      guard FileManager.default.fileExists(atPath: path) else { return nil }
      return (split, try SortOfCLEVR.SceneList(contentsOf: path))
    }
    guard !lists.isEmpty else { throw noSplit(source) }
    let total = lists.reduce(0) { $0 + $1.1.scenes.count }
    var done = 0
    for (split, list) in lists {
      let file = SortOfCLEVR.PackedScenes.fileName(split)
      try list.pack(
        picturesIn: "\(source.path)/\(split.rawValue)", to: "\(place.path)/\(file)",
        progress: {
          done += 1
          progress(done, total)
        })
      contents.counts[split.rawValue] = list.questionCount
      contents.files.append(file)
      answers[split.rawValue] = list.answerCounts.json
    }
    contents.details = .object(["answers": .object(answers)])
    return contents
  }

  private static func noSplit(_ place: DataPlace) -> SampleFileError {
    SampleFileError(
      place.path, "there is no split; one has a list such as training/\(SortOfCLEVR.listName)")
  }

  /// The commonest answers that a data set's details tell; `nil` if they tell none.
  static func baseline(of data: DataSetIdentity) -> Baseline? {
    let measurements = Split.allCases.compactMap { split in
      data.details.value(at: ["answers", split.rawValue])
        .map { (split, SortOfCLEVR.AnswerCounts(json: $0).commonest) }
    }
    guard !measurements.isEmpty else { return nil }
    return Baseline(
      SortOfCLEVR.AnswerCounts.baselineName, Dictionary(uniqueKeysWithValues: measurements))
  }

  /// What `export` would write, estimated from a few images.
  public static func exportSize(
    of settings: SortOfCLEVR.Settings, splits: [Split], scale: Int
  ) throws(CatalogueError) -> ExportSize {
    try dataSet(of: settings, scale: scale).exportSize(splits: splits, scale: scale)
  }

  /// Writes images and questions; see `SortOfCLEVR.DataSet.export`.
  public static func export(
    _ settings: SortOfCLEVR.Settings, to place: DataPlace, splits: [Split], scale: Int,
    progress: (_ written: Int, _ total: Int) -> Void
  ) throws -> DataSetContents {
    try dataSet(of: settings, scale: scale).export(
      to: URL(fileURLWithPath: place.path), splits: splits, scale: scale, progress: progress)
    return try contents(of: place)
  }

  private static func dataSet(
    of settings: SortOfCLEVR.Settings, scale: Int
  ) throws(CatalogueError) -> SortOfCLEVR.DataSet {
    try settings.check()
    try requireRange(scale, 1...32, "scale")
    return SortOfCLEVR.DataSet(seed: settings.dataSeed, imageCounts: settings.images)
  }
}
