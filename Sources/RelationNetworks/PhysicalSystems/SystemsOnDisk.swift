// Where the scenes of a directory are read from: files of numpy, or packed arrays.

import DataFiles
import Files
import Foundation
import Learning
import Synchronization

extension PhysicalSystems {
  /// A directory with a .npz file for each split; see `SystemsArchive`.
  ///
  /// A file is read as a whole when its split is first asked for.
  final class SystemsDirectory: Source {
    private let path: String
    /// The scenes of each split as its manifest counts them.
    private let counts: [String: Int]
    private let archives = Mutex<[Split: SystemsArchive]>([:])

    /// The directory at a place; `counts` are those of its identity.
    init(at place: DataPlace, counts: [String: Int]) {
      path = place.path
      self.counts = counts
    }

    /// The name of a split's file in a directory: `training.npz`, `train_sample.npz`, …; `nil` if
    /// there is none.
    static func fileName(_ split: Split, at place: DataPlace) -> String? {
      let names =
        split == .training ? ["training.npz", "train_sample.npz"] : ["\(split.rawValue).npz"]
      return names.first { FileManager.default.fileExists(atPath: "\(place.path)/\($0)") }
    }

    func sample(_ index: Int, in split: Split) throws -> Sample {
      try archives.withLock { archives in
        if let archive = archives[split] { return archive.samples[index] }
        let name = Self.fileName(split, at: DataPlace(path: path)) ?? "\(split.rawValue).npz"
        let archive = try SystemsArchive(contentsOf: "\(path)/\(name)")
        let expected = counts[split.rawValue] ?? 0
        guard archive.samples.count == expected else {
          throw SampleFileError(
            archive.path, "it holds \(archive.samples.count) scenes, but should hold \(expected)")
        }
        archives[split] = archive
        return archive.samples[index]
      }
    }
  }

  /// The packed splits of a directory: `training.safetensors`, `validation.safetensors`, ….
  ///
  /// A split has `positions`, numbers `[scenes, 16 · 10 · 2]`; `colors`, bytes `[scenes, 10]`; and
  /// `kinds`, bytes `[scenes, 10 · 10]`. Scenes of recorded motions have `origins`, integers
  /// `[scenes, 2 + 10]`: the motion, the first frame, and the joints.
  struct PackedSystems: Source {
    private struct Arrays {
      let path: String
      let positions: PackedArray<Float>
      let colors: PackedArray<UInt8>
      let kinds: PackedArray<UInt8>
      let origins: PackedArray<Int32>?
    }

    private let arrays: [Split: Arrays]
    private let sequences: [MotionSequence]

    /// The name of a split's file.
    static func fileName(_ split: Split) -> String { "\(split.rawValue).safetensors" }

    /// Whether there is a packed split at a place.
    static func exists(at place: DataPlace) -> Bool {
      Split.allCases.contains {
        FileManager.default.fileExists(atPath: "\(place.path)/\(fileName($0))")
      }
    }

    /// Opens the splits that there are; `counts` and `sequences` are those of the data set's
    /// identity.
    init(at place: DataPlace, counts: [String: Int], sequences: [MotionSequence]) throws {
      self.sequences = sequences
      var arrays: [Split: Arrays] = [:]
      for split in Split.allCases where counts[split.rawValue] ?? 0 > 0 {
        let path = "\(place.path)/\(Self.fileName(split))"
        let file = try PackedFile(path)
        let opened = Arrays(
          path: path, positions: try file.array("positions"), colors: try file.array("colors"),
          kinds: try file.array("kinds"),
          origins: file.entries.contains { $0.name == "origins" }
            ? try file.array("origins") : nil)
        guard opened.positions.rowShape == [frameCount * ballCount * 2],
          opened.colors.rowShape == [ballCount], opened.kinds.rowShape == [ballCount * ballCount],
          opened.origins.map({ $0.rowShape == [2 + ballCount] }) ?? true,
          [opened.positions.count, opened.colors.count, opened.kinds.count, opened.origins?.count]
            .allSatisfy({ ($0 ?? counts[split.rawValue]) == counts[split.rawValue] })
        else { throw SampleFileError(path, "its arrays are not of the sizes that belong together") }
        arrays[split] = opened
      }
      self.arrays = arrays
    }

    func sample(_ index: Int, in split: Split) throws -> Sample {
      guard let arrays = arrays[split] else {
        throw SampleFileError(Self.fileName(split), "there is no such split")
      }
      let colors = arrays.colors.withRow(index) { $0.map { Int($0) } }
      let kinds = arrays.kinds.withRow(index) { $0.map { LinkKind(rawValue: $0) } }
      guard colors.sorted() == Array(0..<ballCount), !kinds.contains(nil),
        let links = Links(kinds: kinds.compactMap(\.self))
      else { throw SampleFileError(arrays.path, "scene \(index) is none") }
      return Sample(
        positions: arrays.positions.withRow(index) { Array($0) }, colors: colors, links: links,
        origin: try arrays.origins.map {
          try origin($0.withRow(index) { Array($0) }, arrays, index)
        }
      )
    }

    private func origin(_ row: [Int32], _ arrays: Arrays, _ index: Int) throws -> Origin {
      let origin = Origin(
        sequence: Int(row[0]), start: Int(row[1]), joints: row.dropFirst(2).map { Int($0) })
      guard sequences.indices.contains(origin.sequence),
        origin.joints.allSatisfy({ sequences[origin.sequence].joints.indices.contains($0) })
      else {
        throw SampleFileError(arrays.path, "scene \(index) is of no motion that the data set names")
      }
      return origin
    }

    /// Packs the scenes of a split.
    static func pack(_ samples: [Sample], in split: Split, at place: DataPlace) throws(FileError) {
      let writer = PackedFileWriter(replacing: "\(place.path)/\(fileName(split))")
      let positions = try writer.addArray(
        "positions", rowShape: [frameCount * ballCount * 2], of: Float.self)
      let colors = try writer.addArray("colors", rowShape: [ballCount], of: UInt8.self)
      let kinds = try writer.addArray("kinds", rowShape: [ballCount * ballCount], of: UInt8.self)
      let origins =
        samples.contains { $0.origin != nil }
        ? try writer.addArray("origins", rowShape: [2 + ballCount], of: Int32.self) : nil
      for sample in samples {
        if let origins, let origin = sample.origin {
          let numbers = [origin.sequence, origin.start] + origin.joints
          try writer.append(numbers.map { Int32($0) }, to: origins)
        }
        try writer.append(sample.positions, to: positions)
        try writer.append(sample.colors.map { UInt8($0) }, to: colors)
        try writer.append(sample.links.kinds.map(\.rawValue), to: kinds)
      }
      try writer.commit()
    }
  }
}
