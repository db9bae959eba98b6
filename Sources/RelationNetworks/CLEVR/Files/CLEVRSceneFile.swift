// Scenes as the published files have them: read, and in the same form to be written.

import Files
import Learning

extension CLEVR {
  /// A scene of a file.
  public struct ListedScene: Hashable, Sendable {
    /// The number of its image, which questions refer to.
    public var image: Int
    /// The name of the image's file, in the folder of its split.
    public var imageFile: String
    /// The scene.
    public var scene: Scene

    /// A scene with its image.
    public init(image: Int, imageFile: String, scene: Scene) {
      self.image = image
      self.imageFile = imageFile
      self.scene = scene
    }
  }

  /// A file such as `CLEVR_v1.0/scenes/CLEVR_val_scenes.json`.
  public struct SceneFile: Sendable {
    private let path: String

    /// The file at a path.
    public init(_ path: String) { self.path = path }

    /// Calls `body` with each scene, in the file's order; one at a time is in memory.
    ///
    /// Throws what `body` throws, or a `FileError` that names the scene that is not right.
    public func forEach(_ body: (ListedScene) throws -> Void) throws {
      try JSONMemberList("scenes", of: "scene", in: path)
        .forEach(as: { try ListedScene($0) }, body)
    }
  }
}

extension CLEVR.ListedScene {
  fileprivate init(_ fields: JSONFields) throws(JSONFieldProblem) {
    let entries = try fields.list("objects")
    let limit = CLEVR.Scene.objectLimit
    guard entries.count <= limit else {
      throw JSONFieldProblem("it has \(entries.count) objects; \(limit) are the most")
    }
    var objects: [CLEVR.Object] = []
    for (index, entry) in entries.enumerated() {
      do { objects.append(try CLEVR.Object(JSONFields(entry))) } catch {
        throw JSONFieldProblem("object \(index): \(error)")
      }
    }
    let directions = try fields.fields("directions")
    let relationships = try fields.fields("relationships")
    self.init(
      image: try fields.imageNumber(), imageFile: try fields.text("image_filename"),
      scene: CLEVR.Scene(
        objects: objects,
        directions: CLEVR.Directions(
          try directions.vector("left"), try directions.vector("right"),
          try directions.vector("front"), try directions.vector("behind")),
        relationships: try CLEVR.Direction.allCases.map { direction throws(JSONFieldProblem) in
          try Self.related(relationships.list(direction.name), direction, count: objects.count)
        }))
  }

  private static func related(
    _ lists: [JSONValue], _ direction: CLEVR.Direction, count: Int
  ) throws(JSONFieldProblem) -> [CLEVR.Objects] {
    guard lists.count == count else {
      throw JSONFieldProblem(
        "\"relationships\" has \(lists.count) lists for \"\(direction.name)\", not \(count)")
    }
    var related: [CLEVR.Objects] = []
    for (index, list) in lists.enumerated() {
      guard let others = JSONFields.integers(list),
        others.allSatisfy({ (0..<count).contains($0) && $0 != index })
      else {
        throw JSONFieldProblem(
          "\"relationships\" has something else than other objects \(direction.name) of \(index)")
      }
      related.append(others.reduce(into: []) { $0.insert(CLEVR.Objects($1)) })
    }
    return related
  }

  /// The entry in the list of a split, such as `val`.
  func json(split: String) -> JSONValue {
    var relationships: [String: JSONValue] = [:]
    var directions: [String: JSONValue] = [
      "above": SIMD3(0, 0, 1).json, "below": SIMD3(0, 0, -1).json,
    ]
    for direction in CLEVR.Direction.allCases {
      relationships[direction.name] = .array(
        scene.objects.indices.map { index in
          .array(scene.objects(direction, of: index).indices.map { .integer($0) })
        })
      directions[direction.name] = scene.directions[direction].json
    }
    return .object([
      "split": .string(split), "image_index": .integer(image),
      "image_filename": .string(imageFile), "objects": .array(scene.objects.map(\.json)),
      "relationships": .object(relationships), "directions": .object(directions),
    ])
  }
}

extension CLEVR.Object {
  fileprivate init(_ fields: JSONFields) throws(JSONFieldProblem) {
    let pixel = try fields.vector("pixel_coords")
    guard abs(pixel.x) < 1e6, abs(pixel.y) < 1e6 else {
      throw JSONFieldProblem("\"pixel_coords\" is far outside of the image")
    }
    let position = try fields.vector("3d_coords")
    // Objects lie within 3 of the middle.
    guard [position.x, position.y, position.z].allSatisfy({ abs($0) < 100 }) else {
      throw JSONFieldProblem("\"3d_coords\" is far outside of the scene")
    }
    guard case .size(let size) = try fields.value(of: .size),
      case .color(let color) = try fields.value(of: .color),
      case .material(let material) = try fields.value(of: .material),
      case .shape(let shape) = try fields.value(of: .shape)
    else { throw JSONFieldProblem("it is no object of CLEVR") }
    self.init(
      size: size, color: color, material: material, shape: shape,
      position: position, rotation: try fields.number("rotation"),
      pixel: [Int(pixel.x), Int(pixel.y)], depth: pixel.z)
  }

  fileprivate var json: JSONValue {
    var members = Dictionary(
      uniqueKeysWithValues: CLEVR.Attribute.allCases.map {
        ($0.name, JSONValue.string(self[$0].name))
      })
    members["3d_coords"] = position.json
    members["rotation"] = .number(rotation)
    members["pixel_coords"] = .array([.integer(pixel.x), .integer(pixel.y), .number(depth)])
    return .object(members)
  }
}

extension JSONFields {
  /// The number of the image that an entry is about.
  func imageNumber() throws(JSONFieldProblem) -> Int {
    let image = try integer("image_index")
    guard (0...Int(Int32.max)).contains(image) else {
      throw JSONFieldProblem("\"image_index\" is \(image)")
    }
    return image
  }

  fileprivate func value(
    of attribute: CLEVR.Attribute
  ) throws(JSONFieldProblem) -> CLEVR.AttributeValue {
    let name = try text(attribute.name)
    guard let value = CLEVR.AttributeValue(name: name), value.attribute == attribute else {
      throw JSONFieldProblem("\"\(name)\" is no \(attribute.name) of CLEVR")
    }
    return value
  }
}

extension SIMD3<Double> {
  fileprivate var json: JSONValue { .array([.number(x), .number(y), .number(z)]) }
}
