// A scene as numbers: the pixels of its image, or a row of features per object.

import Pictures

extension SortOfCLEVR {
  /// The features of an object in a state description: `[x, y, colour (6), outline (2)]`.
  public static let featureCount = 2 + Color.allCases.count + Outline.allCases.count

  /// The number of scalars of an image: three planes of 75 x 75.
  public static let imageScalarCount = 3 * imageExtent * imageExtent
}

extension SortOfCLEVR {
  /// How far a circle reaches to either side of its centre, by the distance of the row from it.
  ///
  /// A pixel is painted if its centre lies in the disc of radius 5.5: the one inscribed in the
  /// 11 x 11 pixels of a square. There is no anti-aliasing: an image has seven colours.
  private static let circleReach = [5, 5, 5, 4, 3, 2]

  /// Calls `body` with the run of pixels of every row of every object.
  private static func forEachRun(
    of objects: [Object],
    _ body: (_ object: Object, _ row: Int, _ columns: ClosedRange<Int>) -> Void
  ) {
    for object in objects {
      for dy in -halfSize...halfSize {
        let reach = object.outline == .square ? halfSize : circleReach[abs(dy)]
        body(object, object.y + dy, object.x - reach...object.x + reach)
      }
    }
  }

  /// Writes the image of some objects as `[3, 75, 75]`: red, green and blue from 0 to 1, rows from
  /// the top, on white.
  static func render(_ objects: [Object], into pixels: UnsafeMutableBufferPointer<Float>) {
    precondition(pixels.count == imageScalarCount, "image into \(pixels.count) scalars")
    let plane = imageExtent * imageExtent
    pixels.update(repeating: 1)
    forEachRun(of: objects) { object, row, columns in
      let (red, green, blue) = object.color.rgb
      for (channel, level) in [red, green, blue].enumerated() {
        let start = channel * plane + row * imageExtent
        let run = pixels[start + columns.lowerBound...start + columns.upperBound]
        UnsafeMutableBufferPointer(rebasing: run).update(repeating: Float(level) / 255)
      }
    }
  }

  /// Writes a picture of 75 x 75 pixels in the same way.
  static func render(_ picture: RGBImage, into pixels: UnsafeMutableBufferPointer<Float>) {
    precondition(
      picture.width == imageExtent && picture.height == imageExtent
        && pixels.count == imageScalarCount,
      "a picture of \(picture.width) x \(picture.height) into \(pixels.count) scalars")
    let plane = imageExtent * imageExtent
    for pixel in 0..<plane {
      for channel in 0..<3 {
        pixels[channel * plane + pixel] = Float(picture.bytes[3 * pixel + channel]) / 255
      }
    }
  }

  /// Writes a row of features per object, `[6, 10]`: the centre, scaled so that the outermost ones
  /// are at -1 and 1, and one-hot colour and outline; zeros where there is no object.
  static func describe(_ objects: [Object], into rows: UnsafeMutableBufferPointer<Float>) {
    precondition(
      objects.count <= objectCount && rows.count == objectCount * featureCount,
      "\(objects.count) objects into \(rows.count) scalars")
    let middle = imageExtent / 2
    let reach = Float(middle - halfSize)
    rows.update(repeating: 0)
    for (index, object) in objects.enumerated() {
      let first = index * featureCount
      rows[first] = Float(object.x - middle) / reach
      rows[first + 1] = Float(object.y - middle) / reach
      rows[first + 2 + object.color.rawValue] = 1
      rows[first + 2 + Color.allCases.count + object.outline.rawValue] = 1
    }
  }

  /// The image of some objects as interleaved bytes, red, green and blue for each pixel, rows from
  /// the top; every pixel becomes a block of `scale` x `scale`.
  static func picture(of objects: [Object], scale: Int) -> RGBImage {
    precondition(scale >= 1, "image scale \(scale)")
    var image = RGBImage(
      width: imageExtent * scale, height: imageExtent * scale, filledWith: 255)
    forEachRun(of: objects) { object, row, columns in
      let (red, green, blue) = object.color.rgb
      for y in row * scale..<(row + 1) * scale {
        for x in columns.lowerBound * scale..<(columns.upperBound + 1) * scale {
          let first = 3 * (y * image.width + x)
          image.bytes[first] = red
          image.bytes[first + 1] = green
          image.bytes[first + 2] = blue
        }
      }
    }
    return image
  }
}

extension SortOfCLEVR.Scene {
  /// Writes the image as `[3, 75, 75]`: red, green and blue from 0 to 1, rows from the top, on
  /// white.
  public func render(into pixels: UnsafeMutableBufferPointer<Float>) {
    SortOfCLEVR.render(objects, into: pixels)
  }

  /// The image as interleaved bytes, red, green and blue for each pixel, rows from the top; every
  /// pixel becomes a block of `scale` x `scale`.
  public func rgbImage(scale: Int = 1) -> RGBImage {
    SortOfCLEVR.picture(of: objects, scale: scale)
  }

  /// Writes a row of features per object, `[6, 10]`, in the order of colours: the centre, scaled so
  /// that the outermost ones are at -1 and 1, and one-hot colour and outline.
  public func describeState(into rows: UnsafeMutableBufferPointer<Float>) {
    SortOfCLEVR.describe(objects, into: rows)
  }
}
