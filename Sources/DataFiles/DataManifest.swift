// What a data set on disk says of itself.

import Files
import Foundation

/// The description of a data set: what it is, how much of it there is, and which files it is.
public struct DataManifest: Hashable, Sendable {
  /// A file of the data set, as it was when the data set was finished.
  public struct File: Hashable, Sendable, Codable {
    /// The size.
    public let byteCount: Int
    /// The hash of the content (64-bit XXH3).
    public let hash: UInt64

    /// A file of the given size and hash.
    public init(byteCount: Int, hash: UInt64) {
      self.byteCount = byteCount
      self.hash = hash
    }
  }

  /// What reads the data set: the family of tasks that it belongs to.
  public let family: String
  /// The name of the data set within its family.
  public let name: String
  /// The version of the data or of the way it was packed.
  public let version: String
  /// The number of samples by the name of the split; a directory need not hold every split.
  public let counts: [String: Int]
  /// The files by their names within the directory.
  public let files: [String: File]
  /// The hash of counts and files: two data sets with the same one have the same content.
  public let fingerprint: UInt64

  /// The description of a data set of the given files, named within its directory.
  public init(
    family: String, name: String, version: String, counts: [String: Int], files: [String: File]
  ) {
    self.family = family
    self.name = name
    self.version = version
    self.counts = counts
    self.files = files
    let splits = counts.map { "split \($0.key) \($0.value)\n" }
    let contents = files.map {
      "file \($0.key) \($0.value.byteCount) \(hexadecimal($0.value.hash))\n"
    }
    let hash = ContentHash()
    // In the order of their bytes, which does not depend on anybody's language.
    for line in (splits + contents).map({ Array($0.utf8) })
      .sorted(by: { $0.lexicographicallyPrecedes($1) })
    {
      line.withUnsafeBytes(hash.update)
    }
    fingerprint = hash.value
  }

  /// The bytes of all files.
  public var byteCount: Int { files.values.reduce(0) { $0 + $1.byteCount } }
}

extension DataManifest: Codable {
  private enum CodingKeys: String, CodingKey {
    case format, family, name, version, counts, fingerprint, files
  }

  /// The number of this form of manifests.
  private static let format = 1

  /// Reads a manifest, and holds its fingerprint against its counts and files.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    func failure(_ key: CodingKeys, _ problem: String) -> DecodingError {
      DecodingError.dataCorruptedError(forKey: key, in: container, debugDescription: problem)
    }
    let format = try container.decode(Int.self, forKey: .format)
    guard format == Self.format else {
      throw failure(.format, "\(format) is not \(Self.format), the only one that is known")
    }
    let counts = try container.decode([String: Int].self, forKey: .counts)
    if let wrong = counts.first(where: { $0.value < 0 }) {
      throw failure(.counts, "\(wrong.value) samples in \"\(wrong.key)\"")
    }
    let files = try container.decode([String: File].self, forKey: .files)
    if let wrong = files.keys.first(where: { !staysWithin($0) }) {
      throw failure(.files, "\"\(wrong)\" leads out of the directory")
    }
    // No sum of so few overflows; a picture may be a file of its own.
    if files.values.contains(where: { !(0...1 << 42).contains($0.byteCount) })
      || files.count > 1 << 20
    {
      throw failure(.files, "more bytes or files than any data set has")
    }
    self.init(
      family: try container.decode(String.self, forKey: .family),
      name: try container.decode(String.self, forKey: .name),
      version: try container.decode(String.self, forKey: .version), counts: counts, files: files)
    let stated = try container.decode(String.self, forKey: .fingerprint)
    guard number(hexadecimal: stated) == fingerprint else {
      throw failure(
        .fingerprint,
        "\(stated) does not belong to these counts and files (\(hexadecimal(fingerprint)) does)")
    }
  }

  /// Writes the manifest.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(Self.format, forKey: .format)
    try container.encode(family, forKey: .family)
    try container.encode(name, forKey: .name)
    try container.encode(version, forKey: .version)
    try container.encode(counts, forKey: .counts)
    try container.encode(hexadecimal(fingerprint), forKey: .fingerprint)
    try container.encode(files, forKey: .files)
  }
}

extension DataManifest.File {
  private enum CodingKeys: String, CodingKey {
    case bytes, xxh3
  }

  /// Reads the size and the 16 hexadecimal digits of the hash.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let digits = try container.decode(String.self, forKey: .xxh3)
    guard let hash = number(hexadecimal: digits) else {
      throw DecodingError.dataCorruptedError(
        forKey: .xxh3, in: container,
        debugDescription: "\"\(digits)\" is not 16 hexadecimal digits")
    }
    self.init(byteCount: try container.decode(Int.self, forKey: .bytes), hash: hash)
  }

  /// Writes the size and the 16 hexadecimal digits of the hash.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(byteCount, forKey: .bytes)
    try container.encode(hexadecimal(hash), forKey: .xxh3)
  }
}
