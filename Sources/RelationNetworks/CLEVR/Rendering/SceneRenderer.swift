// Pictures of scenes: what rays from a camera meet, pixel by pixel.

import Glibc
import Pictures

extension CLEVR {
  /// What paints a scene.
  ///
  /// The published images were rendered by a path tracer; these are cast rays: four to a pixel, to
  /// each lamp, and from metal once to what is mirrored. The look is near enough to see what is
  /// what: where objects are, what hides what, matt and shiny. Nothing is drawn at random, so the
  /// same scene is the same picture everywhere.
  struct SceneRenderer {
    private let surroundings: Surroundings
    private let eye: Eye

    /// What paints a scene, seen from a place.
    init(_ scene: Scene, from camera: Camera) {
      surroundings = Surroundings(scene.objects.map { Solid($0) })
      eye = Eye(camera)
    }

    /// The picture, three units wide and two high, in pixels that need not be square.
    func picture(width: Int, height: Int) -> RGBImage {
      let frame = Frame(width: width, height: height)
      var image = RGBImage(width: width, height: height, filledWith: 0)
      // What is seen at the corners of pixels, a row of corners at a time.
      var above = corners(of: 0, in: frame)
      for row in 0..<height {
        let below = corners(of: row + 1, in: frame)
        for column in 0..<width {
          let first = above[column]
          let isPlain =
            first.isOnSameFace(as: above[column + 1]) && first.isOnSameFace(as: below[column])
            && first.isOnSameFace(as: below[column + 1])
          let light = pixel(column, row, in: frame, isPlain: isPlain)
          let place = 3 * (row * width + column)
          for channel in 0..<3 { image.bytes[place + channel] = UInt8(light[channel] + 0.5) }
        }
        above = below
      }
      return image
    }

    private func corners(of row: Int, in frame: Frame) -> [Hit] {
      (0...frame.width).map { column in
        surroundings.hit(along: eye.ray(frame.place(Float(column), Float(row))))
      }
    }

    /// The levels of a pixel, from 0 to 255.
    ///
    /// Most pixels show one surface and are lit once; at edges four parts are lit.
    private func pixel(
      _ column: Int, _ row: Int, in frame: Frame, isPlain: Bool
    ) -> SIMD3<Float> {
      func levels(_ x: Float, _ y: Float, _ lampPoints: Range<Int>) -> SIMD3<Float> {
        let ray = eye.ray(frame.place(Float(column) + x, Float(row) + y))
        let hit = surroundings.hit(along: ray)
        return Self.developed(
          surroundings.color(of: hit, along: ray, lampPoints: lampPoints, bounces: 1))
      }
      if isPlain { return levels(0.5, 0.5, 0..<8) }
      let upper = levels(0.25, 0.25, 0..<4) + levels(0.75, 0.25, 4..<8)
      let lower = levels(0.25, 0.75, 8..<12) + levels(0.75, 0.75, 12..<16)
      return (upper + lower) / 4
    }

    /// Light as a screen shows it: sRGB, from 0 to 255.
    private static func developed(_ light: SIMD3<Float>) -> SIMD3<Float> {
      func level(_ light: Float) -> Float {
        levels[min(max(Int(light * Float(levels.count - 1) + 0.5), 0), levels.count - 1)]
      }
      return [level(light.x), level(light.y), level(light.z)]
    }

    private static let levels: [Float] = (0..<4_096).map { step in
      let light = Double(step) / 4_095
      return Float(
        255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * pow(light, 1 / 2.4) - 0.055))
    }
  }

  /// The pixels of a picture.
  private struct Frame {
    let width: Int
    let height: Int

    /// A place in pixels as one from -1 to 1, from the upper left.
    func place(_ column: Float, _ row: Float) -> SIMD2<Float> {
      [2 * column / Float(width) - 1, 2 * row / Float(height) - 1]
    }
  }

  /// Where rays come from, in single precision.
  private struct Eye {
    private let position: SIMD3<Float>
    private let forward: SIMD3<Float>
    private let right: SIMD3<Float>
    private let down: SIMD3<Float>

    init(_ camera: Camera) {
      position = SIMD3(camera.position)
      forward = SIMD3(camera.forward * Camera.focalLength)
      right = SIMD3(camera.right * (Double(Camera.width) / 2))
      down = SIMD3(camera.up * (Double(Camera.height) / -2))
    }

    /// The ray through a place of the picture.
    func ray(_ place: SIMD2<Float>) -> Ray {
      Ray(
        origin: position, direction: normalized(forward + right * place.x + down * place.y))
    }
  }
}
