// Dynamic physical systems written to directories, and what directories hold.

import DataFiles
import Files
import Foundation
import Learning

extension PhysicalSystemsFamily: GeneratingFamily {
  private typealias Systems = PhysicalSystems

  /// Whether there are scenes in files of numpy at a place.
  public static func recognizes(_ place: DataPlace) -> Bool {
    Split.allCases.contains { Systems.SystemsDirectory.fileName($0, at: place) != nil }
  }

  /// The recorded motions of a data set, as its details tell.
  ///
  /// Throws if they tell something that cannot be.
  static func sequences(
    of data: DataSetIdentity?
  ) throws(CatalogueError) -> [PhysicalSystems.MotionSequence] {
    guard let data, let told = data.details.value(at: ["sequences"]) else { return [] }
    let names = { (sequences: [PhysicalSystems.MotionSequence]) in sequences.map(\.name) }
    guard
      let sequences = try? told.decodedStrictly(as: [PhysicalSystems.MotionSequence].self),
      Set(names(sequences)).count == sequences.count,
      names(sequences).allSatisfy({ !$0.isEmpty && !$0.contains("/") })
    else { throw CatalogueError("the data set \(data.name) does not tell its motions rightly") }
    return sequences
  }

  /// What the .npz files of a directory hold; it may have some splits only.
  public static func contents(of place: DataPlace) throws -> DataSetContents {
    if Systems.PackedSystems.exists(at: place) {
      let data = try DataSetIdentity(of: place)
      return DataSetContents(
        counts: data.counts,
        files: Split.allCases.filter { data.sampleCount(of: $0) > 0 }
          .map(Systems.PackedSystems.fileName), details: data.details)
    }
    return try contents(of: place) { _, _, file in file }
  }

  /// What a directory's splits hold, in the files that `keep` makes of them or leaves.
  private static func contents(
    of place: DataPlace, keep: ([Systems.Sample], Split, _ file: String) throws -> String
  ) throws -> DataSetContents {
    var contents = DataSetContents(counts: [:], files: [])
    var links: [String: PhysicalSystems.LinkCounts] = [:]
    for split in Split.allCases {
      guard let name = Systems.SystemsDirectory.fileName(split, at: place) else { continue }
      let samples = try Systems.SystemsArchive(contentsOf: "\(place.path)/\(name)").samples
      contents.counts[split.rawValue] = samples.count
      contents.files.append(try keep(samples, split, name))
      links[split.rawValue] = samples.reduce(into: Systems.LinkCounts()) { $0.add($1.links) }
    }
    guard !contents.counts.isEmpty else {
      throw SampleFileError(
        place.path,
        "there is no split, such as test.npz, and no motion, such as 07_01.amc or 07_01.bvh")
    }
    contents.details = .object(["links": try JSONValue(encoding: links)])
    return contents
  }

  /// Looks over the .npz files of a directory, or the arrays of a packed one.
  public static func check(
    _ place: DataPlace, finding: (String) -> Void, progress: (_ done: Int, _ total: Int) -> Void
  ) throws {
    if Systems.PackedSystems.exists(at: place) {
      let identity = try DataSetIdentity(of: place)
      let counts = identity.counts
      let packed = try Systems.PackedSystems(
        at: place, counts: counts, sequences: try sequences(of: identity))
      for split in Split.allCases {
        let count = counts[split.rawValue] ?? 0
        for index in 0..<count {
          do { _ = try packed.sample(index, in: split) } catch { finding("\(error)") }
          progress(index + 1, count)
        }
      }
      return
    }
    for split in Split.allCases {
      guard let name = Systems.SystemsDirectory.fileName(split, at: place) else { continue }
      let archive = try Systems.SystemsArchive(
        contentsOf: "\(place.path)/\(name)", orElse: { finding($0.description) })
      progress(archive.samples.count, archive.samples.count)
    }
  }

  /// Packs a directory of .npz files, or of recorded motions, which become the test split.
  public static func pack(
    _ source: DataPlace, into place: DataPlace, progress: (_ done: Int, _ total: Int) -> Void
  ) throws -> DataSetContents {
    let hasSplit = Split.allCases.contains {
      Systems.SystemsDirectory.fileName($0, at: source) != nil
    }
    if !hasSplit, !Systems.MotionDirectory.paths(in: source).isEmpty {
      return try packMotions(source, into: place, progress: progress)
    }
    var done = 0
    return try contents(of: source) { samples, split, _ in
      try Systems.PackedSystems.pack(samples, in: split, at: place)
      done += samples.count
      progress(done, done)
      return Systems.PackedSystems.fileName(split)
    }
  }

  private static func packMotions(
    _ source: DataPlace, into place: DataPlace, progress: (_ done: Int, _ total: Int) -> Void
  ) throws -> DataSetContents {
    let (samples, sequences) = try Systems.MotionDirectory.read(source, progress: progress)
    try Systems.PackedSystems.pack(samples, in: .test, at: place)
    let links = samples.reduce(into: Systems.LinkCounts()) { $0.add($1.links) }
    return DataSetContents(
      counts: [Split.test.rawValue: samples.count], files: [Systems.PackedSystems.fileName(.test)],
      details: .object([
        "links": try JSONValue(encoding: [Split.test.rawValue: links]),
        "sequences": try JSONValue(encoding: sequences),
      ]))
  }

  /// What always the same answer reaches on a data set, as its details tell; `nil` if they do not.
  static func baseline(
    of data: DataSetIdentity, task: PhysicalSystems.TaskName
  ) -> Baseline? {
    guard let told = data.details.value(at: ["links"]),
      let links = try? told.decodedStrictly(as: [String: Systems.LinkCounts].self),
      links.values.allSatisfy(\.isSound)
    else { return nil }
    let counts = links.compactMap { name, counts in Split(rawValue: name).map { ($0, counts) } }
    return Systems.LinkCounts.baseline(of: task, Dictionary(uniqueKeysWithValues: counts))
  }

  /// The most scenes of a file, which is made in memory.
  private static let exportLimit = 500_000

  /// What `export` would write.
  public static func exportSize(
    of settings: PhysicalSystems.Settings, splits: [Split], scale: Int
  ) throws(CatalogueError) -> ExportSize {
    try settings.check()
    guard scale == 1 else {
      throw CatalogueError("scale is \(scale); there are no pictures to enlarge")
    }
    for split in splits {
      guard (1...exportLimit).contains(settings.scenes[split]) else {
        throw CatalogueError(
          """
          a file holds at most \(exportLimit) scenes, and scenes.\(split.rawValue) is \
          \(settings.scenes[split]): say --set scenes.\(split.rawValue)=100000 or so
          """)
      }
    }
    let scene =
      4 * 2 * Systems.frameCount * Systems.ballCount
      + Systems.ballCount * (1 + 2 * Systems.ballCount) + 1
    let scenes = splits.reduce(0) { $0 + settings.scenes[$1] }
    return ExportSize(files: splits.count, bytes: scenes * scene)
  }

  /// Writes a .npz file for each split; see `SystemsArchive`.
  public static func export(
    _ settings: PhysicalSystems.Settings, to place: DataPlace, splits: [Split], scale: Int,
    progress: (_ written: Int, _ total: Int) -> Void
  ) throws -> DataSetContents {
    let total = try exportSize(of: settings, splits: splits, scale: scale).files
    try settings.requireSimulator()
    try requireFree(place)
    try makeDirectory(place.path)
    let source = Systems.GeneratedScenes(seed: settings.dataSeed)
    for (written, split) in splits.enumerated() {
      let samples = (0..<settings.scenes[split]).map { source.sample($0, in: split) }
      try Systems.SystemsArchive.write(samples, to: "\(place.path)/\(split.rawValue).npz")
      progress(written + 1, total)
    }
    return try contents(of: place)
  }

  /// Throws if a directory holds anything else than what an earlier export may have left.
  private static func requireFree(_ place: DataPlace) throws(FileError) {
    let present = (try? FileManager.default.contentsOfDirectory(atPath: place.path)) ?? []
    let ours = Split.allCases.flatMap { ["\($0.rawValue).npz", "\($0.rawValue).npz.partial"] }
    if let other = present.first(where: { !ours.contains($0) }) {
      throw FileError(in: place.path, "it holds \(other); choose a new or empty directory")
    }
  }
}
