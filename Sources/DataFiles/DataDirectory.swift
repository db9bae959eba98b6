// A data set on disk: a directory that is finished once its manifest is there.

import Files
import Foundation
import Glibc

/// What is wrong with a file of a data set.
public struct DataFinding: Hashable, Sendable, CustomStringConvertible {
  /// The file's path.
  public let path: String
  /// What is wrong with it, without a full stop.
  public let problem: String

  /// The path and what is wrong, as a line.
  public var description: String { "\(path): \(problem)" }
}

/// The directory of a data set: any files, and `dataset.json`, which is written last.
public struct DataDirectory: Hashable, Sendable {
  /// The path of the directory.
  public let path: String

  /// A data set's directory at a path, which need not exist yet.
  public init(_ path: String) {
    self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }

  /// The path of a file of the data set.
  public func path(of name: String) -> String { path + "/" + name }

  /// The path of the manifest.
  public var manifestPath: String { path(of: "dataset.json") }

  /// Whether a data set was finished here.
  public var isFinished: Bool { access(manifestPath, F_OK) == 0 }

  /// No manifest is longer than this.
  private static let manifestLimit = 1 << 26

  /// Reads what the data set says of itself, and none of its data.
  ///
  /// Throws if there is no data set, or an unfinished one, or if the manifest was damaged.
  public func readManifest() throws(FileError) -> DataManifest {
    try readJSON(DataManifest.self)
  }

  /// Reads what the manifest says beside what every data set has.
  ///
  /// Throws if it is not what `type` wants.
  public func readDetails<Details: Decodable>(
    _ type: Details.Type = Details.self
  ) throws(FileError) -> Details {
    try readJSON(DetailsOnly<Details>.self).details
  }

  private func readJSON<Value: Decodable>(_ type: Value.Type) throws(FileError) -> Value {
    guard isFinished else {
      throw access(path, F_OK) == 0
        ? FileError(in: path, "it is not a finished data set: it has no dataset.json")
        : FileError("open", path)
    }
    return try DataFiles.readJSON(type, from: manifestPath, limit: Self.manifestLimit)
  }

  /// Begins or repeats the making of the data set: makes the directory and removes the manifest of
  /// an earlier one, so that the directory is unfinished until `finish`.
  public func begin() throws(FileError) {
    try makeDirectory(path)
    if unlink(manifestPath) != 0 && errno != ENOENT { throw FileError("remove", manifestPath) }
  }

  /// Writes the manifest, after which the data set is finished.
  ///
  /// `files` are those that belong to it, named within the directory, whole and on the disk; they
  /// are read once more for their hashes. `progress` is called with the numbers of bytes as they
  /// are read.
  @discardableResult
  public func finish(
    family: String, name: String, version: String, counts: [String: Int], files: [String],
    details: some Encodable, progress: (_ byteCount: Int) -> Void = { _ in }
  ) throws(FileError) -> DataManifest {
    var contents: [String: DataManifest.File] = [:]
    for file in files {
      precondition(staysWithin(file), "a file of a data set outside of it: \(file)")
      let (byteCount, hash) = try contentHash(of: path(of: file), progress: progress)
      contents[file] = DataManifest.File(byteCount: byteCount, hash: hash)
    }
    let manifest = DataManifest(
      family: family, name: name, version: version, counts: counts, files: contents)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let json: Data
    do { json = try encoder.encode(Described(manifest: manifest, details: details)) } catch {
      throw FileError("write", manifestPath, because: error)
    }
    try AtomicFile.write(json + Data("\n".utf8), to: manifestPath)
    return manifest
  }

  /// Holds files against the manifest, all of them or those named: their sizes first, then, unless
  /// `sizesOnly`, every byte of them.
  ///
  /// Returns what is wrong, in the order of names; nothing if all is well. `progress` is called
  /// with the numbers of bytes as they are read.
  public func verify(
    _ manifest: DataManifest, names: [String]? = nil, sizesOnly: Bool = false,
    progress: (_ byteCount: Int) -> Void = { _ in }
  ) -> [DataFinding] {
    (names ?? Array(manifest.files.keys)).sorted().compactMap { name in
      guard let expected = manifest.files[name] else {
        return DataFinding(path: path(of: name), problem: "it is none of the data set's files")
      }
      return problem(name, expected, sizesOnly, progress).map {
        DataFinding(path: path(of: name), problem: $0)
      }
    }
  }

  private func problem(
    _ name: String, _ expected: DataManifest.File, _ sizesOnly: Bool, _ progress: (Int) -> Void
  ) -> String? {
    do {
      let byteCount = try MappedFile(path(of: name)).byteCount
      guard byteCount == expected.byteCount else {
        return "it has \(byteCount) bytes, but had \(expected.byteCount)"
      }
      if sizesOnly { return nil }
      let hash = try contentHash(of: path(of: name), progress: progress).hash
      return hash == expected.hash
        ? nil
        : "its content is not what it was (\(hexadecimal(hash)), was \(hexadecimal(expected.hash)))"
    } catch { return readableReason(error) }
  }
}

/// The part of a manifest that belongs to the family.
private struct DetailsOnly<Details: Decodable>: Decodable {
  let details: Details
}

/// A manifest and the part that belongs to the family, side by side in one object.
private struct Described<Details: Encodable>: Encodable {
  let manifest: DataManifest
  let details: Details

  private enum CodingKeys: String, CodingKey { case details }

  func encode(to encoder: any Encoder) throws {
    try manifest.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(details, forKey: .details)
  }
}
