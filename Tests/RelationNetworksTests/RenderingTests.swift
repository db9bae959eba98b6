// Pixels and state descriptions against slow, obvious references.

import Foundation
import NeuralNetworks
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

  @Test func imagesSurvivePNG() throws {
    var random = SystemRandomNumberGenerator()
    var noise = RGBImage(width: 31, height: 17, filledWith: 0)
    for index in noise.bytes.indices { noise.bytes[index] = .random(in: 0...255, using: &random) }
    for image in [noise, Self.scenes[0].rgbImage(), RGBImage(width: 1, height: 1, filledWith: 3)] {
      let data = try image.pngData()
      #expect(data.prefix(8) == Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
      #expect(try RGBImage(png: data, name: "image") == image)
    }
  }

  @Test func damagedFilesGiveErrors() throws {
    let data = try Self.scenes[0].rgbImage().pngData()
    var header = data
    header[16] = 0x7F  // a width of two thousand million
    let damaged = [Data(), Data([1, 2, 3]), data.prefix(20), data.prefix(data.count / 2), header]
    for data in damaged {
      #expect {
        try RGBImage(png: data, name: "broken.png")
      } throws: {
        "\($0)".hasPrefix("broken.png: ")
      }
    }
    let missing = URL(fileURLWithPath: "/nonexistent/image.png")
    #expect(throws: PNGError.self) { try RGBImage(contentsOf: missing) }
    for index in stride(from: 8, to: data.count, by: 3) {
      var mutated = data
      mutated[index] ^= 0x55
      _ = try? RGBImage(png: mutated, name: "mutated")
    }
  }
}
