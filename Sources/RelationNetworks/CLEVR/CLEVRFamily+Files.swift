// CLEVR in directories: recognized, looked over and packed.

import Files
import Foundation
import Learning

extension CLEVRFamily: DirectoryFamily {
  /// Whether there are questions in the published layout at a place.
  public static func recognizes(_ place: DataPlace) -> Bool {
    CLEVR.PublishedFolder(at: place) != nil
  }

  /// What the lists of a published folder hold, or the arrays of a packed one.
  ///
  /// A split whose questions have no answers is none to train on or to be measured by.
  public static func contents(of place: DataPlace) throws -> DataSetContents {
    if CLEVR.PackedQuestions.exists(at: place) {
      let data = try DataSetIdentity(of: place)
      return DataSetContents(
        counts: data.counts,
        files: Split.allCases.filter { data.sampleCount(of: $0) > 0 }
          .map(CLEVR.PackedQuestions.fileName), details: data.details)
    }
    let folder = try publishedFolder(at: place)
    let inner = folder.path == place.path ? "" : "CLEVR_v1.0/"
    var (contents, answers) = (DataSetContents(counts: [:], files: []), CLEVR.AnswerCounts())
    for split in folder.splits {
      let table = try folder.table(of: split, counting: &answers)
      guard table.count > 0 else { continue }
      contents.counts[split.rawValue] = table.count
      contents.files.append(inner + CLEVR.questionsFile(of: split))
      if folder.scenesPath(of: split) != nil {
        contents.files.append(inner + CLEVR.scenesFile(of: split))
      }
      if folder.imagesPath(of: split) != nil {
        let images = inner + CLEVR.imagesFolder(of: split)
        contents.files += table.scenes.map { "\(images)/\($0.image)" }
      }
    }
    guard !contents.counts.isEmpty else {
      throw SampleFileError(folder.path, "there are no questions with answers in it")
    }
    contents.details = answers.json
    return contents
  }

  private static func publishedFolder(at place: DataPlace) throws -> CLEVR.PublishedFolder {
    guard let folder = CLEVR.PublishedFolder(at: place) else {
      throw SampleFileError(
        place.path,
        "there is no questions/CLEVR_train_questions.json in it, nor one of val or test")
    }
    return folder
  }

  /// Runs the program of every question on its scene and holds the answers against one another;
  /// looks into every image.
  public static func check(
    _ place: DataPlace, finding: (String) -> Void, progress: (_ done: Int, _ total: Int) -> Void
  ) throws {
    if CLEVR.PackedQuestions.exists(at: place) {
      return try checkPacked(place, finding: finding, progress: progress)
    }
    let folder = try publishedFolder(at: place)
    for split in folder.splits {
      try folder.check(split, finding: finding, progress: progress)
    }
  }

  private static func checkPacked(
    _ place: DataPlace, finding: (String) -> Void, progress: (_ done: Int, _ total: Int) -> Void
  ) throws {
    let data = try DataSetIdentity(of: place)
    let packed = try CLEVR.PackedQuestions(at: place, counts: data.counts)
    let total = data.counts.values.reduce(0, +)
    var done = 0
    for split in Split.allCases {
      for index in 0..<data.sampleCount(of: split) {
        do { _ = try packed.sample(index, in: split, withObjects: true) } catch {
          finding("\(error)")
        }
        done += 1
        progress(done, total)
      }
    }
  }

  /// Packs a folder in the published layout; images, too, of the splits that have a folder of them.
  ///
  /// A split that an interrupted import finished is not packed again.
  public static func pack(
    _ source: DataPlace, into place: DataPlace, progress: (_ done: Int, _ total: Int) -> Void
  ) throws -> DataSetContents {
    let folder = try publishedFolder(at: source)
    var contents = DataSetContents(counts: [:], files: [])
    var answers = CLEVR.AnswerCounts()
    // Nothing is packed before all lists were read and fit together.
    let tables = try folder.splits.map { ($0, try folder.table(of: $0, counting: &answers)) }
    let total = tables.reduce(0) { $0 + $1.1.count }
    var done = 0
    for (split, table) in tables where table.count > 0 {
      let file = CLEVR.PackedQuestions.fileName(split)
      let before = done
      try folder.pack(table, of: split, to: "\(place.path)/\(file)") { share in
        progress(before + Int(share * Double(table.count)), total)
      }
      done += table.count
      contents.counts[split.rawValue] = table.count
      contents.files.append(file)
    }
    guard !contents.counts.isEmpty else {
      throw SampleFileError(folder.path, "there are no questions with answers in it")
    }
    contents.details = answers.json
    return contents
  }
}
