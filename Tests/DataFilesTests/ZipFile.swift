// ZIP archives put together byte by byte, truthful or not.

import Foundation

/// An archive of entries, each of which may say of itself what it likes.
struct ZipFile {
  struct Entry {
    var name: String
    /// The bytes as they lie in the archive.
    var packed: [UInt8]
    /// 0 stored, 8 deflated.
    var method: UInt16 = 0
    var flags: UInt16 = 0
    var statedByteCount: UInt32?
    var checksum: UInt32?
  }

  var entries: [Entry]

  var data: Data {
    var (content, directory) = (Data(), Data())
    for entry in entries {
      let common = common(entry)
      let offset = UInt32(content.count)
      content += little(0x0403_4B50 as UInt32) + common + little(0 as UInt16)
      content += Data(entry.name.utf8) + Data(entry.packed)
      directory += little(0x0201_4B50 as UInt32) + little(20 as UInt16) + common
      directory += Data(count: 8) + little(0 as UInt32) + little(offset) + Data(entry.name.utf8)
    }
    let end =
      little(0x0605_4B50 as UInt32) + Data(count: 4) + little(UInt16(entries.count))
      + little(UInt16(entries.count)) + little(UInt32(directory.count))
      + little(UInt32(content.count)) + Data(count: 2)
    return content + directory + end
  }

  /// What stands both before the content and in the directory.
  private func common(_ entry: Entry) -> Data {
    little(20 as UInt16) + little(entry.flags) + little(entry.method) + Data(count: 2)
      + little(0x21 as UInt16) + little(entry.checksum ?? checksum(entry.packed))
      + little(UInt32(entry.packed.count))
      + little(entry.statedByteCount ?? UInt32(entry.packed.count))
      + little(UInt16(entry.name.utf8.count))
  }

  private func little<Integer: FixedWidthInteger>(_ value: Integer) -> Data {
    withUnsafeBytes(of: value.littleEndian) { Data($0) }
  }

  /// The CRC of some bytes, a bit at a time.
  private func checksum(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { crc, byte in
      (0..<8).reduce(crc ^ UInt32(byte)) { crc, _ in crc >> 1 ^ (crc & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
  }

  /// A megabyte of zeros, deflated to a thousand bytes.
  static let zeros = Entry(
    name: "zeros",
    packed: [0xED, 0xC1, 0x31, 0x01, 0, 0, 0, 0xC2, 0xA0, 0xF5, 0x4F, 0x6D, 0x08, 0x5F, 0xA0]
      + [UInt8](repeating: 0, count: 1016) + [0x3E, 0x03],
    method: 8, statedByteCount: 1 << 20, checksum: 0xA738_EA1C)
}
