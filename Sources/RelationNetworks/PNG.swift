// Images in and out of PNG files.

import CPNG
import Foundation

/// What is wrong with an image file.
public struct PNGError: Error, CustomStringConvertible, Sendable {
  /// One sentence: which image, and what is wrong with it.
  public let description: String
}

/// An image of interleaved bytes: red, green and blue for each pixel, rows from the top.
public struct RGBImage: Hashable, Sendable {
  /// The pixels of a row.
  public let width: Int
  /// The number of rows.
  public let height: Int
  /// The levels, 0 to 255: `3 * width * height` of them.
  public var bytes: [UInt8]

  /// The largest number of pixels that is read or written, so that a file's header cannot ask for
  /// more memory than any picture here needs.
  public static let pixelLimit = 1 << 24

  /// An image with one level everywhere.
  public init(width: Int, height: Int, filledWith level: UInt8) {
    precondition(
      width > 0 && height > 0 && width <= Self.pixelLimit / height, "image of \(width) x \(height)")
    self.width = width
    self.height = height
    bytes = [UInt8](repeating: level, count: 3 * width * height)
  }

  /// The image of a PNG file; transparency is laid over black, and grey or 16-bit images are
  /// converted.
  public init(contentsOf file: URL) throws(PNGError) {
    let data: Data
    do {
      data = try Data(contentsOf: file)
    } catch {
      throw PNGError(description: "\(file.path): cannot be read: \(error.localizedDescription)")
    }
    try self.init(png: data, name: file.path)
  }

  /// The image that PNG data describes.
  ///
  /// `name` is what errors call it.
  public init(png data: Data, name: String) throws(PNGError) {
    var header = png_image()
    // libpng remembers the address of the header between its two calls.
    let decoded = withUnsafeMutablePointer(to: &header) { header in
      data.withUnsafeBytes { Self.decode($0, header, name) }
    }
    self = try decoded.get()
  }

  private static func decode(
    _ source: UnsafeRawBufferPointer, _ header: UnsafeMutablePointer<png_image>, _ name: String
  ) -> Result<RGBImage, PNGError> {
    header.pointee.version = png_uint_32(PNG_IMAGE_VERSION)
    defer { png_image_free(header) }
    guard png_image_begin_read_from_memory(header, source.baseAddress, source.count) != 0 else {
      return .failure(PNGError(header.pointee, "\(name): is not a PNG image"))
    }
    let (width, height) = (Int(header.pointee.width), Int(header.pointee.height))
    guard width > 0, height > 0, width <= pixelLimit / height else {
      return .failure(
        PNGError(description: "\(name): \(width) x \(height) pixels exceed \(pixelLimit)"))
    }
    header.pointee.format = png_uint_32(PNG_FORMAT_RGB)
    var image = RGBImage(width: width, height: height, filledWith: 0)
    var background = png_color(red: 0, green: 0, blue: 0)
    let read = image.bytes.withUnsafeMutableBytes {
      png_image_finish_read(header, &background, $0.baseAddress, 0, nil)
    }
    guard read != 0 else {
      return .failure(PNGError(header.pointee, "\(name): the PNG image is damaged"))
    }
    return .success(image)
  }

  /// The image as a PNG file's content.
  public func pngData() throws(PNGError) -> Data {
    var header = png_image()
    header.version = png_uint_32(PNG_IMAGE_VERSION)
    header.width = png_uint_32(width)
    header.height = png_uint_32(height)
    header.format = png_uint_32(PNG_FORMAT_RGB)
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
