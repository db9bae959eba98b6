// Folders of stories of families: recognized, looked over, and taken over as they are.

import Files
import Foundation
import Learning

extension CLUTRRFamily: DirectoryFamily {
  /// Whether there are files of stories at a place.
  public static func recognizes(_ place: DataPlace) -> Bool {
    (try? CLUTRR.Folder(at: place)) != nil
  }

  /// The words and relations of a trained model keep its numbers, whatever others the data have.
  public static func evaluationIdentity(
    of data: DataSetIdentity, for trained: DataSetIdentity?
  ) throws(CatalogueError) -> DataSetIdentity {
    guard let trained else { return data }
    var (data, details) = (data, try CLUTRR.DataSetDetails(of: data))
    let known = try CLUTRR.DataSetDetails(of: trained)
    (details.words, details.relations) = (known.words, known.relations)
    data.details = details.json
    return data
  }

  /// What the files of a folder hold.
  public static func contents(of place: DataPlace) throws -> DataSetContents {
    let folder = try CLUTRR.Folder(at: place)
    return contents(of: folder, try read(folder, progress: { _, _ in }))
  }

  /// The stories of a split, each with its file.
  private typealias Part = (split: Split, found: [(file: String, story: CLUTRR.Story)])

  private static func read(
    _ folder: CLUTRR.Folder, progress: (_ done: Int, _ total: Int) -> Void
  ) throws -> [Part] {
    try folder.splits.enumerated().map { number, split in
      defer { progress(number + 1, folder.splits.count) }
      return (split, try folder.stories(of: split))
    }
  }

  private static func contents(of folder: CLUTRR.Folder, _ parts: [Part]) -> DataSetContents {
    DataSetContents(
      counts: Dictionary(uniqueKeysWithValues: parts.map { ($0.split.rawValue, $0.found.count) }),
      files: folder.files, details: details(of: parts).json)
  }

  private static func details(of parts: [Part]) -> CLUTRR.DataSetDetails {
    CLUTRR.DataSetDetails(of: parts.map { ($0.split, $0.found.map(\.story)) })
  }

  /// Looks over all stories of a folder, and for answers that no story to train on has.
  public static func check(
    _ place: DataPlace, finding: (String) -> Void, progress: (_ done: Int, _ total: Int) -> Void
  ) throws {
    let folder = try CLUTRR.Folder(at: place)
    var known: Set<String>?
    for (number, split) in folder.splits.enumerated() {
      let found = try folder.stories(of: split, orElse: { finding("\($0)") })
      if split == .training { known = [] }
      if split != .test {
        known?.formUnion(found.map(\.story.answer))
      } else if let known {
        for (file, story) in found where !known.contains(story.answer) {
          finding("\(stranger(story, in: file))")
        }
      }
      progress(number + 1, folder.splits.count)
    }
  }

  private static func stranger(_ story: CLUTRR.Story, in file: String) -> SampleFileError {
    SampleFileError(
      file, line: story.line,
      "no story to train on has the relation \(CLUTRR.shown(story.answer))")
  }

  /// Takes over the files of a folder, byte for byte: they are read within a second.
  ///
  /// Nothing is written before all of it has been read and fits together.
  public static func pack(
    _ source: DataPlace, into place: DataPlace, progress: (_ done: Int, _ total: Int) -> Void
  ) throws -> DataSetContents {
    let folder = try CLUTRR.Folder(at: source)
    let parts = try read(folder, progress: progress)
    let known = Set(details(of: parts).relations)
    for (file, story) in parts.filter({ $0.split == .test }).flatMap(\.found)
    where !known.contains(story.answer) { throw stranger(story, in: file) }
    for name in folder.files {
      try AtomicFile.write(
        try readFile("\(folder.path)/\(name)", limit: CLUTRR.Folder.fileLimit),
        to: "\(place.path)/\(name)")
    }
    return contents(of: folder, parts)
  }
}
