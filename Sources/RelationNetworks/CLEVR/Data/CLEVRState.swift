// An object as a row of a state description.

extension CLEVR {
  /// What a model that reads state descriptions is told of an object.
  struct State: Hashable, Sendable {
    /// The centre: x, y and z in the units of the scene.
    let position: SIMD3<Float>
    let color: Color
    let shape: Shape
    let material: Material
    let size: Size

    init(_ object: Object) {
      position = SIMD3(object.position)
      (color, shape) = (object.color, object.shape)
      (material, size) = (object.material, object.size)
    }

    /// The object of a position and the raw values of colour, shape, material and size; `nil` if
    /// one of them is none.
    init?(position: SIMD3<Float>, codes: some Collection<UInt8>) {
      let codes = codes.map { Int($0) }
      guard codes.count == 4, let color = Color(rawValue: codes[0]),
        let shape = Shape(rawValue: codes[1]), let material = Material(rawValue: codes[2]),
        let size = Size(rawValue: codes[3])
      else { return nil }
      self.position = position
      (self.color, self.shape, self.material, self.size) = (color, shape, material, size)
    }

    /// The raw values of colour, shape, material and size.
    var codes: [UInt8] {
      [color.rawValue, shape.rawValue, material.rawValue, size.rawValue].map { UInt8($0) }
    }

    /// Writes the row, `featureCount` numbers: x, y and z as they are; then, one-hot, the colour in
    /// the order of `Color`, the shape, the material and the size.
    func write(into row: UnsafeMutableBufferPointer<Float>) {
      row.update(repeating: 0)
      for axis in 0..<3 { row[axis] = position[axis] }
      var first = 3
      for (code, count) in zip(codes, Self.choices) {
        row[first + Int(code)] = 1
        first += count
      }
    }

    /// How many values colour, shape, material and size have.
    private static let choices = [
      Color.allCases.count, Shape.allCases.count, Material.allCases.count, Size.allCases.count,
    ]
  }
}
