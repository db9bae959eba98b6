// Rays, and the three solids that they may hit.

import Glibc

extension CLEVR {
  /// A half line.
  struct Ray {
    /// Where it begins.
    let origin: SIMD3<Float>
    /// Where it goes, of length 1.
    let direction: SIMD3<Float>
  }

  /// An object of a scene as rays see it.
  struct Solid {
    private let shape: Shape
    /// The centre.
    let center: SIMD3<Float>
    /// The radius of a sphere or cylinder, half the edge of a cube.
    private let extent: Float
    /// The radius of the sphere around it.
    let bound: Float
    private let cosine: Float
    private let sine: Float
    /// The share of red, green and blue light that the surface gives back.
    let color: SIMD3<Float>
    /// Whether it mirrors what is around it.
    let isMetal: Bool

    init(_ object: Object) {
      shape = object.shape
      extent = Float(object.size.radius)
      center = [Float(object.position.x), Float(object.position.y), extent]
      switch shape {
      case .sphere: bound = extent
      case .cylinder: bound = extent * Float(2).squareRoot()
      case .cube: bound = extent * Float(3).squareRoot()
      }
      // The published images are turned by so many radians, although files speak of degrees.
      (cosine, sine) = (Float(cos(object.rotation)), Float(sin(object.rotation)))
      let (red, green, blue) = object.color.rgb
      color = SIMD3(Float(red), Float(green), Float(blue)) / 255
      isMetal = object.material == .metal
    }

    /// How far along a ray the surface is first met; `nil` if it is not, or beyond `limit`.
    @inline(__always) func distance(along ray: Ray, below limit: Float) -> Float? {
      let offset = ray.origin - center
      let along = -dot(offset, ray.direction)
      // Most rays pass by the sphere around it.
      guard along > -bound, along - bound < limit,
        dot(offset, offset) - along * along < bound * bound
      else { return nil }
      let found =
        switch shape {
        case .sphere: sphereDistance(offset, along)
        case .cylinder: cylinderDistance(offset, ray.direction)
        case .cube: cubeDistance(turned(offset), turned(ray.direction))
        }
      guard let found, found > Self.nearest, found < limit else { return nil }
      return found
    }

    private func sphereDistance(_ offset: SIMD3<Float>, _ along: Float) -> Float? {
      let square = along * along - dot(offset, offset) + extent * extent
      return square > 0 ? along - square.squareRoot() : nil
    }

    private func cylinderDistance(
      _ offset: SIMD3<Float>, _ direction: SIMD3<Float>
    ) -> Float? {
      // The time within the round wall, and the time between the two ends.
      let a = direction.x * direction.x + direction.y * direction.y
      let b = offset.x * direction.x + offset.y * direction.y
      let c = offset.x * offset.x + offset.y * offset.y - extent * extent
      let ends = span(offset.z, direction.z)
      guard a > 0 else { return c < 0 ? ends.0 : nil }
      let square = b * b - a * c
      guard square > 0 else { return nil }
      let root = square.squareRoot()
      let wall = ((-b - root) / a, (-b + root) / a)
      let (enters, leaves) = (max(wall.0, ends.0), min(wall.1, ends.1))
      return enters < leaves ? enters : nil
    }

    private func cubeDistance(_ offset: SIMD3<Float>, _ direction: SIMD3<Float>) -> Float? {
      let (x, y) = (span(offset.x, direction.x), span(offset.y, direction.y))
      let z = span(offset.z, direction.z)
      let (enters, leaves) = (max(x.0, y.0, z.0), min(x.1, y.1, z.1))
      return enters < leaves ? enters : nil
    }

    /// When something that moves is between `-extent` and `extent`.
    @inline(__always) private func span(_ place: Float, _ speed: Float) -> (Float, Float) {
      guard speed != 0 else {
        return abs(place) < extent ? (-.infinity, .infinity) : (.infinity, -.infinity)
      }
      let (first, second) = ((-extent - place) / speed, (extent - place) / speed)
      return first < second ? (first, second) : (second, first)
    }

    /// A vector as the solid sees it, turned back about the vertical.
    private func turned(_ v: SIMD3<Float>) -> SIMD3<Float> {
      [cosine * v.x + sine * v.y, cosine * v.y - sine * v.x, v.z]
    }

    /// The direction away from the surface at a point of it.
    func normal(at point: SIMD3<Float>) -> SIMD3<Float> {
      let offset = point - center
      switch shape {
      case .sphere: return offset / extent
      case .cylinder:
        let radius = (offset.x * offset.x + offset.y * offset.y).squareRoot()
        if extent - abs(offset.z) < extent - radius { return [0, 0, offset.z < 0 ? -1 : 1] }
        return [offset.x / radius, offset.y / radius, 0]
      case .cube:
        let local = turned(offset)
        let (x, y, z) = (abs(local.x), abs(local.y), abs(local.z))
        if z >= x && z >= y { return [0, 0, local.z < 0 ? -1 : 1] }
        let sign: Float = (x >= y ? local.x : local.y) < 0 ? -1 : 1
        return x >= y ? [cosine * sign, sine * sign, 0] : [-sine * sign, cosine * sign, 0]
      }
    }

    /// Whatever is nearer than this is the surface that a ray begins on.
    private static let nearest: Float = 1e-3
  }
}

/// The scalar product.
@inline(__always) func dot(_ a: SIMD3<Float>, _ b: SIMD3<Float>) -> Float {
  a.x * b.x + a.y * b.y + a.z * b.z
}

/// A vector of length 1 in the same direction.
@inline(__always) func normalized(_ v: SIMD3<Float>) -> SIMD3<Float> {
  v / dot(v, v).squareRoot()
}

/// The vector product.
@inline(__always) func cross(_ a: SIMD3<Float>, _ b: SIMD3<Float>) -> SIMD3<Float> {
  [a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x]
}
