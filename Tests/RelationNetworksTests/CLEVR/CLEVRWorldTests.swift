// Generated scenes of CLEVR: what the published rules promise.

import Learning
import Testing

@testable import RelationNetworks

@Suite struct CLEVRWorldTests {
  private let views = (0..<150).map { CLEVR.World(seed: 11).view($0, in: .training) }

  @Test func aSceneIsAFunctionOfItsNumber() {
    let world = CLEVR.World(seed: 11)
    #expect(world.view(7, in: .training) == views[7])
    #expect(world.view(7, in: .validation) != views[7])
    #expect(CLEVR.World(seed: 12).view(7, in: .training) != views[7])
    #expect(Set(views).count == views.count)
  }

  @Test func scenesHaveThreeToTenObjectsOfEveryKind() {
    #expect(Set(views.map(\.scene.objects.count)) == Set(3...10))
    let objects = views.flatMap(\.scene.objects)
    for attribute in CLEVR.Attribute.allCases {
      #expect(Set(objects.map { $0[attribute] }) == Set(attribute.values))
    }
  }

  @Test func objectsStandApart() {
    for view in views {
      let objects = view.scene.objects
      for (index, object) in objects.enumerated() {
        #expect(abs(object.position.x) <= 3 && abs(object.position.y) <= 3)
        #expect(object.position.z == Double(Float(object.size.radius)))
        for earlier in objects[..<index] {
          let offset = object.position - earlier.position
          let radius = earlier.size.radius * (earlier.shape == .cube ? 0.5.squareRoot() : 1)
          let distance = (offset.x * offset.x + offset.y * offset.y).squareRoot()
          #expect(distance - radius - object.size.radius >= 0.25)
          for direction in CLEVR.Direction.allCases {
            #expect(abs((offset * view.scene.directions[direction]).sum()) >= 0.4)
          }
        }
      }
    }
  }

  @Test func relationsAreOpposites() {
    for scene in views.map(\.scene) {
      for (a, b) in [(CLEVR.Direction.left, CLEVR.Direction.right), (.front, .behind)] {
        for index in scene.objects.indices {
          #expect(
            scene.objects(a, of: index).union(scene.objects(b, of: index)).union(.init(index))
              == scene.all)
          for other in scene.objects(a, of: index).indices {
            #expect(scene.objects(b, of: other).contains(CLEVR.Objects(index)))
          }
        }
      }
    }
  }

  @Test func everyObjectIsSeenWhereItsPixelSays() {
    for view in views {
      let visibility = CLEVR.Visibility(of: view.scene.objects, from: view.camera)
      for (index, object) in view.scene.objects.enumerated() {
        #expect(visibility.isSeen(index, onAtLeast: 200))
        let (column, row, depth) = view.camera.projection(of: object.position)
        #expect(abs(column - Double(object.pixel.x)) <= 0.5)
        #expect(abs(row - Double(object.pixel.y)) <= 0.5)
        #expect(depth == object.depth && (6...16).contains(depth))
      }
    }
  }

  @Test func whatStandsBehindALargeObjectIsNotSeen() {
    let camera = CLEVR.Camera(at: CLEVR.Camera.home)
    let forward = CLEVR.Directions.published[.behind]
    func object(_ size: CLEVR.Size, behind distance: Double) -> CLEVR.Object {
      var position = forward * distance
      position.z = size.radius
      return CLEVR.Object(
        size: size, color: .red, material: .metal, shape: .cylinder, position: position,
        rotation: 0, pixel: [0, 0], depth: 0)
    }
    let near = object(.large, behind: 0)
    let hidden = CLEVR.Visibility(of: [near, object(.small, behind: 0.9)], from: camera)
    #expect(hidden.isSeen(0, onAtLeast: 200) && !hidden.isSeen(1, onAtLeast: 200))
    let alone = CLEVR.Visibility(of: [object(.small, behind: 0.9)], from: camera)
    #expect(alone.isSeen(0, onAtLeast: 200))
  }

  @Test func aCubeLooksTheSameAfterAQuarterOfATurn() {
    let camera = CLEVR.Camera(at: CLEVR.Camera.home)
    func pixelCount(_ rotation: Double) -> Int {
      let cube = CLEVR.Object(
        size: .small, color: .red, material: .metal, shape: .cube, position: [0, 0, 0.35],
        rotation: rotation, pixel: [0, 0], depth: 0)
      let visibility = CLEVR.Visibility(of: [cube], from: camera)
      var count = 0
      while visibility.isSeen(0, onAtLeast: count + 1) { count += 1 }
      return count
    }
    for rotation in [0.0, 20, 40] {
      // Seen from above at an angle, of 35 pixels a side.
      #expect((1_000...2_500).contains(pixelCount(rotation)))
      #expect(pixelCount(rotation) == pixelCount(rotation + 90))
    }
    #expect(pixelCount(0) != pixelCount(20))
  }

  @Test func theCameraIsThePublishedOne() {
    // A published scene's camera stands within half a unit of its home along each axis; from there
    // the middle of the ground is seen in the middle of the image, 11.3 units away.
    let camera = CLEVR.Camera(at: CLEVR.Camera.home)
    let middle = camera.projection(of: [0, 0, 0])
    #expect(abs(middle.column - 240) < 1e-9 && abs(middle.row - 160) < 1e-9)
    #expect(abs(middle.depth - 11.264) < 1e-3)
    for (a, b) in [(camera.forward, camera.right), (camera.forward, camera.up)] {
      #expect(abs((a * b).sum()) < 1e-12 && abs((b * b).sum() - 1) < 1e-12)
    }
    #expect(camera.up.z > 0 && camera.right.z == 0)
    #expect((camera.right * CLEVR.Directions.published[.right]).sum() > 0.999)
  }
}
