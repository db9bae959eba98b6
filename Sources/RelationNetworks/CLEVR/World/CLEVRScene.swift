// A CLEVR scene: up to ten objects on a plane, and who is left of whom.

extension CLEVR {
  /// An object of a scene.
  public struct Object: Hashable, Sendable {
    /// The size.
    public var size: Size
    /// The colour.
    public var color: Color
    /// The material.
    public var material: Material
    /// The shape.
    public var shape: Shape
    /// The centre: x and y on the ground, from -3 to 3, and the height, which is half of the
    /// object's: its `size.radius`.
    public var position: SIMD3<Double>
    /// How far it is turned about the vertical, in degrees.
    public var rotation: Double
    /// Where the centre is seen: column and row of an image of 480 x 320, from the upper left.
    public var pixel: SIMD2<Int>
    /// The distance of the centre from the camera along the direction that it looks.
    public var depth: Double

    /// An object of the given parts.
    public init(
      size: Size, color: Color, material: Material, shape: Shape, position: SIMD3<Double>,
      rotation: Double, pixel: SIMD2<Int>, depth: Double
    ) {
      self.size = size
      self.color = color
      self.material = material
      self.shape = shape
      self.position = position
      self.rotation = rotation
      self.pixel = pixel
      self.depth = depth
    }

    /// The value of an attribute.
    public subscript(attribute: Attribute) -> AttributeValue {
      switch attribute {
      case .size: .size(size)
      case .color: .color(color)
      case .material: .material(material)
      case .shape: .shape(shape)
      }
    }
  }

  /// Some objects of a scene: bit i stands for the scene's object i.
  public struct Objects: OptionSet, Hashable, Sendable {
    /// The bits.
    public let rawValue: UInt32

    /// The objects of the given bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// One object.
    public init(_ index: Int) { rawValue = 1 << UInt32(index) }

    /// The first objects of a scene.
    public init(first count: Int) {
      rawValue = UInt32(truncatingIfNeeded: (UInt64(1) << count) - 1)
    }

    /// How many they are.
    public var count: Int { rawValue.nonzeroBitCount }

    /// The index of the only object; `nil` if there are none or several.
    public var only: Int? { count == 1 ? rawValue.trailingZeroBitCount : nil }

    /// The objects' indices, in order.
    public var indices: [Int] { (0..<32).filter { rawValue >> UInt32($0) & 1 == 1 } }
  }

  /// The unit vectors along the ground that are left, right, front and behind of a scene.
  public struct Directions: Hashable, Sendable {
    private let vectors: [SIMD3<Double>]

    /// The vectors of the directions in their order.
    public init(
      _ left: SIMD3<Double>, _ right: SIMD3<Double>, _ front: SIMD3<Double>,
      _ behind: SIMD3<Double>
    ) {
      vectors = [left, right, front, behind]
    }

    /// The vector of a direction.
    public subscript(direction: Direction) -> SIMD3<Double> { vectors[direction.rawValue] }

    /// Those of all published scenes: the camera is moved a little from scene to scene, but the
    /// directions were taken from where it stood at first.
    public static let published = Directions(
      [-0.6563112735748291, -0.7544902563095093, 0], [0.6563112735748291, 0.7544902563095093, 0],
      [0.754490315914154, -0.6563112735748291, 0], [-0.754490315914154, 0.6563112735748291, 0])
  }

  /// The objects of an image and their relations.
  public struct Scene: Hashable, Sendable {
    /// The most objects that a scene may have; the published ones have three to ten.
    public static let objectLimit = 32

    /// The objects.
    public let objects: [Object]
    /// What left, right, front and behind mean.
    public let directions: Directions
    /// For each direction, at its raw value, the objects that lie there from each object.
    private let relationships: [[Objects]]

    /// A scene of the given parts.
    ///
    /// `relationships` has a list for each direction, in their order, with an entry for each
    /// object.
    public init(objects: [Object], directions: Directions, relationships: [[Objects]]) {
      precondition(
        objects.count <= Self.objectLimit && relationships.count == Direction.allCases.count
          && relationships.allSatisfy { $0.count == objects.count },
        "a scene of \(objects.count) objects with relationships of \(relationships.map(\.count))")
      self.objects = objects
      self.directions = directions
      self.relationships = relationships
    }

    /// The scene of some objects whose relations follow from where they are.
    ///
    /// One object lies in a direction from another if it is further along it by more than 0.2.
    public init(objects: [Object], directions: Directions = .published) {
      let relationships = Direction.allCases.map { direction in
        objects.map { object in
          objects.indices.reduce(into: Objects()) { related, other in
            let offset = objects[other].position - object.position
            if (offset * directions[direction]).sum() > 0.2 { related.insert(Objects(other)) }
          }
        }
      }
      self.init(objects: objects, directions: directions, relationships: relationships)
    }

    /// All objects.
    public var all: Objects { Objects(first: objects.count) }

    /// The objects that lie in a direction from an object.
    public func objects(_ direction: Direction, of object: Int) -> Objects {
      relationships[direction.rawValue][object]
    }
  }
}
