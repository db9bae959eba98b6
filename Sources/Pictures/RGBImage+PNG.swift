// Images in and out of PNG files.

import CPNG
import Files
import Foundation

/// What is wrong with an image file.
public struct PNGError: Error, Hashable, CustomStringConvertible, Sendable {
  /// One sentence: which image, and what is wrong with it.
  public let description: String
}

extension RGBImage {
  /// The largest number of pixels that is read unless the caller says otherwise, so that a file's
  /// header cannot ask for more memory than any picture here needs.
  public static let pixelLimit = 1 << 24

  /// The image of a PNG file of any kind: grey, colour, with a palette, with 16 bits, interlaced.
  ///
  /// Transparency is laid over `background`. Throws if the file cannot be read, is damaged or has
  /// more than `pixelLimit` pixels.
  public init(
    contentsOf file: URL, pixelLimit: Int = RGBImage.pixelLimit, background: RGBColor = .black
  ) throws(PNGError) {
    let data: Data
    do {
      // The largest pixel has eight bytes; a megabyte for what else a file carries.
      data = try readFile(file.path, limit: min(pixelLimit, 1 << 40) * 8 + 1 << 20)
    } catch {
      throw PNGError(description: error.description)
    }
    try self.init(png: data, name: file.path, pixelLimit: pixelLimit, background: background)
  }

  /// The image that PNG data describes.
  ///
  /// `name` is what errors call it.
  public init(
    png data: Data, name: String, pixelLimit: Int = RGBImage.pixelLimit,
    background: RGBColor = .black
  ) throws(PNGError) {
    guard !data.isEmpty else { throw PNGError(description: "\(name): the file is empty") }
    var header = png_image()
    // libpng remembers the address of the header between its two calls.
    let decoded = withUnsafeMutablePointer(to: &header) { header in
      data.withUnsafeBytes { Self.decode($0, header, name, pixelLimit, background) }
    }
    self = try decoded.get()
  }

  private static func decode(
    _ source: UnsafeRawBufferPointer, _ header: UnsafeMutablePointer<png_image>, _ name: String,
    _ pixelLimit: Int, _ background: RGBColor
  ) -> Result<RGBImage, PNGError> {
    header.pointee.version = png_uint_32(PNG_IMAGE_VERSION)
    defer { png_image_free(header) }
    guard png_image_begin_read_from_memory(header, source.baseAddress, source.count) != 0 else {
      return .failure(PNGError(header.pointee, "\(name): is not a PNG image"))
    }
    let (width, height) = (Int(header.pointee.width), Int(header.pointee.height))
    guard width > 0, height > 0, width <= pixelLimit / height else {
      return .failure(
        PNGError(
          description: "\(name): its \(width) x \(height) pixels are more than \(pixelLimit)"))
    }
    // Levels of 16 bits mean what levels of 8 bits mean, as everybody writes them.
    header.pointee.flags |= png_uint_32(PNG_IMAGE_FLAG_16BIT_sRGB)
    let isTransparent = header.pointee.format & PNG_FORMAT_FLAG_ALPHA != 0
    header.pointee.format = isTransparent ? rgbaFormat : rgbFormat
    var bytes = [UInt8](repeating: 0, count: (isTransparent ? 4 : 3) * width * height)
    let read = bytes.withUnsafeMutableBytes {
      png_image_finish_read(header, nil, $0.baseAddress, 0, nil)
    }
    guard read != 0 else {
      return .failure(PNGError(header.pointee, "\(name): the PNG image is damaged"))
    }
    if isTransparent { bytes = flattened(bytes, over: background) }
    return .success(RGBImage(width: width, height: height, bytes: bytes))
  }

  private static let rgbFormat = png_uint_32(PNG_FORMAT_RGB)
  private static let rgbaFormat = rgbFormat | PNG_FORMAT_FLAG_ALPHA

  /// Levels of red, green, blue and opacity, over a background.
  private static func flattened(_ levels: [UInt8], over background: RGBColor) -> [UInt8] {
    let behind = [Int(background.red), Int(background.green), Int(background.blue)]
    return [UInt8](unsafeUninitializedCapacity: levels.count / 4 * 3) { result, count in
      count = result.count
      for pixel in 0..<levels.count / 4 {
        let opacity = Int(levels[4 * pixel + 3])
        for channel in 0..<3 {
          let sum = Int(levels[4 * pixel + channel]) * opacity + behind[channel] * (255 - opacity)
          result[3 * pixel + channel] = UInt8((sum + 127) / 255)
        }
      }
    }
  }

  /// The image as a PNG file's content.
  public func pngData() throws(PNGError) -> Data {
    var header = png_image()
    header.version = png_uint_32(PNG_IMAGE_VERSION)
    header.width = png_uint_32(width)
    header.height = png_uint_32(height)
    header.format = Self.rgbFormat
    defer { png_image_free(&header) }
    // Deflate never grows data by more than a thousandth; the rest are filter bytes and chunks.
    var data = Data(count: bytes.count + bytes.count / 64 + height + 4_096)
    var length = png_alloc_size_t(data.count)
    let written = data.withUnsafeMutableBytes { target in
      bytes.withUnsafeBytes {
        png_image_write_to_memory(&header, target.baseAddress, &length, 0, $0.baseAddress, 0, nil)
      }
    }
    guard written != 0 else { throw PNGError(header, "an image cannot be compressed") }
    return data.prefix(Int(length))
  }
}

extension PNGError {
  /// The sentence, with what libpng says about it.
  fileprivate init(_ image: png_image, _ sentence: String) {
    let said = withUnsafeBytes(of: image.message) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    description = said.isEmpty ? sentence : "\(sentence) (\(said))"
  }
}
