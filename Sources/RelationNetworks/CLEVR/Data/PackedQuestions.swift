// CLEVR packed: arrays that every worker maps instead of parsing files and decoding pictures.

import DataFiles
import Files
import Foundation
import Learning
import Pictures

extension CLEVR {
  /// The packed splits of a directory: `training.safetensors`, `validation.safetensors`, ….
  ///
  /// A split has, for each scene, `images` `[scenes]`, the number of the image; `coordinates`
  /// `[scenes, 30]` and `attributes` `[scenes, 41]`, as `PackedRow` has them; and, if the images
  /// were there, `pictures` `[scenes, 128 · 128 · 3]`. For each question it has `questions`
  /// `[questions, 4]`: scene, first word, answer and category; and `words`, one after another.
  struct PackedQuestions: Source {
    /// The arrays of a split.
    private struct Arrays {
      let path: String
      let images: PackedArray<Int32>
      let coordinates: PackedArray<Float>
      let attributes: PackedArray<UInt8>
      let pictures: PackedArray<UInt8>?
      let questions: PackedArray<Int32>
      let words: PackedArray<UInt8>
    }

    private let arrays: [Split: Arrays]

    /// The name of a split's file.
    static func fileName(_ split: Split) -> String { "\(split.rawValue).safetensors" }

    /// Whether there is a packed split at a place.
    static func exists(at place: DataPlace) -> Bool {
      Split.allCases.contains {
        FileManager.default.fileExists(atPath: "\(place.path)/\(fileName($0))")
      }
    }

    /// Opens the splits that there are; `counts` are those of the data set's identity.
    init(at place: DataPlace, counts: [String: Int]) throws {
      var arrays: [Split: Arrays] = [:]
      for split in Split.allCases where counts[split.rawValue] ?? 0 > 0 {
        let path = "\(place.path)/\(Self.fileName(split))"
        arrays[split] = try Self.open(path, questionCount: counts[split.rawValue] ?? 0)
      }
      self.arrays = arrays
    }

    private static func open(_ path: String, questionCount: Int) throws -> Arrays {
      let file = try PackedFile(path)
      let hasPictures = file.entries.contains { $0.name == "pictures" }
      let opened = Arrays(
        path: path, images: try file.array("images"),
        coordinates: try file.array("coordinates"), attributes: try file.array("attributes"),
        pictures: hasPictures ? try file.array("pictures") : nil,
        questions: try file.array("questions"), words: try file.array("words"))
      let scenes = opened.images.count
      guard opened.coordinates.rowShape == [3 * objectLimit], opened.coordinates.count == scenes,
        opened.attributes.rowShape == [1 + 4 * objectLimit], opened.attributes.count == scenes,
        opened.pictures?.rowShape ?? [3 * imageExtent * imageExtent]
          == [3 * imageExtent * imageExtent], opened.pictures?.count ?? scenes == scenes,
        opened.questions.rowShape == [4], opened.questions.count == questionCount,
        opened.images.rowShape.isEmpty, opened.words.rowShape.isEmpty
      else { throw SampleFileError(path, "its arrays are not of the sizes that belong together") }
      return opened
    }

    func sample(_ index: Int, in split: Split, withObjects: Bool) throws -> Sample {
      let arrays = try opened(split)
      let row = arrays.questions.withRow(index) { $0.map { Int($0) } }
      let end =
        index + 1 < arrays.questions.count
        ? arrays.questions.withRow(index + 1) { Int($0[1]) } : arrays.words.count
      guard (0..<arrays.images.count).contains(row[0]), (0...end).contains(row[1]),
        end <= arrays.words.count, Answer.all.indices.contains(row[2]),
        let category = Category(rawValue: row[3])
      else { throw SampleFileError(arrays.path, "question \(index) is \(row), which is none") }
      let words = arrays.words.withRows(row[1]..<end) { Array($0) }
      guard words.allSatisfy({ $0 < CLEVR.words.count }) else {
        throw SampleFileError(arrays.path, "question \(index) has a word that there is not")
      }
      return Sample(
        scene: row[0], image: imageFile(Int(arrays.images[row[0]]), in: split),
        objects: withObjects ? try objects(ofScene: row[0], in: split) : [], words: words,
        answer: UInt8(row[2]), category: category)
    }

    func picture(ofScene scene: Int, in split: Split) throws -> RGBImage {
      let arrays = try opened(split)
      guard let pictures = arrays.pictures else {
        throw SampleFileError(
          arrays.path,
          "it was packed without images, which a model that sees pixels needs; import a folder "
            + "that has them")
      }
      return RGBImage(
        width: imageExtent, height: imageExtent, bytes: pictures.withRow(scene) { Array($0) })
    }

    /// The objects of a scene.
    ///
    /// Throws if there are none: questions of a split may have been packed without its scenes.
    private func objects(ofScene scene: Int, in split: Split) throws -> [State] {
      let arrays = try opened(split)
      let objects = arrays.coordinates.withRow(scene) { coordinates in
        arrays.attributes.withRow(scene) { PackedRow.objects(coordinates, $0) }
      }
      guard let objects else {
        throw SampleFileError(arrays.path, "scene \(scene) has an impossible object")
      }
      guard !objects.isEmpty else {
        throw SampleFileError(
          arrays.path, "scene \(scene) has no objects, which a model of state descriptions reads")
      }
      return objects
    }

    private func opened(_ split: Split) throws -> Arrays {
      guard let arrays = arrays[split] else {
        throw SampleFileError(Self.fileName(split), "there is no such split")
      }
      return arrays
    }
  }
}
