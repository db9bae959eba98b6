// Images as values.

/// A colour: the levels of red, green and blue, 0 to 255.
public struct RGBColor: Hashable, Sendable {
  /// The level of red.
  public var red: UInt8
  /// The level of green.
  public var green: UInt8
  /// The level of blue.
  public var blue: UInt8

  /// A colour of the given levels.
  public init(red: UInt8, green: UInt8, blue: UInt8) {
    (self.red, self.green, self.blue) = (red, green, blue)
  }

  /// No light.
  public static let black = RGBColor(red: 0, green: 0, blue: 0)
  /// All light.
  public static let white = RGBColor(red: 255, green: 255, blue: 255)
}

/// An image of interleaved bytes: red, green and blue for each pixel, rows from the top.
public struct RGBImage: Hashable, Sendable {
  /// The pixels of a row.
  public let width: Int
  /// The number of rows.
  public let height: Int
  /// The levels, 0 to 255: `3 * width * height` of them.
  public var bytes: [UInt8]

  /// An image with one level everywhere.
  public init(width: Int, height: Int, filledWith level: UInt8) {
    precondition(width > 0 && height > 0, "image of \(width) x \(height)")
    self.width = width
    self.height = height
    bytes = [UInt8](repeating: level, count: 3 * width * height)
  }

  /// An image of the given levels, `3 * width * height` of them.
  public init(width: Int, height: Int, bytes: [UInt8]) {
    precondition(
      width > 0 && height > 0 && bytes.count == 3 * width * height,
      "\(bytes.count) bytes for an image of \(width) x \(height)")
    self.width = width
    self.height = height
    self.bytes = bytes
  }

  /// The image in another size: each new pixel is the mean of the area that it covers, rounded.
  ///
  /// Whole numbers all the way, so every machine gives the same levels.
  public func resized(toWidth newWidth: Int, height newHeight: Int) -> RGBImage {
    precondition(newWidth > 0 && newHeight > 0, "image resized to \(newWidth) x \(newHeight)")
    let columns = Self.coverage(of: width, by: newWidth)
    let rows = Self.coverage(of: height, by: newHeight)
    // Pixels are sums over columns first, weighted by how much of each is covered, in units of
    // 1 / newWidth of a column; then the same over rows.
    var narrow = [Int](repeating: 0, count: 3 * newWidth * height)
    for y in 0..<height {
      let row = bytes[3 * width * y..<3 * width * (y + 1)]
      row.withUnsafeBufferPointer { row in
        for (x, cover) in columns.enumerated() {
          var (red, green, blue) = (0, 0, 0)
          for (column, weight) in cover {
            red += weight * Int(row[3 * column])
            green += weight * Int(row[3 * column + 1])
            blue += weight * Int(row[3 * column + 2])
          }
          let place = 3 * (y * newWidth + x)
          (narrow[place], narrow[place + 1], narrow[place + 2]) = (red, green, blue)
        }
      }
    }
    let area = width * height
    var result = RGBImage(width: newWidth, height: newHeight, filledWith: 0)
    for (y, cover) in rows.enumerated() {
      var sums = [Int](repeating: area / 2, count: 3 * newWidth)
      for (row, weight) in cover {
        for place in sums.indices { sums[place] += weight * narrow[sums.count * row + place] }
      }
      for place in sums.indices { result.bytes[sums.count * y + place] = UInt8(sums[place] / area) }
    }
    return result
  }

  /// Which of `count` cells each of `newCount` equal parts covers, and how much of each: the
  /// weights of a part add up to `count`.
  private static func coverage(
    of count: Int, by newCount: Int
  ) -> [[(source: Int, weight: Int)]] {
    (0..<newCount).map { part in
      let (start, end) = (part * count, (part + 1) * count)
      return (start / newCount...(end - 1) / newCount).map { source in
        (source, min(end, (source + 1) * newCount) - max(start, source * newCount))
      }
    }
  }
}
