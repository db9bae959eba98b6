// Images in another size, against a plain loop in floating point.

import Pictures
import Testing

@Suite struct ResizingTests {
  private static func noise(width: Int, height: Int) -> RGBImage {
    let bytes = (0..<3 * width * height).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
    return RGBImage(width: width, height: height, bytes: bytes)
  }

  /// The mean over the area of a pixel, a source pixel at a time.
  private func mean(_ image: RGBImage, _ size: (Int, Int), _ x: Int, _ y: Int, _ c: Int) -> Double {
    let (scaleX, scaleY) = (
      Double(image.width) / Double(size.0), Double(image.height) / Double(size.1)
    )
    var sum = 0.0
    for row in 0..<image.height {
      let high = min(Double(y + 1) * scaleY, Double(row + 1)) - max(Double(y) * scaleY, Double(row))
      if high <= 0 { continue }
      for column in 0..<image.width {
        let wide =
          min(Double(x + 1) * scaleX, Double(column + 1)) - max(Double(x) * scaleX, Double(column))
        if wide <= 0 { continue }
        sum += high * wide * Double(image.bytes[3 * (row * image.width + column) + c])
      }
    }
    return sum / (scaleX * scaleY)
  }

  @Test(arguments: [
    (12, 8), (48, 32), (5, 7), (1, 1), (47, 31), (96, 64), (50, 33), (48, 1),
  ])
  func eachPixelIsTheMeanOfItsArea(size: (Int, Int)) {
    let image = Self.noise(width: 48, height: 32)
    let resized = image.resized(toWidth: size.0, height: size.1)
    #expect(resized.width == size.0 && resized.height == size.1)
    var greatest = 0.0
    for y in 0..<size.1 {
      for x in 0..<size.0 {
        for c in 0..<3 {
          let level = Double(resized.bytes[3 * (y * size.0 + x) + c])
          greatest = max(greatest, abs(level - mean(image, size, x, y, c)))
        }
      }
    }
    #expect(greatest <= 0.5 + 1e-9)
  }

  @Test func theSameSizeIsTheSameImage() {
    let image = Self.noise(width: 17, height: 9)
    #expect(image.resized(toWidth: 17, height: 9) == image)
  }

  @Test func oneLevelStays() {
    let image = RGBImage(width: 480, height: 320, filledWith: 201)
    #expect(
      image.resized(toWidth: 128, height: 128)
        == RGBImage(width: 128, height: 128, filledWith: 201))
  }
}
