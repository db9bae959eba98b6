// A trained model that is given to others: what is needed to use it, and no more.

import Files
import Foundation
import Learning
import NeuralNetworks
import Tensors

/// A folder with `experiment.json`, `summary.json` and `weights.safetensors`: the values of a run's
/// best version by PyTorch's names, without Adam's moments.
public struct PublishedModel: Sendable, Hashable {
  /// The folder.
  public let directory: RunDirectory

  private static let format = "relate-weights-1"

  /// The model in a folder; `nil` if there is none.
  public init?(in directory: RunDirectory) {
    guard FileManager.default.fileExists(atPath: Self.weightsPath(in: directory)) else {
      return nil
    }
    self.directory = directory
  }

  /// Publishes a version of a complete run.
  ///
  /// Throws if there is a model already, or the folder cannot be written.
  public static func write(
    _ version: SavedValues, of run: RunDirectory, to directory: RunDirectory
  ) throws(FileError) {
    guard !FileManager.default.fileExists(atPath: directory.path) else {
      throw FileError("\(directory.path) exists already. Name a new folder.")
    }
    do {
      try FileManager.default.createDirectory(
        atPath: directory.path, withIntermediateDirectories: true)
      try FileManager.default.copyItem(
        atPath: run.experimentPath, toPath: directory.experimentPath)
    } catch {
      throw FileError("Cannot write to \(directory.path): \(error.localizedDescription)")
    }
    // Whose hosts computed it is nobody's business.
    var summary = try run.readSummary()
    summary?.activity = nil
    try summary?.write(to: directory.summaryPath)
    // The weights come last: a folder without them is no model.
    try write(version, to: weightsPath(in: directory))
  }

  /// Writes the values of a version as a safetensors file, parameters and statistics by PyTorch's
  /// names.
  public static func write(_ version: SavedValues, to path: String) throws(FileError) {
    var writer = SafetensorsWriter(metadata: [
      "format": format, "step": String(version.step), "digest": version.digest.description,
      "content": content(of: version.values).description,
    ])
    writer.add(version.values)
    try writer.write(to: path)
  }

  /// Reads the values.
  ///
  /// Throws if the file is damaged or of another model.
  public func read(layout: ParameterLayout) throws(FileError) -> SavedValues {
    let path = Self.weightsPath(in: directory)
    func damaged(_ reason: String) -> FileError {
      FileError("The weights \(path) cannot be used: \(reason).")
    }
    let values: ParameterVector
    let metadata: [String: String]
    do throws(SafetensorsError) {
      let file = try Safetensors(contentsOf: path)
      metadata = file.metadata
      values = try ParameterVector(file, layout: layout)
    } catch {
      throw damaged(error.description)
    }
    guard metadata["format"] == Self.format,
      let step = metadata["step"].flatMap(Int.init), step >= 0,
      let digest = metadata["digest"].flatMap(Digest.init)
    else { throw damaged("it is not of this version (format \(Self.format))") }
    guard metadata["content"] == Self.content(of: values).description else {
      throw damaged("its numbers do not match their checksum")
    }
    return SavedValues(step: step, digest: digest, values: values)
  }

  private static func weightsPath(in directory: RunDirectory) -> String {
    directory.path + "/weights.safetensors"
  }

  private static func content(of values: ParameterVector) -> Digest {
    Digest(rawValue: 0).extended(by: values.parameters, values.statistics)
  }
}

/// A version's values, as they were saved.
public struct SavedValues: Sendable {
  /// The step of the version.
  public let step: Int
  /// The digest of the version in its run.
  public let digest: Digest
  /// The parameters and statistics.
  public let values: ParameterVector

  /// Values of a version.
  public init(step: Int, digest: Digest, values: ParameterVector) {
    self.step = step
    self.digest = digest
    self.values = values
  }
}
