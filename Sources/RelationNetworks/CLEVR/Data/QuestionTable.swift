// The questions of a split, as compact as they are read or packed.

import DataFiles
import Files
import Learning
import Pictures

extension CLEVR {
  /// The scenes of a split and the questions about them: what a model reads, and no programs.
  struct QuestionTable: Sendable {
    /// A scene by the number and the file of its image.
    struct Scene: Hashable, Sendable {
      let number: Int
      let image: String
      fileprivate let objects: Range<Int>
    }

    /// A question; its words begin at a place and end where those of the next begin.
    private struct Row {
      let scene: Int32
      let firstWord: Int32
      let answer: UInt8
      let category: UInt8
    }

    private(set) var scenes: [Scene] = []
    private var objects: [State] = []
    private var rows: [Row] = []
    private var words: [UInt8] = []

    /// The number of questions.
    var count: Int { rows.count }

    /// Adds a scene.
    mutating func add(number: Int, image: String, objects: [State]) {
      let first = self.objects.count
      self.objects += objects
      scenes.append(
        Scene(number: number, image: image, objects: first..<self.objects.count))
    }

    /// Adds a question about the scene at a place in the list of scenes.
    mutating func add(words: [UInt8], answer: Int, category: Category, about scene: Int) {
      rows.append(
        Row(
          scene: Int32(scene), firstWord: Int32(self.words.count), answer: UInt8(answer),
          category: UInt8(category.rawValue)))
      self.words += words
    }

    /// A sample.
    func sample(_ index: Int) -> Sample {
      let row = rows[index]
      let scene = scenes[Int(row.scene)]
      let end = index + 1 < rows.count ? Int(rows[index + 1].firstWord) : words.count
      guard let category = Category(rawValue: Int(row.category)) else {
        preconditionFailure("a question of category \(row.category)")
      }
      return Sample(
        scene: Int(row.scene), image: scene.image, objects: Array(objects[scene.objects]),
        words: Array(words[Int(row.firstWord)..<end]), answer: row.answer, category: category)
    }

    /// Writes the table as a packed file.
    ///
    /// `pictures`, if there are any, is asked for the pixels of some scenes after one another.
    func pack(
      to path: String, metadata: [String: String],
      pictures: ((_ scenes: Range<Int>) throws -> [RGBImage])?, progress: (_ scenes: Int) -> Void
    ) throws {
      let writer = PackedFileWriter(replacing: path, metadata: metadata)
      let coordinates = try writer.addArray(
        "coordinates", rowShape: [3 * objectLimit], of: Float.self)
      let attributes = try writer.addArray(
        "attributes", rowShape: [1 + 4 * objectLimit], of: UInt8.self)
      let numbers = try writer.addArray("images", of: Int32.self)
      let pixels =
        pictures == nil
        ? nil
        : try writer.addArray(
          "pictures", rowShape: [3 * imageExtent * imageExtent], of: UInt8.self)
      for first in stride(from: 0, to: scenes.count, by: 64) {
        let part = first..<min(first + 64, scenes.count)
        for scene in scenes[part] {
          let row = PackedRow(objects[scene.objects])
          try writer.append(row.coordinates, to: coordinates)
          try writer.append(row.attributes, to: attributes)
          try writer.append([Int32(scene.number)], to: numbers)
        }
        if let pictures, let pixels {
          for picture in try pictures(part) { try writer.append(picture.bytes, to: pixels) }
        }
        progress(part.upperBound)
      }
      let questions = try writer.addArray("questions", rowShape: [4], of: Int32.self)
      for row in rows {
        try writer.append(
          [row.scene, row.firstWord, Int32(row.answer), Int32(row.category)], to: questions)
      }
      try writer.append(words, to: try writer.addArray("words", of: UInt8.self))
      _ = try writer.commit()
    }
  }

  /// The objects of a scene as a row of each of two arrays.
  struct PackedRow {
    /// x, y and z of each object, zeros for those that there are not.
    var coordinates = [Float](repeating: 0, count: 3 * objectLimit)
    /// The number of objects, and the raw values of colour, shape, material and size of each.
    var attributes = [UInt8](repeating: 0, count: 1 + 4 * objectLimit)

    /// The row of at most ten objects.
    init(_ objects: some Collection<State>) {
      attributes[0] = UInt8(objects.count)
      for (index, object) in objects.enumerated() {
        for axis in 0..<3 { coordinates[3 * index + axis] = object.position[axis] }
        attributes.replaceSubrange(1 + 4 * index..<5 + 4 * index, with: object.codes)
      }
    }

    /// The objects of a row; `nil` if it is none.
    static func objects(
      _ coordinates: UnsafeBufferPointer<Float>, _ attributes: UnsafeBufferPointer<UInt8>
    ) -> [State]? {
      guard attributes[0] <= objectLimit else { return nil }
      var objects: [State] = []
      for index in 0..<Int(attributes[0]) {
        let place = coordinates[3 * index..<3 * index + 3]
        let position = SIMD3(place)
        guard position.x.isFinite, position.y.isFinite, position.z.isFinite,
          let state = State(position: position, codes: attributes[1 + 4 * index..<5 + 4 * index])
        else { return nil }
        objects.append(state)
      }
      return objects
    }
  }
}
