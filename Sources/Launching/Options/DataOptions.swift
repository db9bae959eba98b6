// Where data are, from the command line.

import ArgumentParser
import DataFiles
import Learning

/// The option that names a data set's directory.
struct DataOptions: ParsableArguments {
  @Option(
    name: .customLong("data"),
    help: ArgumentHelp(
      "The directory of the data set, as `relate data import` or `relate generate` made it. "
        + "Without it the task generates its data.", valueName: "dir"))
  var path: String?

  /// Where the data are; `nil` for generated data.
  var place: DataPlace? { path.map { DataPlace(path: $0) } }

  /// Which data set that is; `nil` for generated data.
  ///
  /// Reads the directory's description and no data.
  ///
  /// - Parameter family: what reads them, so that data as they are published are taken as well.
  func identity(for family: (any TaskFamily.Type)? = nil) throws -> DataSetIdentity? {
    guard let place else { return nil }
    if let family = family as? any DirectoryFamily.Type, family.recognizes(place) {
      return try family.identity(of: place)
    }
    try requireDescribed(DataDirectory(place.path))
    return try DataSetIdentity(of: place)
  }
}
