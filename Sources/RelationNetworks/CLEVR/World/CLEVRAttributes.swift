// What tells the objects of CLEVR apart: size, colour, material and shape; and where they are.

extension CLEVR {
  /// An attribute that every object has.
  public enum Attribute: Int, CaseIterable, Sendable {
    case size, color, material, shape

    /// The name in files.
    public var name: String { "\(self)" }

    /// What the attribute may be.
    public var values: [AttributeValue] {
      switch self {
      case .size: Size.allCases.map { .size($0) }
      case .color: Color.allCases.map { .color($0) }
      case .material: Material.allCases.map { .material($0) }
      case .shape: Shape.allCases.map { .shape($0) }
      }
    }
  }

  /// The size of an object.
  public enum Size: Int, CaseIterable, Sendable {
    case large, small

    /// The name in files.
    public var name: String { "\(self)" }

    /// Half of an object's extent along each axis, in units of the scene.
    public var radius: Double { self == .large ? 0.7 : 0.35 }
  }

  /// The colour of an object.
  public enum Color: Int, CaseIterable, Sendable {
    case gray, red, blue, green, brown, purple, cyan, yellow

    /// The name in files.
    public var name: String { "\(self)" }

    /// Red, green and blue of the surface, from 0 to 255.
    public var rgb: (UInt8, UInt8, UInt8) {
      switch self {
      case .gray: (87, 87, 87)
      case .red: (173, 35, 35)
      case .blue: (42, 75, 215)
      case .green: (29, 105, 20)
      case .brown: (129, 74, 25)
      case .purple: (129, 38, 192)
      case .cyan: (41, 208, 208)
      case .yellow: (255, 238, 51)
      }
    }
  }

  /// What an object is made of.
  public enum Material: Int, CaseIterable, Sendable {
    case rubber, metal

    /// The name in files.
    public var name: String { "\(self)" }
  }

  /// The form of an object.
  public enum Shape: Int, CaseIterable, Sendable {
    case cube, sphere, cylinder

    /// The name in files.
    public var name: String { "\(self)" }
  }

  /// A value of an attribute: one of fifteen.
  public enum AttributeValue: Hashable, Sendable {
    case size(Size)
    case color(Color)
    case material(Material)
    case shape(Shape)

    /// The attribute that has this value.
    public var attribute: Attribute {
      switch self {
      case .size: .size
      case .color: .color
      case .material: .material
      case .shape: .shape
      }
    }

    /// The name in files, which no other value has.
    public var name: String {
      switch self {
      case .size(let size): size.name
      case .color(let color): color.name
      case .material(let material): material.name
      case .shape(let shape): shape.name
      }
    }

    /// The value of a name; `nil` if it has none.
    public init?(name: some StringProtocol) {
      guard let value = Self.byName[String(name)] else { return nil }
      self = value
    }

    private static let byName = Dictionary(
      uniqueKeysWithValues: Attribute.allCases.flatMap(\.values).map { ($0.name, $0) })
  }

  /// One of the four directions along the ground, as they are seen from the camera.
  public enum Direction: Int, CaseIterable, Sendable {
    case left, right, front, behind

    /// The name in files.
    public var name: String { "\(self)" }

    /// The direction of a name; `nil` if it has none.
    public init?(name: some StringProtocol) {
      guard let direction = Self.allCases.first(where: { $0.name == name }) else { return nil }
      self = direction
    }
  }
}
