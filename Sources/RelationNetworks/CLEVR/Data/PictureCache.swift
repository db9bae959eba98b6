// Rendered pictures of generated scenes, kept on the disk for the next time and the next process.

import Files
import Foundation
import Glibc
import Learning
import Pictures

extension CLEVR {
  /// A file of pictures of equal size, of which any may be there or not.
  ///
  /// Processes share it without knowing of one another: a picture is a function of its number, so
  /// it does not matter who wrote it, and each has a hash before it, so whatever is not wholly
  /// there is not there. A cache that cannot be written is none, and costs only time.
  final class PictureCache: Sendable {
    /// The bytes of a picture.
    private let byteCount: Int
    private let descriptor: Int32

    /// To be raised whenever a scene is another picture than before.
    private static let version = 1

    /// The cache of the pictures of a seed and split, in the folder that is meant for such files;
    /// `nil` if there cannot be one.
    init?(seed: UInt64, split: Split, byteCount: Int, in folder: String? = defaultFolder) {
      self.byteCount = byteCount
      let name = "clevr-\(Self.version)-seed\(seed)-\(split.rawValue).pictures"
      guard let folder, (try? makeDirectory(folder)) != nil else { return nil }
      descriptor = open("\(folder)/\(name)", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else { return nil }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// `RELATE_CACHE`, or the place that a system's rules have for what can be made again.
    static var defaultFolder: String? {
      let environment = ProcessInfo.processInfo.environment
      if let folder = environment["RELATE_CACHE"], !folder.isEmpty { return folder }
      if let folder = environment["XDG_CACHE_HOME"], !folder.isEmpty { return folder + "/relate" }
      return environment["HOME"].map { $0 + "/.cache/relate" }
    }

    /// The bytes of a picture; `nil` if they are not there.
    func bytes(_ number: Int) -> [UInt8]? {
      let (place, size) = record(number)
      var record = [UInt8](repeating: 0, count: size)
      guard pread(descriptor, &record, size, place) == size else { return nil }
      let stated = record.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      let bytes = Array(record[8...])
      return Digest(of: bytes).rawValue == stated ? bytes : nil
    }

    /// Keeps the bytes of a picture, if there is room.
    func keep(_ bytes: [UInt8], of number: Int) {
      precondition(bytes.count == byteCount, "\(bytes.count) bytes of \(byteCount)")
      let (place, size) = record(number)
      let hash = Digest(of: bytes).rawValue
      let record = (0..<8).map { UInt8(truncatingIfNeeded: hash >> UInt64(8 * $0)) } + bytes
      // What was not wholly written is drawn again.
      _ = pwrite(descriptor, record, size, place)
    }

    private func record(_ number: Int) -> (place: Int, size: Int) {
      (number * (byteCount + 8), byteCount + 8)
    }
  }
}
