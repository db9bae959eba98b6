// The start of a generated CLEVR sample: a scene, drawn from its number.

import Learning
import Tensors

extension CLEVR {
  /// A scene and where it is seen from.
  public struct View: Hashable, Sendable {
    /// The scene.
    public let scene: Scene
    /// The camera.
    public let camera: Camera
  }

  /// Generated scenes and questions, each a function of the seed, the split and its number.
  public struct World: Sendable {
    /// The seed.
    public let seed: UInt64

    /// The world of a seed.
    public init(seed: UInt64) { self.seed = seed }

    /// Random numbers of a scene.
    ///
    /// Subindex 0 is for its objects, 1 for the camera, 2 to 99 for questions; those from 100 on
    /// are free.
    public func random(_ index: Int, in split: Split, subindex: UInt32) -> CounterRandom {
      precondition(index >= 0 && index < 1 << 40, "scene \(index)")
      return CounterRandom(
        seed: seed, purpose: .generation, index: UInt64(split.code) << 40 | UInt64(index),
        subindex: subindex)
    }

    /// Scene number `index` of a split.
    public func view(_ index: Int, in split: Split) -> View {
      var random = random(index, in: split, subindex: 1)
      let offset = SIMD3(
        Double(random.uniform()), Double(random.uniform()), Double(random.uniform()))
      let camera = Camera(at: Camera.home + (2 * offset - 1) * Camera.jitter)
      random = self.random(index, in: split, subindex: 0)
      var count = 3 + Int(random.integer(below: UInt32(objectLimit - 2)))
      var attempts = 0
      while true {
        if let objects = Self.objects(count, seenBy: camera, &random) {
          return View(scene: Scene(objects: objects), camera: camera)
        }
        attempts += 1
        // In 20,000 scenes the most was a hundred; leaving an object out makes the end certain.
        if attempts % 10_000 == 0 { count -= 1 }
      }
    }

    /// The least distance between the surfaces of two objects.
    private static let leastDistance = 0.25
    /// The least distance of two centres along each of the four directions.
    private static let leastMargin = 0.4
    /// The least number of pixels of an object that are seen.
    private static let leastPixels = 200

    /// Objects at places of their own of which enough is seen; `nil` if one found no place in 50
    /// attempts, or hides another.
    private static func objects(
      _ count: Int, seenBy camera: Camera, _ random: inout CounterRandom
    ) -> [Object]? {
      var objects: [Object] = []
      for _ in 0..<count {
        let size = draw(Size.allCases, &random)
        var place: SIMD3<Double>?
        for _ in 0..<50 where place == nil {
          // The files have coordinates in single precision.
          let point = SIMD3(
            Double(random.uniform(in: -3..<3)), Double(random.uniform(in: -3..<3)),
            Double(Float(size.radius)))
          if objects.allSatisfy({ isFree(point, size.radius, beside: $0) }) { place = point }
        }
        guard let place else { return nil }
        let (column, row, depth) = camera.projection(of: place)
        objects.append(
          Object(
            size: size, color: draw(Color.allCases, &random),
            material: draw(Material.allCases, &random), shape: draw(Shape.allCases, &random),
            position: place, rotation: 360 * Double(random.uniform()),
            pixel: [Int(column.rounded()), Int(row.rounded())], depth: depth))
      }
      let visibility = Visibility(of: objects, from: camera)
      let areSeen = objects.indices.allSatisfy { visibility.isSeen($0, onAtLeast: leastPixels) }
      return areSeen ? objects : nil
    }

    private static func draw<Value>(_ values: [Value], _ random: inout CounterRandom) -> Value {
      values[Int(random.integer(below: UInt32(values.count)))]
    }

    /// Whether an object of a radius may stand at a place beside one that stands already.
    private static func isFree(
      _ place: SIMD3<Double>, _ radius: Double, beside other: Object
    ) -> Bool {
      let offset = place - other.position
      let distance = (offset.x * offset.x + offset.y * offset.y).squareRoot()
      return distance - radius - other.size.radius >= leastDistance
        && Direction.allCases.allSatisfy {
          abs((offset * Directions.published[$0]).sum()) >= leastMargin
        }
    }
  }
}
