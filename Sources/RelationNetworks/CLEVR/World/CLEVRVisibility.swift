// How much of each object of a CLEVR scene is seen: rays through the pixels of a picture.

extension CLEVR {
  /// Which pixels of a picture of 480 x 320 show which object.
  ///
  /// Uses nothing but the four operations and the square root, so that it is the same on every
  /// machine.
  struct Visibility {
    private let camera: Camera
    private let bodies: [Body]
    private let frames: [Frame]

    init(of objects: [Object], from camera: Camera) {
      self.camera = camera
      bodies = objects.map { Body($0, from: camera.position) }
      frames = zip(objects, bodies).map { Frame(around: $0, $1, from: camera) }
    }

    /// Whether at least `count` pixels show an object.
    func isSeen(_ object: Int, onAtLeast count: Int) -> Bool {
      let frame = frames[object]
      let others = bodies.indices.filter { $0 != object && frames[$0].overlaps(frame) }
      var seen = 0
      for row in frame.rows.clamped(to: 0..<Camera.height) {
        let up = (Double(Camera.height) / 2 - Double(row) - 0.5) / Camera.focalLength
        let start = camera.forward + camera.up * up
        for column in frame.columns.clamped(to: 0..<Camera.width) {
          let right = (Double(column) + 0.5 - Double(Camera.width) / 2) / Camera.focalLength
          let ray = start + camera.right * right
          guard let depth = bodies[object].depth(along: ray) else { continue }
          let isHidden = others.contains { (bodies[$0].depth(along: ray) ?? .infinity) < depth }
          if !isHidden { seen += 1 }
          if seen == count { return true }
        }
      }
      return false
    }
  }
}

/// The rows and columns of a picture that a solid reaches.
private struct Frame {
  var rows: Range<Int>
  var columns: Range<Int>

  /// The frame of the corners of the box around an object.
  init(around object: CLEVR.Object, _ body: Body, from camera: CLEVR.Camera) {
    rows = 0..<0
    columns = 0..<0
    let radius = object.size.radius
    for corner in 0..<8 {
      let (x, y, z) = (
        corner & 1 == 0 ? radius : -radius, corner & 2 == 0 ? radius : -radius,
        corner & 4 == 0 ? radius : -radius
      )
      let point =
        object.position + [body.cosine * x - body.sine * y, body.sine * x + body.cosine * y, z]
      let (column, row, _) = camera.projection(of: point)
      let (left, top) = (Int(column.rounded(.down)), Int(row.rounded(.down)))
      rows = corner == 0 ? top..<top + 1 : min(rows.lowerBound, top)..<max(rows.upperBound, top + 1)
      columns =
        corner == 0
        ? left..<left + 1 : min(columns.lowerBound, left)..<max(columns.upperBound, left + 1)
    }
  }

  func overlaps(_ other: Frame) -> Bool {
    rows.overlaps(other.rows) && columns.overlaps(other.columns)
  }
}

/// A solid that rays from one point meet.
private struct Body {
  let shape: CLEVR.Shape
  let radius: Double
  /// The eye, seen from the solid's centre and, for a cube, turned with it.
  let eye: SIMD3<Double>
  let cosine: Double
  let sine: Double

  init(_ object: CLEVR.Object, from position: SIMD3<Double>) {
    shape = object.shape
    radius = object.size.radius
    // A cube looks the same after a quarter of a turn, so that an eighth is the most to turn.
    let quarters = (object.rotation / 90).rounded()
    let angle = (object.rotation - 90 * quarters) * (Double.pi / 180)
    (cosine, sine) = shape == .cube ? Self.cosineAndSine(angle) : (1, 0)
    let offset = position - object.position
    eye = [
      cosine * offset.x + sine * offset.y, cosine * offset.y - sine * offset.x, offset.z,
    ]
  }

  /// Both to 14 digits for angles of up to an eighth of a turn (Taylor), the same everywhere.
  private static func cosineAndSine(_ angle: Double) -> (Double, Double) {
    var (cosine, sine, term) = (0.0, 0.0, 1.0)
    for power in stride(from: 0.0, to: 16, by: 4) {
      cosine += term
      term *= angle / (power + 1)
      sine += term
      term *= angle / (power + 2)
      cosine -= term
      term *= angle / (power + 3)
      sine -= term
      term *= angle / (power + 4)
    }
    return (cosine, sine)
  }

  /// How many times `ray` leads from the eye to the solid; `nil` if it misses it.
  func depth(along ray: SIMD3<Double>) -> Double? {
    switch shape {
    case .sphere:
      Self.firstRoot(
        (ray * ray).sum(), (ray * eye).sum(), (eye * eye).sum() - radius * radius)
    case .cylinder: cylinderDepth(ray)
    case .cube: cubeDepth([cosine * ray.x + sine * ray.y, cosine * ray.y - sine * ray.x, ray.z])
    }
  }

  /// The smaller solution of a t² + 2 b t + c = 0.
  private static func firstRoot(_ a: Double, _ b: Double, _ c: Double) -> Double? {
    let square = b * b - a * c
    return square < 0 ? nil : (-b - square.squareRoot()) / a
  }

  private func cylinderDepth(_ ray: SIMD3<Double>) -> Double? {
    // The camera is above every object, so rays go down and enter by the top or by the side.
    let top = (radius - eye.z) / ray.z
    let (x, y) = (eye.x + top * ray.x, eye.y + top * ray.y)
    if ray.z < 0 && x * x + y * y <= radius * radius { return top }
    let side = Self.firstRoot(
      ray.x * ray.x + ray.y * ray.y, ray.x * eye.x + ray.y * eye.y,
      eye.x * eye.x + eye.y * eye.y - radius * radius)
    guard let side, abs(eye.z + side * ray.z) <= radius else { return nil }
    return side
  }

  private func cubeDepth(_ ray: SIMD3<Double>) -> Double? {
    let (a, b) = ((-radius - eye) / ray, (radius - eye) / ray)
    let enter = pointwiseMin(a, b).max()
    return enter <= pointwiseMax(a, b).min() ? enter : nil
  }
}
