// Pictures of scenes: what is where, in which colour, and what hides what.

import Pictures
import Testing

@testable import RelationNetworks

@Suite struct CLEVRRenderingTests {
  private let camera = CLEVR.Camera(at: CLEVR.Camera.home)

  private func object(
    _ color: CLEVR.Color, _ shape: CLEVR.Shape = .sphere, _ material: CLEVR.Material = .rubber,
    _ size: CLEVR.Size = .large, x: Double = 0, y: Double = 0
  ) -> CLEVR.Object {
    CLEVR.Object(
      size: size, color: color, material: material, shape: shape,
      position: [x, y, size.radius], rotation: 30, pixel: [0, 0], depth: 0)
  }

  private func picture(
    _ objects: [CLEVR.Object], width: Int = 128, height: Int = 128
  ) -> RGBImage {
    let nobody = [[CLEVR.Objects]](
      repeating: objects.map { _ in CLEVR.Objects() }, count: CLEVR.Direction.allCases.count)
    let scene = CLEVR.Scene(objects: objects, directions: .published, relationships: nobody)
    return CLEVR.SceneRenderer(scene, from: camera).picture(width: width, height: height)
  }

  /// Red, green and blue where the camera sees a point.
  private func levels(_ picture: RGBImage, at point: SIMD3<Double>) -> [Int] {
    let place = camera.projection(of: point)
    let column = Int(place.column * Double(picture.width) / Double(CLEVR.Camera.width))
    let row = Int(place.row * Double(picture.height) / Double(CLEVR.Camera.height))
    let first = 3 * (row * picture.width + column)
    return picture.bytes[first..<first + 3].map { Int($0) }
  }

  @Test(arguments: CLEVR.Shape.allCases, CLEVR.Material.allCases)
  func anObjectIsWhereItsCentreIsSeen(shape: CLEVR.Shape, material: CLEVR.Material) {
    for size in CLEVR.Size.allCases {
      let object = object(.red, shape, material, size, x: 1, y: -1)
      let picture = picture([object])
      let seen = levels(picture, at: object.position)
      #expect(2 * seen[0] > 3 * seen[1] && 2 * seen[0] > 3 * seen[2], "\(seen)")
      let ground = levels(picture, at: [-1.5, -2, 0])
      #expect(abs(ground[0] - ground[1]) < 3 && ground[0] > 60 && ground[0] < 200, "\(ground)")
    }
  }

  @Test func colorsAreTold() {
    let objects = CLEVR.Color.allCases.enumerated().map {
      object($1, .cylinder, .rubber, .small, x: Double($0 % 4) * 1.5 - 2.2, y: Double($0 / 4) * 2)
    }
    let picture = picture(objects, width: 256, height: 256)
    let seen = objects.map { levels(picture, at: $0.position) }
    for (i, a) in seen.enumerated() {
      for b in seen[(i + 1)...] {
        #expect(zip(a, b).reduce(0) { $0 + abs($1.0 - $1.1) } > 40, "\(a) and \(b)")
      }
    }
  }

  @Test func whatIsInFrontHidesWhatIsBehind() {
    let front = CLEVR.Directions.published[.front]
    let (near, far) = (
      object(.green, x: front.x, y: front.y), object(.red, x: -front.x, y: -front.y)
    )
    for objects in [[near, far], [far, near]] {
      let seen = levels(picture(objects), at: near.position)
      #expect(seen[1] > seen[0] && seen[1] > seen[2], "\(seen)")
    }
  }

  @Test func objectsCastShadows() {
    let place = SIMD3(-0.9, 0.5, 0.0)
    let (with, without) = (picture([object(.gray)]), picture([]))
    #expect(levels(with, at: place)[0] < levels(without, at: place)[0] - 8)
    // Not everywhere.
    #expect(abs(levels(with, at: [2.5, 2.5, 0])[0] - levels(without, at: [2.5, 2.5, 0])[0]) < 8)
  }

  @Test func metalMirrors() {
    // A red ball before a gray one is seen in it only if that is of metal.
    let direction = CLEVR.Directions.published[.left]
    let red = object(.red, x: 1.5 * direction.x, y: 1.5 * direction.y)
    func reddest(_ material: CLEVR.Material) -> Int {
      let gray = object(.gray, .sphere, material)
      let image = picture([gray, red], width: 240, height: 160)
      let left = camera.projection(of: gray.position + 0.5 * direction)
      return (0..<20).map { row in
        let first = 3 * ((Int(left.row / 2) - 10 + row) * 240 + Int(left.column / 2))
        return Int(image.bytes[first]) - Int(image.bytes[first + 1])
      }.max() ?? 0
    }
    #expect(reddest(.metal) > reddest(.rubber) + 10)
  }

  @Test func theSamePictureInEverySize() {
    let objects = [object(.blue, .cube, .metal, x: 1), object(.yellow, y: 2)]
    let (small, large) = (picture(objects), picture(objects, width: 512, height: 512))
    let shrunk = large.resized(toWidth: 128, height: 128)
    let difference = zip(small.bytes, shrunk.bytes).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
    #expect(Double(difference) / Double(small.bytes.count) < 2)
    #expect(picture(objects) == small)
  }
}
