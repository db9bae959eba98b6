// A scene as numbers: the pixels of its image, or a row of features per object.

extension SortOfCLEVR {
  /// The features of an object in a state description: `[x, y, colour (6), outline (2)]`.
  public static let featureCount = 2 + Color.allCases.count + Outline.allCases.count

  /// The number of scalars of an image: three planes of 75 x 75.
  public static let imageScalarCount = 3 * imageExtent * imageExtent
}

extension SortOfCLEVR.Scene {
  /// How far a circle reaches to either side of its centre, by the distance of the row from it.
  ///
  /// A pixel is painted if its centre lies in the disc of radius 5.5: the one inscribed in the
  /// 11 x 11 pixels of a square. There is no anti-aliasing: an image has seven colours.
  private static let circleReach = [5, 5, 5, 4, 3, 2]

  /// Calls `body` with the run of pixels of every row of every object.
  private func forEachRun(
    _ body: (_ object: SortOfCLEVR.Object, _ row: Int, _ columns: ClosedRange<Int>) -> Void
  ) {
    for object in objects {
      for dy in -SortOfCLEVR.halfSize...SortOfCLEVR.halfSize {
        let reach =
          object.outline == .square ? SortOfCLEVR.halfSize : Self.circleReach[abs(dy)]
        body(object, object.y + dy, object.x - reach...object.x + reach)
      }
    }
  }

  /// Writes the image as `[3, 75, 75]`: red, green and blue from 0 to 1, rows from the top, on
  /// white.
  public func render(into pixels: UnsafeMutableBufferPointer<Float>) {
    precondition(pixels.count == SortOfCLEVR.imageScalarCount, "image into \(pixels.count) scalars")
    let extent = SortOfCLEVR.imageExtent
    let plane = extent * extent
    pixels.update(repeating: 1)
    forEachRun { object, row, columns in
      let (red, green, blue) = object.color.rgb
      for (channel, level) in [red, green, blue].enumerated() {
        let start = channel * plane + row * extent
        let run = pixels[start + columns.lowerBound...start + columns.upperBound]
        UnsafeMutableBufferPointer(rebasing: run).update(repeating: Float(level) / 255)
      }
    }
  }

  /// The image as interleaved bytes, red, green and blue for each pixel, rows from the top; every
  /// pixel becomes a block of `scale` x `scale`.
  public func rgbImage(scale: Int = 1) -> RGBImage {
    precondition(scale >= 1, "image scale \(scale)")
    let extent = SortOfCLEVR.imageExtent
    var image = RGBImage(width: extent * scale, height: extent * scale, filledWith: 255)
    forEachRun { object, row, columns in
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

  /// Writes a row of features per object, `[6, 10]`, in the order of colours: the centre, scaled so
  /// that the outermost ones are at -1 and 1, and one-hot colour and outline.
  public func describeState(into rows: UnsafeMutableBufferPointer<Float>) {
    let width = SortOfCLEVR.featureCount
    precondition(rows.count == objects.count * width, "state into \(rows.count) scalars")
    let middle = SortOfCLEVR.imageExtent / 2
    let reach = Float(middle - SortOfCLEVR.halfSize)
    rows.update(repeating: 0)
    for (index, object) in objects.enumerated() {
      let first = index * width
      rows[first] = Float(object.x - middle) / reach
      rows[first + 1] = Float(object.y - middle) / reach
      rows[first + 2 + object.color.rawValue] = 1
      rows[first + 2 + SortOfCLEVR.Color.allCases.count + object.outline.rawValue] = 1
    }
  }
}
