// Which data a run learns from, and where they are: two different things.

import DataFiles

/// Which data set a run learns from: a part of its experiment.
///
/// Where its files are is not: that may differ from one process of the run to the next.
public struct DataSetIdentity: Codable, Hashable, Sendable {
  /// The name, such as `CLEVR`.
  public var name: String
  /// The version, as its publisher numbers it.
  public var version: String
  /// The samples of each split that there is, by the split's name.
  public var counts: [String: Int]
  /// A hash of its content.
  public var fingerprint: Digest
  /// What else the family has to know before the data is opened, such as a vocabulary.
  public var details: JSONValue

  /// An identity of the given parts.
  public init(
    name: String, version: String, counts: [String: Int], fingerprint: Digest,
    details: JSONValue = .object([:])
  ) {
    self.name = name
    self.version = version
    self.counts = counts
    self.fingerprint = fingerprint
    self.details = details
  }

  /// The number of samples of a split.
  public func sampleCount(of split: Split) -> Int { counts[split.rawValue] ?? 0 }
}

/// Where a data set's files are.
public struct DataPlace: Hashable, Sendable {
  /// The directory.
  public let path: String

  /// The data set in a directory.
  public init(path: String) { self.path = path }
}

extension DataSetIdentity {
  /// The identity of the data set in a directory, as its description says; reads no data.
  ///
  /// Throws if there is no finished data set.
  public init(of place: DataPlace) throws {
    let directory = DataDirectory(place.path)
    let manifest = try directory.readManifest()
    self.init(
      name: manifest.name, version: manifest.version, counts: manifest.counts,
      fingerprint: Digest(rawValue: manifest.fingerprint),
      details: try directory.readDetails(JSONValue.self))
  }
}
