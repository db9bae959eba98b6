// The light of a scene: three lamps, their soft shadows, and metal that mirrors.

extension CLEVR {
  /// A lamp with some extent, which is what makes shadows soft.
  private struct Lamp {
    let position: SIMD3<Float>
    let power: Float
    let radius: Float
  }

  /// What a ray meets first.
  struct Hit {
    /// How far away.
    let distance: Float
    /// The solid; that many as there are for the ground, one more for nothing.
    fileprivate let solid: Int
    /// The direction away from the surface.
    fileprivate let normal: SIMD3<Float>

    /// Whether the same surface is met, and not far around an edge.
    func isOnSameFace(as other: Hit) -> Bool {
      solid == other.solid && dot(normal, other.normal) > 0.9
    }
  }

  /// Solids on the ground under lamps.
  struct Surroundings {
    private let solids: [Solid]

    /// Where the lamps of the published scenes are about: key, fill and back.
    private static let lamps = [
      Lamp(position: [6.447, -2.905, 4.258], power: 12, radius: 0.7),
      Lamp(position: [-4.671, -4.014, 3.011], power: 5, radius: 0.7),
      Lamp(position: [-1.169, 2.646, 5.816], power: 8, radius: 0.7),
    ]
    /// The light that comes from everywhere.
    private static let ambient: Float = 0.28
    /// The share of light that the ground gives back.
    private static let ground = SIMD3<Float>(repeating: 0.4)
    /// What the ground becomes far away.
    private static let horizon = SIMD3<Float>(repeating: 0.135)
    /// What is above it.
    private static let above = SIMD3<Float>(repeating: 0.04)
    /// Points of a disc, none near another, and none near another among any four.
    private static let lampPoints: [(x: Float, y: Float)] = [
      (0.35, 0.20), (-0.20, 0.75), (-0.75, -0.30), (0.30, -0.70),
      (0.80, 0.45), (-0.60, 0.35), (-0.25, -0.30), (0.75, -0.30),
      (0.15, 0.55), (-0.85, 0.10), (-0.30, -0.80), (0.45, -0.15),
      (0.45, 0.80), (-0.25, 0.20), (0.00, -0.45), (0.90, 0.05),
    ]

    /// Solids on the ground.
    init(_ solids: [Solid]) { self.solids = solids }

    /// What a ray meets first.
    func hit(along ray: Ray) -> Hit {
      var (distance, found) = (Float.infinity, solids.count + 1)
      if ray.direction.z < 0 {
        (distance, found) = (-ray.origin.z / ray.direction.z, solids.count)
      }
      for index in solids.indices {
        if let nearer = solids[index].distance(along: ray, below: distance) {
          (distance, found) = (nearer, index)
        }
      }
      let normal =
        found < solids.count
        ? solids[found].normal(at: ray.origin + ray.direction * distance) : [0, 0, 1]
      return Hit(distance: distance, solid: found, normal: normal)
    }

    /// The light that comes back along a ray from what it hit.
    ///
    /// `lampPoints` are the points of lamps that shadows are found by.
    func color(
      of hit: Hit, along ray: Ray, lampPoints: Range<Int>, bounces: Int
    ) -> SIMD3<Float> {
      if hit.solid > solids.count { return Self.above }
      let point = ray.origin + ray.direction * hit.distance
      let light = illumination(of: point, hit.normal, lampPoints)
      if hit.solid == solids.count {
        let fading = min(hit.distance / 60, 1)
        return Self.ground * (light * (1 - fading)) + Self.horizon * fading
      }
      let (color, isMetal) = (solids[hit.solid].color, solids[hit.solid].isMetal)
      let mirrored = normalized(ray.direction - hit.normal * (2 * dot(ray.direction, hit.normal)))
      let shine = gloss(at: point, mirrored, lampPoints, isSharp: isMetal)
      guard isMetal else { return color * (light * 0.8) + SIMD3(repeating: 0.03 * shine) }
      var seen = Self.above
      if bounces > 0 {
        let onward = Ray(origin: point, direction: mirrored)
        seen = self.color(
          of: self.hit(along: onward), along: onward, lampPoints: 0..<4,
          bounces: bounces - 1)
      }
      return color * (light * 0.2) + (seen + 1.5 * shine) * (color * 0.85 + 0.05)
    }

    /// The light on a surface, from all lamps that it can see and from everywhere.
    private func illumination(
      of point: SIMD3<Float>, _ normal: SIMD3<Float>, _ lampPoints: Range<Int>
    ) -> Float {
      var light = Self.ambient * openness(at: point, normal)
      for lamp in Self.lamps {
        let offset = lamp.position - point
        let square = dot(offset, offset)
        let facing = dot(offset, normal) / square.squareRoot()
        guard facing > 0 else { continue }
        light += lamp.power / square * facing * visibility(of: lamp, from: point, lampPoints)
      }
      return light
    }

    /// The share of what is around a point that no object hides: what makes the ground dark where
    /// an object touches it.
    private func openness(at point: SIMD3<Float>, _ normal: SIMD3<Float>) -> Float {
      var open: Float = 1
      for index in solids.indices {
        let (center, bound) = (solids[index].center, solids[index].bound)
        let offset = center - point
        let facing = dot(offset, normal)
        guard facing > 0 else { continue }
        let square = dot(offset, offset)
        open *= 1 - 0.8 * facing / square.squareRoot() * min(bound * bound / square, 1)
      }
      return open
    }

    /// The share of a lamp that is seen from a point.
    private func visibility(
      of lamp: Lamp, from point: SIMD3<Float>, _ lampPoints: Range<Int>
    ) -> Float {
      let offset = lamp.position - point
      let length = dot(offset, offset).squareRoot()
      let direction = offset / length
      // Only what comes near the line to the lamp can hide any of it.
      var hiding = Objects()
      for index in solids.indices {
        let (center, bound) = (solids[index].center, solids[index].bound)
        let away = center - point
        let along = dot(away, direction)
        guard along > -bound else { continue }
        let reach = bound + lamp.radius * max(along, 0) / length
        if dot(away, away) - along * along < reach * reach { hiding.insert(Objects(index)) }
      }
      if hiding.isEmpty { return 1 }
      let across = normalized([direction.y, -direction.x, 0])
      let above = cross(across, direction)
      var seen: Float = 0
      for number in lampPoints {
        let place = Self.lampPoints[number]
        let target = offset + (across * place.x + above * place.y) * lamp.radius
        let distance = dot(target, target).squareRoot()
        let ray = Ray(origin: point, direction: target / distance)
        if !isHidden(by: hiding, along: ray, below: distance) { seen += 1 }
      }
      return seen / Float(lampPoints.count)
    }

    private func isHidden(by hiding: Objects, along ray: Ray, below distance: Float) -> Bool {
      var rest = hiding.rawValue
      while rest != 0 {
        if solids[rest.trailingZeroBitCount].distance(along: ray, below: distance) != nil {
          return true
        }
        rest &= rest - 1
      }
      return false
    }

    /// How bright the lamps shine in a surface, from a mirrored ray.
    private func gloss(
      at point: SIMD3<Float>, _ mirrored: SIMD3<Float>, _ lampPoints: Range<Int>, isSharp: Bool
    ) -> Float {
      var light: Float = 0
      for lamp in Self.lamps {
        let offset = lamp.position - point
        let facing = dot(offset, mirrored) / dot(offset, offset).squareRoot()
        guard facing > 0.7 else { continue }
        var lobe = facing * facing
        for _ in 0..<(isSharp ? 6 : 3) { lobe *= lobe }
        light += lobe * lamp.power / 10 * visibility(of: lamp, from: point, lampPoints)
      }
      return light
    }
  }
}
