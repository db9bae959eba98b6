// relate data: data sets on disk, looked over and packed.

import ArgumentParser
import DataFiles
import Files
import Foundation
import Learning
import Training

/// `relate data`.
struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Look over a data set on disk, or pack one for training.",
    discussion: "Example: relate data check data/sort-of-clevr",
    subcommands: [DataCheckCommand.self, DataImportCommand.self])
}

/// `relate data check`.
struct DataCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Say what a data set is, and line by line what is wrong with it.",
    discussion: """
      Holds every file against the description in dataset.json, and its content against what its \
      family knows. Ends with 0 if all is well and 1 if something is wrong. With --renew the \
      description is written anew, after files were changed on purpose.

      Example: relate data check data/sort-of-clevr
      """)

  @Argument(help: ArgumentHelp("The data set's directory.", valueName: "dir")) var path: String

  @Flag(help: "Describe the files as they are now, if nothing is wrong with what they hold.")
  var renew = false

  func run() throws {
    try reportingErrors {
      let directory = DataDirectory(path)
      if !directory.isFinished, let family = published() { return try checkPublished(family) }
      try requireDescribed(directory)
      let manifest = try directory.readManifest()
      guard let family = try catalogue.task(manifest.family) as? any DirectoryFamily.Type else {
        throw TrainingError("\(manifest.family) reads no data.")
      }
      return try check(directory, manifest, of: family)
    }
  }

  /// The family that knows a directory without a description; `nil` if none does.
  private func published() -> (any DirectoryFamily.Type)? {
    catalogue.tasks.compactMap { $0 as? any DirectoryFamily.Type }
      .first { $0.recognizes(DataPlace(path: path)) }
  }

  private func checkPublished<Family: DirectoryFamily>(_ family: Family.Type) throws -> Int32 {
    guard !renew else {
      throw TrainingError("\(path) has no description; relate data import makes one of a copy.")
    }
    print("\(family.name), as it is published")
    let findings = try problems(family)
    for finding in findings { print(finding) }
    guard findings.isEmpty else {
      print("\(findings.count) problem\(findings.count == 1 ? "" : "s").")
      return ExitStatus.failed
    }
    show(try family.contents(of: DataPlace(path: path)).counts)
    print("All is well.")
    return 0
  }

  private func check<Family: DirectoryFamily>(
    _ directory: DataDirectory, _ manifest: DataManifest, of family: Family.Type
  ) throws -> Int32 {
    if !renew { try show(manifest) }
    var findings = renew ? [] : changes(directory, manifest)
    let changed = findings.count
    findings += try problems(family)
    for finding in findings { print(finding) }
    guard findings.isEmpty else {
      print("\(findings.count) problem\(findings.count == 1 ? "" : "s").")
      if findings.count == changed {
        print("If that is on purpose: relate data check \(quoted(path)) --renew")
      }
      return ExitStatus.failed
    }
    if renew {
      let place = DataPlace(path: path)
      _ = try family.describe(try family.contents(of: place), at: place, name: manifest.name)
      try show(try directory.readManifest())
    }
    print("All is well.")
    return 0
  }

  private func show(_ manifest: DataManifest) throws {
    let identity = try DataSetIdentity(of: DataPlace(path: path))
    print("\(manifest.name) \(manifest.version), for \(manifest.family)")
    show(manifest.counts)
    print("  \(manifest.files.count) files, fingerprint \(identity.fingerprint)")
  }

  private func show(_ counts: [String: Int]) {
    for (split, count) in counts.sorted(by: { $0.key < $1.key }) {
      print("  \(split): \(count) samples")
    }
  }

  /// The files that are not what they were when they were described.
  private func changes(_ directory: DataDirectory, _ manifest: DataManifest) -> [String] {
    let total = manifest.files.values.reduce(0) { $0 + $1.byteCount }
    var done = 0
    let line = ProgressLine("MB read")
    defer { line.end() }
    return directory.verify(manifest) { bytes in
      done += bytes
      line.show(done >> 20, of: total >> 20)
    }.map(\.description)
  }

  /// What of the content makes no sense.
  private func problems<Family: DirectoryFamily>(_ family: Family.Type) throws -> [String] {
    var problems: [String] = []
    let samples = ProgressLine("samples")
    defer { samples.end() }
    do {
      try family.check(
        DataPlace(path: path), finding: { problems.append($0) }, progress: samples.show)
    } catch {
      // A list that ends in its middle, say: nothing after it can be read.
      problems.append("\(error)")
    }
    return problems
  }
}

/// `relate data import`.
struct DataImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Pack a data set once, so that every worker maps it instead of parsing it.",
    discussion: """
      Reads a directory as it is published, or as people made it in the form that \
      `relate generate` writes. What is packed is a data set once all of it is there: an import \
      that was interrupted is begun again.

      Example: relate data import sort-of-clevr my-scenes --to data/my-scenes
      """)

  @Argument(help: "The task that the data are for.") var task: String
  @Argument(help: ArgumentHelp("The directory to read.", valueName: "from")) var from: String
  @Option(help: ArgumentHelp("The directory to write, new or empty.", valueName: "dir"))
  var to: String

  func run() throws {
    try reportingErrors {
      guard let family = try catalogue.task(task) as? any DirectoryFamily.Type else {
        throw ValidationError("\(task) reads no data.")
      }
      let line = ProgressLine("samples", everywhere: true)
      defer { line.end() }
      let identity = try pack(family, line)
      line.end()
      let counts = identity.counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
      print("Packed \(counts.joined(separator: ", ")) samples in \(to)")
      return 0
    }
  }

  private func pack<Family: DirectoryFamily>(
    _ family: Family.Type, _ line: ProgressLine
  ) throws -> DataSetIdentity {
    let place = DataPlace(path: to)
    try requireFree(to)
    // Until it is described it is no data set.
    try DataDirectory(to).begin()
    let lock = try DirectoryLock(to)
    defer { lock.release() }
    try requireFree(to)
    let contents = try family.pack(DataPlace(path: from), into: place, progress: line.show)
    return try family.describe(contents, at: place)
  }

  /// Throws if a directory holds anything else than what an interrupted import left.
  private func requireFree(_ path: String) throws {
    let present = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    guard present.allSatisfy({ $0.hasSuffix(".safetensors") || $0.hasSuffix(".partial") }) else {
      throw TrainingError(
        "\(path) holds other files: choose a new or empty directory for what is packed.")
    }
  }
}

/// Throws, saying what to do, if a directory is there and no data set.
func requireDescribed(_ directory: DataDirectory) throws {
  var isDirectory: ObjCBool = false
  guard !directory.isFinished,
    FileManager.default.fileExists(atPath: directory.path, isDirectory: &isDirectory),
    isDirectory.boolValue
  else { return }
  throw TrainingError(
    """
    \(directory.path): it is not a finished data set: it has no dataset.json. What is published, \
    or was made in the form that relate generate writes, becomes one by: relate data import TASK \
    \(quoted(directory.path)) --to DIR
    """)
}
