// Sort-of-CLEVR packed: arrays that every worker maps instead of decoding pictures.

import DataFiles
import Files
import Foundation
import Learning
import Pictures

extension SortOfCLEVR {
  /// The packed splits of a directory: `training.safetensors`, `validation.safetensors`, ….
  ///
  /// A split has `pictures`, bytes `[images, 75 · 75 · 3]`; `objects`, bytes `[images, 25]`, their
  /// number and then colour, outline, column and row of each; and `questions`, integers
  /// `[questions, 4]`: image, colour, kind, answer.
  struct PackedScenes: Source {
    /// The arrays of a split.
    private struct Arrays {
      let path: String
      let pictures: PackedArray<UInt8>
      let objects: PackedArray<UInt8>
      let questions: PackedArray<Int32>
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
        let file = try PackedFile(path)
        let opened = Arrays(
          path: path, pictures: try file.array("pictures"), objects: try file.array("objects"),
          questions: try file.array("questions"))
        let pixels = 3 * imageExtent * imageExtent
        guard opened.pictures.rowShape == [pixels],
          opened.objects.rowShape == [1 + 4 * objectCount], opened.questions.rowShape == [4],
          opened.pictures.count == opened.objects.count,
          opened.questions.count == counts[split.rawValue]
        else { throw SampleFileError(path, "its arrays are not of the sizes that belong together") }
        arrays[split] = opened
      }
      self.arrays = arrays
    }

    func askedScene(_ sample: Int, in split: Split, asPixels: Bool) throws -> AskedScene {
      guard let arrays = arrays[split] else {
        throw SampleFileError(Self.fileName(split), "there is no such split")
      }
      let row = arrays.questions.withRow(sample) { $0.map { Int($0) } }
      guard (0..<arrays.objects.count).contains(row[0]), let color = Color(rawValue: row[1]),
        let kind = Kind(rawValue: row[2]), let answer = Answer(rawValue: row[3])
      else { throw SampleFileError(arrays.path, "question \(sample) is \(row), which is none") }
      let view: AskedScene.View
      if asPixels {
        view = .picture(
          RGBImage(
            width: imageExtent, height: imageExtent,
            bytes: arrays.pictures.withRow(row[0]) { Array($0) }))
      } else {
        view = .objects(try Self.objects(row[0], in: arrays))
      }
      return AskedScene(view: view, question: Question(kind, of: color), answer: answer)
    }

    private static func objects(_ image: Int, in arrays: Arrays) throws -> [Object] {
      let row = arrays.objects.withRow(image) { $0.map { Int($0) } }
      guard row[0] > 0 else {
        throw SampleFileError(
          arrays.path,
          "image \(image) has no objects, which a model of state descriptions reads")
      }
      return try (0..<min(row[0], objectCount)).map { number in
        let part = row[(1 + 4 * number)...]
        guard let color = Color(rawValue: part[part.startIndex]),
          let outline = Outline(rawValue: part[part.startIndex + 1])
        else { throw SampleFileError(arrays.path, "image \(image) has an impossible object") }
        return Object(color, outline, x: part[part.startIndex + 2], y: part[part.startIndex + 3])
      }
    }
  }
}

extension SortOfCLEVR.SceneList {
  /// Packs the scenes and questions of a split; calls `progress` after each scene.
  func pack(
    picturesIn folder: String, to path: String, progress: () -> Void
  ) throws {
    typealias Task = SortOfCLEVR
    let writer = PackedFileWriter(replacing: path)
    let pixels = 3 * Task.imageExtent * Task.imageExtent
    let pictures = try writer.addArray("pictures", rowShape: [pixels], of: UInt8.self)
    let objects = try writer.addArray(
      "objects", rowShape: [1 + 4 * Task.objectCount], of: UInt8.self)
    let asked = try writer.addArray("questions", rowShape: [4], of: Int32.self)
    for (image, scene) in scenes.enumerated() {
      try writer.append(try Task.picture("\(folder)/\(scene.image)").bytes, to: pictures)
      var row = [UInt8](repeating: 0, count: 1 + 4 * Task.objectCount)
      row[0] = UInt8(scene.objects?.count ?? 0)
      for (number, object) in (scene.objects ?? []).enumerated() {
        let numbers = [object.color.rawValue, object.outline.rawValue, object.x, object.y]
        row.replaceSubrange(1 + 4 * number..<5 + 4 * number, with: numbers.map { UInt8($0) })
      }
      try writer.append(row, to: objects)
      let next = image + 1 < scenes.count ? scenes[image + 1].firstQuestion : questionCount
      for (question, answer) in questions[scene.firstQuestion..<next] {
        let numbers = [image, question.color.rawValue, question.kind.rawValue, answer.rawValue]
        try writer.append(numbers.map { Int32($0) }, to: asked)
      }
      progress()
    }
    _ = try writer.commit()
  }
}
