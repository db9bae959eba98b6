// Pixels and state descriptions against slow, obvious references.

import Foundation
import Learning
import Pictures
import Testing

@testable import RelationNetworks

@Suite struct RenderingTests {
  static let scenes = (0..<60).map { SortOfCLEVR.Scene(seed: 5, split: .test, index: $0) }

  /// The level of a pixel, by asking each object whether it covers it.
  private func level(_ scene: SortOfCLEVR.Scene, _ channel: Int, _ y: Int, _ x: Int) -> UInt8 {
    for object in scene.objects {
      let (dx, dy) = (Double(x - object.x), Double(y - object.y))
      let covers =
        object.outline == .square
        ? abs(dx) <= 5 && abs(dy) <= 5 : (dx * dx + dy * dy).squareRoot() <= 5.5
      if covers {
        let rgb = object.color.rgb
        return [rgb.0, rgb.1, rgb.2][channel]
      }
    }
    return 255
  }

  @Test func everyPixelIsTheObjectsOrWhite() {
    for scene in Self.scenes {
      var pixels = [Float](repeating: -1, count: SortOfCLEVR.imageScalarCount)
      pixels.withUnsafeMutableBufferPointer { scene.render(into: $0) }
      let image = scene.rgbImage()
      var wrong = 0
      for channel in 0..<3 {
        for y in 0..<75 {
          for x in 0..<75 {
            let expected = level(scene, channel, y, x)
            if pixels[(channel * 75 + y) * 75 + x] != Float(expected) / 255 { wrong += 1 }
            if image.bytes[3 * (75 * y + x) + channel] != expected { wrong += 1 }
          }
        }
      }
      #expect(wrong == 0)
    }
  }

  @Test func scalingRepeatsPixels() {
    let (small, large) = (Self.scenes[0].rgbImage(), Self.scenes[0].rgbImage(scale: 3))
    #expect(large.width == 225 && large.height == 225)
    for y in 0..<225 {
      for x in 0..<225 {
        let (a, b) = (3 * (225 * y + x), 3 * (75 * (y / 3) + x / 3))
        if large.bytes[a..<a + 3] != small.bytes[b..<b + 3] { Issue.record("\(y), \(x)") }
      }
    }
  }

  @Test func aStateDescription() {
    let scene = SortOfCLEVR.Scene(objects: [
      .init(.red, .square, x: 5, y: 69), .init(.green, .circle, x: 53, y: 21),
      .init(.blue, .circle, x: 30, y: 50), .init(.orange, .circle, x: 69, y: 61),
      .init(.gray, .circle, x: 6, y: 49), .init(.yellow, .square, x: 68, y: 5),
    ])
    var rows = [Float](repeating: 9, count: 60)
    rows.withUnsafeMutableBufferPointer { scene.describeState(into: $0) }
    #expect(Array(rows[0..<10]) == [-1, 1, 1, 0, 0, 0, 0, 0, 1, 0])
    #expect(Array(rows[10..<20]) == [0.5, -0.5, 0, 1, 0, 0, 0, 0, 0, 1])
    #expect(rows.allSatisfy { abs($0) <= 1 })
  }
}
