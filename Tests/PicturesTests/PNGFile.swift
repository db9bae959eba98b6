// PNG files of every kind, put together byte by byte.

import Foundation

/// A PNG file that is not compressed, so that a test can state every byte of it.
struct PNGFile {
  var width: Int
  var height: Int
  var bitDepth = 8
  /// 0 grey, 2 colour, 3 palette, 4 grey and opacity, 6 colour and opacity.
  var colorType = 2
  var palette: [UInt8] = []
  var transparency: [UInt8] = []
  /// The bytes of each row, without the number of its filter.
  var rows: [[UInt8]]

  var data: Data {
    var data = Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
    let sizes = Self.bigEndian(width) + Self.bigEndian(height)
    data += Self.chunk("IHDR", sizes + [UInt8(bitDepth), UInt8(colorType), 0, 0, 0])
    if !palette.isEmpty { data += Self.chunk("PLTE", palette) }
    if !transparency.isEmpty { data += Self.chunk("tRNS", transparency) }
    data += Self.chunk("IDAT", Self.zlib(rows.flatMap { [0] + $0 }))
    return data + Self.chunk("IEND", [])
  }

  private static func bigEndian(_ value: Int) -> [UInt8] {
    withUnsafeBytes(of: UInt32(value).bigEndian) { Array($0) }
  }

  private static func chunk(_ type: String, _ content: [UInt8]) -> [UInt8] {
    let typed = Array(type.utf8) + content
    return bigEndian(content.count) + typed + bigEndian(Int(checksum(typed)))
  }

  /// The CRC of a chunk, a bit at a time.
  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { crc, byte in
      (0..<8).reduce(crc ^ UInt32(byte)) { crc, _ in crc >> 1 ^ (crc & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
  }

  /// One stored block with its frame.
  private static func zlib(_ bytes: [UInt8]) -> [UInt8] {
    let count = UInt16(bytes.count)
    var (a, b) = (1, 0)
    for byte in bytes {
      a = (a + Int(byte)) % 65521
      b = (a + b) % 65521
    }
    let sizes = [count, ~count].flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
    return [0x78, 0x01, 1] + sizes + bytes + bigEndian(b << 16 | a)
  }
}
