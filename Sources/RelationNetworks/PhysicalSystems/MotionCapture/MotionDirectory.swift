// The motions of a directory, as scenes of balls.

import Foundation
import Learning
import Tensors

extension PhysicalSystems {
  /// A recorded motion, as the details of a data set name it.
  struct MotionSequence: Codable, Hashable, Sendable {
    /// The file's name without its ending; no two of a data set are alike.
    let name: String
    /// The names of all joints, by their numbers.
    let joints: [String]
  }

  /// Where a scene is from, if it is no simulation: joints of a recorded motion.
  struct Origin: Hashable, Sendable {
    /// The motion, by its position among the data set's.
    var sequence: Int
    /// The first frame, in the file's count from 0.
    var start: Int
    /// The joints that the balls are.
    var joints: [Int]
  }

  /// Motions in files of Biovision (.bvh), or of Acclaim (.amc, and in the same folder the .asf of
  /// the same subject: `07.asf` for `07_01.amc`), in a directory and those within.
  enum MotionDirectory {
    /// The frames a second of .amc files, which do not tell: those of the CMU data base.
    private static let acclaimRate = 120.0

    /// The paths of all motions of a directory, in order.
    static func paths(in place: DataPlace) -> [String] {
      let names = FileManager.default.enumerator(atPath: place.path)?.allObjects as? [String] ?? []
      return names.filter { ["amc", "bvh"].contains(($0 as NSString).pathExtension.lowercased()) }
        .sorted().map { "\(place.path)/\($0)" }
    }

    /// The motion of a file.
    static func clip(_ path: String) throws -> MotionClip {
      guard (path as NSString).pathExtension.lowercased() == "amc" else {
        return try BVHFile(contentsOf: path).motion
      }
      let folder = (path as NSString).deletingLastPathComponent
      let name = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
      let subject = name.split(separator: "_").dropLast().joined(separator: "_")
      let present = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
      let skeletons = present.filter { $0.lowercased().hasSuffix(".asf") }
      guard
        let skeleton = skeletons.first(where: { $0.dropLast(4) == subject })
          ?? (skeletons.count == 1 ? skeletons[0] : nil)
      else {
        throw SampleFileError(path, "there is no skeleton \(subject).asf in its folder")
      }
      return try AcclaimSkeleton(contentsOf: "\(folder)/\(skeleton)")
        .motion(contentsOf: path, frameSeconds: 1 / acclaimRate)
    }

    /// The scenes of a motion, number `sequence` of its data set.
    ///
    /// Colours are drawn, as in simulated scenes: no joint has always the same.
    static func samples(of clip: MotionClip, sequence: Int) throws(MotionProblem) -> [Sample] {
      try MotionWindows(of: clip).windows.enumerated().map { number, window in
        Sample(
          positions: window.places,
          colors: colors(ofScene: number, sequence: sequence),
          links: Links(window.links.map { Link(first: $0, second: $1, kind: .rigid) }),
          origin: Origin(sequence: sequence, start: window.start, joints: window.joints))
      }
    }

    private static func colors(ofScene scene: Int, sequence: Int) -> [Int] {
      var random = CounterRandom(
        seed: 0, purpose: .generation, index: UInt64(scene), subindex: UInt32(sequence))
      return random.shuffled(Array(0..<ballCount))
    }

    /// Reads all motions of a directory.
    static func read(
      _ place: DataPlace, progress: (_ done: Int, _ total: Int) -> Void
    ) throws -> (samples: [Sample], sequences: [MotionSequence]) {
      var samples: [Sample] = []
      var sequences: [MotionSequence] = []
      let paths = paths(in: place)
      for (number, path) in paths.enumerated() {
        let clip = try clip(path)
        guard !sequences.contains(where: { $0.name == clip.name }) else {
          throw SampleFileError(path, "another motion is called \(clip.name), too")
        }
        do throws(MotionProblem) {
          samples += try Self.samples(of: clip, sequence: number)
        } catch { throw SampleFileError(path, error.description) }
        sequences.append(MotionSequence(name: clip.name, joints: clip.joints.map(\.name)))
        progress(number + 1, paths.count)
      }
      return (samples, sequences)
    }
  }
}
