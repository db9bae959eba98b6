// PNG files of every kind become images, and damaged ones errors.

import Foundation
import Pictures
import Testing

@Suite struct PNGTests {
  private func image(_ file: PNGFile, over background: RGBColor = .black) throws -> [UInt8] {
    let image = try RGBImage(png: file.data, name: "image", background: background)
    #expect(image.width == file.width && image.height == file.height)
    return image.bytes
  }

  private static func noise(width: Int, height: Int) -> RGBImage {
    var image = RGBImage(width: width, height: height, filledWith: 0)
    for index in image.bytes.indices {
      image.bytes[index] = UInt8(truncatingIfNeeded: index &* index &* 31 &+ index >> 3)
    }
    return image
  }

  @Test func imagesSurvivePNG() throws {
    let images = [
      Self.noise(width: 31, height: 17), Self.noise(width: 300, height: 200),
      RGBImage(width: 1, height: 1, filledWith: 3),
    ]
    for image in images {
      let data = try image.pngData()
      #expect(data.prefix(8) == Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
      #expect(try RGBImage(png: data, name: "image") == image)
    }
  }

  @Test func coloursAreRead() throws {
    let rows: [[UInt8]] = [[1, 2, 3, 40, 50, 60], [255, 128, 0, 7, 8, 9]]
    #expect(try image(PNGFile(width: 2, height: 2, rows: rows)) == rows.flatMap(\.self))
  }

  @Test func greyIsReadAtEveryDepth() throws {
    #expect(
      try image(PNGFile(width: 2, height: 1, colorType: 0, rows: [[7, 200]]))
        == [7, 7, 7, 200, 200, 200])
    #expect(
      try image(PNGFile(width: 3, height: 1, bitDepth: 1, colorType: 0, rows: [[0b0100_0000]]))
        == [0, 0, 0, 255, 255, 255, 0, 0, 0])
    #expect(
      try image(PNGFile(width: 2, height: 1, bitDepth: 4, colorType: 0, rows: [[0x1F]]))
        == [17, 17, 17, 255, 255, 255])
  }

  /// Sixteen bits mean what eight mean: their upper half, give or take the rounding.
  @Test func sixteenBitsAreRead() throws {
    let levels: [UInt8] = [0, 1, 64, 127, 128, 200, 254, 255, 31]
    let file = PNGFile(
      width: 3, height: 1, bitDepth: 16, rows: [levels.flatMap { [$0, $0] }])
    let read = try image(file)
    #expect(zip(read, levels).allSatisfy { abs(Int($0) - Int($1)) <= 1 }, "\(read)")
  }

  @Test func palettesAreRead() throws {
    let palette: [UInt8] = [10, 20, 30, 200, 100, 0, 255, 255, 255]
    let file = PNGFile(
      width: 3, height: 1, bitDepth: 8, colorType: 3, palette: palette, rows: [[1, 0, 2]])
    #expect(try image(file) == [200, 100, 0, 10, 20, 30, 255, 255, 255])
    var transparent = file
    transparent.transparency = [255, 0]
    #expect(
      try image(transparent, over: RGBColor(red: 1, green: 2, blue: 3))
        == [1, 2, 3, 10, 20, 30, 255, 255, 255])
  }

  @Test func transparencyShowsTheBackground() throws {
    let file = PNGFile(
      width: 3, height: 1, colorType: 6,
      rows: [[100, 150, 200, 255, 100, 150, 200, 0, 100, 150, 200, 51]])
    #expect(try image(file) == [100, 150, 200, 0, 0, 0, 20, 30, 40])
    #expect(try image(file, over: .white) == [100, 150, 200, 255, 255, 255, 224, 234, 244])
    let grey = PNGFile(width: 2, height: 1, colorType: 4, rows: [[80, 255, 80, 0]])
    #expect(try image(grey, over: .white) == [80, 80, 80, 255, 255, 255])
  }

  private func reason(_ data: Data, pixelLimit: Int = RGBImage.pixelLimit) throws -> String {
    let error = try #require(throws: PNGError.self) {
      try RGBImage(png: data, name: "broken.png", pixelLimit: pixelLimit)
    }
    #expect(error.description.hasPrefix("broken.png: "))
    return error.description
  }

  @Test func aHeaderCannotAskForMoreThanTheLimit() throws {
    for (width, height) in [(100_000, 100_000), (1, 16_777_217), (5000, 5000)] {
      let file = PNGFile(width: width, height: height, rows: [[1, 2, 3]])
      #expect(!(try reason(file.data)).isEmpty)
    }
    let small = PNGFile(width: 2, height: 2, rows: [[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]])
    #expect(try reason(small.data, pixelLimit: 3).contains("2 x 2 pixels are more than 3"))
    #expect(try RGBImage(png: small.data, name: "", pixelLimit: 4).width == 2)
    #expect(try reason(small.data, pixelLimit: 0).contains("more than 0"))
    // 6000 x 6000 is more than the usual limit, and was never the problem of who asks for it.
    let large = RGBImage(width: 6000, height: 3000, filledWith: 9)
    let data = try large.pngData()
    #expect(try reason(data).contains("are more than 16777216"))
    #expect(try RGBImage(png: data, name: "", pixelLimit: 1 << 25) == large)
  }

  @Test func emptyAndWrongFilesAreErrors() throws {
    #expect(try reason(Data()) == "broken.png: the file is empty")
    #expect(try reason(Data("GIF89a, not PNG at all".utf8)).contains("is not a PNG image"))
    var wide = try Self.noise(width: 9, height: 9).pngData()
    wide[16] = 0x7F  // a width of two thousand million
    #expect(!(try reason(wide)).isEmpty)
  }

  @Test func everyTruncationIsAnError() throws {
    // The end of an image is what follows its pixels: 12 bytes that say nothing, and a checksum.
    let data = try Self.noise(width: 13, height: 11).pngData()
    for count in 0..<data.count - 16 { #expect(!(try reason(data.prefix(count))).isEmpty) }
    for count in data.count - 16..<data.count {
      _ = try? RGBImage(png: data.prefix(count), name: "truncated")
    }
  }

  @Test func flippedBitsNeverTrap() throws {
    let files = [
      try Self.noise(width: 13, height: 11).pngData(),
      PNGFile(
        width: 3, height: 1, colorType: 3, palette: [1, 2, 3, 4, 5, 6], transparency: [0, 9],
        rows: [[1, 0, 2]]
      ).data,
    ]
    for data in files {
      for bit in 0..<8 * data.count {
        var mutated = data
        mutated[bit / 8] ^= 1 << UInt8(bit % 8)
        _ = try? RGBImage(png: mutated, name: "mutated")
      }
    }
  }

  @Test func filesAreReadAndNamed() throws {
    let path = NSTemporaryDirectory() + "pictures-tests-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: path) }
    let image = Self.noise(width: 20, height: 10)
    try image.pngData().write(to: URL(fileURLWithPath: path))
    #expect(try RGBImage(contentsOf: URL(fileURLWithPath: path)) == image)
    for (wrong, sentence) in [
      ("/nonexistent/image.png", "No such file or directory"), ("/tmp", "Is a directory"),
      ("/dev/zero", "larger than"),
    ] {
      let error = try #require(throws: PNGError.self) {
        try RGBImage(contentsOf: URL(fileURLWithPath: wrong), pixelLimit: 1 << 16)
      }
      #expect(error.description.contains(wrong) && error.description.contains(sentence), "\(error)")
    }
  }
}
