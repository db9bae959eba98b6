// Images moved and turned a little, so that a model does not learn single pixels by heart.

import Pictures
import Tensors

extension CLEVR {
  /// How an image is moved and turned before a model sees it (appendix B).
  ///
  /// The image is laid into a frame of 136 x 136, of which 128 x 128 are cut out somewhere, and
  /// turned about its middle by up to 0.05 rad. The paper does not say what the frame is filled
  /// with: here the pixels of the border go on.
  struct Movement: Sendable {
    /// The columns and rows that the frame adds on each side.
    private static let margin = 4
    /// The largest angle.
    private static let largestAngle: Float = 0.05

    private let columns: Float
    private let rows: Float
    private let cosine: Float
    private let sine: Float

    /// The image as it is: 128 x 128 from the middle of the frame.
    static let none = Movement(columns: 0, rows: 0, cosine: 1, sine: 0)

    private init(columns: Float, rows: Float, cosine: Float, sine: Float) {
      (self.columns, self.rows, self.cosine, self.sine) = (columns, rows, cosine, sine)
    }

    /// A movement drawn at random: a whole number of columns and rows, and an angle.
    init(_ random: inout CounterRandom) {
      func offset(_ random: inout CounterRandom) -> Float {
        Float(random.integer(below: UInt32(2 * Self.margin + 1))) - Float(Self.margin)
      }
      (columns, rows) = (offset(&random), offset(&random))
      let angle = random.uniform(in: -Self.largestAngle..<Self.largestAngle)
      // The series to the fifth power is exact for such angles, and the same on every machine.
      let square = angle * angle
      cosine = 1 - square / 2 + square * square / 24
      sine = angle * (1 - square / 6 + square * square / 120)
    }

    /// Writes the image `[3, 128, 128]`, red, green and blue from 0 to 1, each pixel between the
    /// four that it falls among.
    func write(_ picture: RGBImage, into pixels: UnsafeMutableBufferPointer<Float>) {
      let extent = imageExtent
      precondition(
        picture.width == extent && picture.height == extent
          && pixels.count == 3 * extent * extent,
        "a picture of \(picture.width) x \(picture.height) into \(pixels.count) scalars")
      picture.bytes.withUnsafeBufferPointer { bytes in
        if sine == 0 && columns == 0 && rows == 0 { return Self.copy(bytes, into: pixels) }
        let middle = Float(extent - 1) / 2
        for row in 0..<extent {
          let y = Float(row) - middle
          for column in 0..<extent {
            let x = Float(column) - middle
            let place = Place(
              column: middle + columns + cosine * x - sine * y,
              row: middle + rows + sine * x + cosine * y)
            place.write(bytes, into: pixels, at: row * extent + column)
          }
        }
      }
    }

    private static func copy(
      _ bytes: UnsafeBufferPointer<UInt8>, into pixels: UnsafeMutableBufferPointer<Float>
    ) {
      let plane = imageExtent * imageExtent
      for pixel in 0..<plane {
        for channel in 0..<3 {
          pixels[channel * plane + pixel] = Float(bytes[3 * pixel + channel]) / 255
        }
      }
    }
  }

  /// A place among four pixels.
  private struct Place {
    /// The first bytes of the pixels: upper left and right, lower left and right.
    private let corners: (Int, Int, Int, Int)
    private let weights: (Float, Float, Float, Float)

    /// A place that may lie beyond the border, where the border's pixels go on.
    @inline(__always) init(column: Float, row: Float) {
      let last = Float(imageExtent - 1)
      let (x, y) = (min(max(column, 0), last), min(max(row, 0), last))
      let (left, top) = (Int(x), Int(y))
      let (right, bottom) = (min(left + 1, imageExtent - 1), min(top + 1, imageExtent - 1))
      let (across, down) = (x - Float(left), y - Float(top))
      corners = (
        3 * (top * imageExtent + left), 3 * (top * imageExtent + right),
        3 * (bottom * imageExtent + left), 3 * (bottom * imageExtent + right)
      )
      weights = (
        (1 - across) * (1 - down) / 255, across * (1 - down) / 255, (1 - across) * down / 255,
        across * down / 255
      )
    }

    @inline(__always) func write(
      _ bytes: UnsafeBufferPointer<UInt8>, into pixels: UnsafeMutableBufferPointer<Float>,
      at pixel: Int
    ) {
      let plane = imageExtent * imageExtent
      for channel in 0..<3 {
        let upper =
          weights.0 * Float(bytes[corners.0 + channel])
          + weights.1 * Float(bytes[corners.1 + channel])
        let lower =
          weights.2 * Float(bytes[corners.2 + channel])
          + weights.3 * Float(bytes[corners.3 + channel])
        pixels[channel * plane + pixel] = upper + lower
      }
    }
  }
}
