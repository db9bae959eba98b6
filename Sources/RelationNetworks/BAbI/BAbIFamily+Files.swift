// Folders of stories: recognized, looked over and packed.

import Learning

extension BAbIFamily: DirectoryFamily {
  /// Whether there are files of stories at a place.
  public static func recognizes(_ place: DataPlace) -> Bool {
    (try? BAbI.StoryFolder(at: place)) != nil
  }

  /// The words of a trained model keep its numbers, whatever others the data have.
  public static func evaluationIdentity(
    of data: DataSetIdentity, for trained: DataSetIdentity?
  ) throws(CatalogueError) -> DataSetIdentity {
    guard let trained else { return data }
    var details = try BAbI.DataSetDetails(of: data)
    details.vocabulary = try BAbI.DataSetDetails(of: trained).vocabulary
    var data = data
    data.details = details.json
    return data
  }

  /// What the published files of a folder hold, or the arrays of a packed one.
  public static func contents(of place: DataPlace) throws -> DataSetContents {
    if BAbI.PackedStories.exists(at: place) {
      let data = try DataSetIdentity(of: place)
      return DataSetContents(
        counts: data.counts,
        files: Split.allCases.filter { data.sampleCount(of: $0) > 0 }
          .map(BAbI.PackedStories.fileName), details: data.details)
    }
    let folder = try BAbI.StoryFolder(at: place)
    let tables = try folder.splits.map { ($0, try folder.table(of: $0)) }
    return contents(tables, files: folder.files.map(\.name))
  }

  private static func contents(
    _ tables: [(split: Split, table: BAbI.StoryTable)], files: [String]
  ) -> DataSetContents {
    DataSetContents(
      counts: Dictionary(
        uniqueKeysWithValues: tables.map { ($0.split.rawValue, $0.table.rows.count) }),
      files: files, details: BAbI.DataSetDetails(of: tables).json)
  }

  /// Looks over all lines of a folder's files, or all rows of packed arrays.
  public static func check(
    _ place: DataPlace, finding: (String) -> Void, progress: (_ done: Int, _ total: Int) -> Void
  ) throws {
    if BAbI.PackedStories.exists(at: place) {
      return try checkPacked(place, finding: finding, progress: progress)
    }
    let folder = try BAbI.StoryFolder(at: place)
    for gap in folder.gaps { finding("\(gap)") }
    let total = folder.questionCountAbout
    var (known, done) = (BAbI.StoryTable?.none, 0)
    for split in folder.splits {
      let table = try folder.table(
        of: split, orElse: { finding("\($0)") }, progress: { progress(done + $0, total) })
      done += table.rows.count
      let training = known ?? table
      known = training
      for stranger in folder.strangers(in: table, of: split, to: training) {
        finding("\(stranger)")
      }
    }
  }

  private static func checkPacked(
    _ place: DataPlace, finding: (String) -> Void, progress: (_ done: Int, _ total: Int) -> Void
  ) throws {
    let packed = try BAbI.PackedStories(at: place)
    let data = try DataSetIdentity(of: place)
    let total = data.counts.values.reduce(0, +)
    var done = 0
    for split in Split.allCases {
      for row in 0..<data.sampleCount(of: split) {
        do { _ = try packed.story(row, in: split, window: .max) } catch { finding("\(error)") }
        done += 1
        progress(done, total)
      }
    }
  }

  /// Packs the published files of a folder.
  ///
  /// Nothing is written before all of it has been read and fits together.
  public static func pack(
    _ source: DataPlace, into place: DataPlace, progress: (_ done: Int, _ total: Int) -> Void
  ) throws -> DataSetContents {
    let folder = try BAbI.StoryFolder(at: source)
    if let gap = folder.gaps.first { throw gap }
    let total = folder.questionCountAbout
    var tables: [(split: Split, table: BAbI.StoryTable)] = []
    var done = 0
    for split in folder.splits {
      let table = try folder.table(of: split, progress: { progress(done + $0, total) })
      done += table.rows.count
      if let known = tables.first?.table,
        let stranger = folder.strangers(in: table, of: split, to: known).first
      {
        throw stranger
      }
      tables.append((split, table))
    }
    let contents = contents(
      tables, files: tables.map { BAbI.PackedStories.fileName($0.split) })
    let vocabulary = BAbI.DataSetDetails(of: tables).vocabulary
    for (split, table) in tables {
      try table.pack(
        to: "\(place.path)/\(BAbI.PackedStories.fileName(split))", in: vocabulary)
    }
    return contents
  }
}
