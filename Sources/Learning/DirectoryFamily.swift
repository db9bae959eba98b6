// Families whose data sets lie in directories, each in the family's own format.

import DataFiles

/// What a directory of data consists of: what its manifest is made of.
public struct DataSetContents: Hashable, Sendable {
  /// The samples of each split that there is, by the split's name.
  public var counts: [String: Int]
  /// The files that the samples are read from, relative to the directory, in order.
  public var files: [String]
  /// What else the family has to know before the data is opened; see `DataSetIdentity.details`.
  public var details: JSONValue

  /// Contents of the given parts.
  public init(counts: [String: Int], files: [String], details: JSONValue = .object([:])) {
    self.counts = counts
    self.files = files
    self.details = details
  }
}

/// A family that reads directories of data in a format of its own.
public protocol DirectoryFamily: TaskFamily {
  /// Whether a directory without a description holds data as they are published, so that a model
  /// can be tried on them and they can be looked over.
  static func recognizes(_ place: DataPlace) -> Bool

  /// What a directory holds, from its lists of samples; the samples' own files are not opened.
  ///
  /// Throws an error that names the file and the line that cannot be read.
  static func contents(of place: DataPlace) throws -> DataSetContents

  /// Looks over the samples of a directory, all of them: what cannot be, file by file and line by
  /// line.
  static func check(
    _ place: DataPlace, finding: (String) -> Void, progress: (_ done: Int, _ total: Int) -> Void
  ) throws

  /// Packs a directory as it is published, or as people made it, into one that workers map instead
  /// of parsing it.
  static func pack(
    _ source: DataPlace, into place: DataPlace, progress: (_ done: Int, _ total: Int) -> Void
  ) throws -> DataSetContents
}

/// How much is about to be written.
public struct ExportSize: Hashable, Sendable {
  /// The number of files.
  public var files: Int
  /// About how many bytes they hold.
  public var bytes: Int

  /// A size of the given numbers.
  public init(files: Int, bytes: Int) {
    self.files = files
    self.bytes = bytes
  }
}

/// A family that generates its data, and can write it to a directory that it reads.
public protocol GeneratingFamily: DirectoryFamily {
  /// What `export` would write, estimated from a few samples.
  static func exportSize(
    of settings: Settings, splits: [Split], scale: Int
  ) throws(CatalogueError) -> ExportSize

  /// Writes the data of the settings to a directory, which is made if it does not exist.
  ///
  /// A directory that holds anything else than what an earlier, interrupted call wrote is left
  /// alone.
  ///
  /// - Parameters:
  ///   - scale: the pixels of a picture per pixel of the model's, along either axis.
  ///   - progress: called now and then with the numbers of files written and to write.
  static func export(
    _ settings: Settings, to place: DataPlace, splits: [Split], scale: Int,
    progress: (_ written: Int, _ total: Int) -> Void
  ) throws -> DataSetContents
}

extension DirectoryFamily {
  /// None: what is to be read is described.
  public static func recognizes(_ place: DataPlace) -> Bool { false }

  /// The identity of the data in a directory, which need not be described if it is recognized; the
  /// hash is then one of its counts alone.
  ///
  /// Throws if there are no data, or a list of samples cannot be read.
  public static func identity(of place: DataPlace) throws -> DataSetIdentity {
    guard !DataDirectory(place.path).isFinished, recognizes(place) else {
      return try DataSetIdentity(of: place)
    }
    let contents = try contents(of: place)
    let manifest = DataManifest(
      family: name, name: name, version: "0", counts: contents.counts, files: [:])
    return DataSetIdentity(
      name: name, version: manifest.version, counts: contents.counts,
      fingerprint: Digest(rawValue: manifest.fingerprint), details: contents.details)
  }

  /// Writes the description of the data set in a directory, which makes it one.
  ///
  /// `progress` is called with the numbers of bytes as they are read.
  public static func describe(
    _ contents: DataSetContents, at place: DataPlace, name dataSet: String? = nil,
    progress: (_ byteCount: Int) -> Void = { _ in }
  ) throws -> DataSetIdentity {
    try DataDirectory(place.path).finish(
      family: name, name: dataSet ?? name, version: "1", counts: contents.counts,
      files: contents.files, details: contents.details, progress: progress)
    return try DataSetIdentity(of: place)
  }
}
