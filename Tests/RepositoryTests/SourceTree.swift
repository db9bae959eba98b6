// The files of this repository as text, for tests that read the code instead of running it.

import Foundation

/// One text file with its path from the repository's root.
struct TextFile: Sendable {
  let path: String
  let lines: [Substring]

  var name: String { (path as NSString).lastPathComponent }
  var folder: String { (path as NSString).deletingLastPathComponent }
  var fileExtension: String { (path as NSString).pathExtension }
  var text: String { lines.joined(separator: "\n") }

  /// Every line that `isOffence` objects to, as `path:line: text`.
  func offences(_ isOffence: (Substring) -> Bool) -> [String] {
    lines.enumerated().filter { isOffence($0.element) }.map {
      "\(path):\($0.offset + 1): \($0.element)"
    }
  }
}

/// The repository this file was compiled in.
struct SourceTree: Sendable {
  let root: URL

  init(containing file: String = #filePath) {
    root = URL(fileURLWithPath: file)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  }

  /// Everything a person wrote: the folders of the project and the files beside them.
  func everything() throws -> [TextFile] {
    let folders = [
      "Sources", "Tests", "docs", "scripts", "examples",
      ".github",
    ]
    let beside = try FileManager.default.contentsOfDirectory(atPath: root.path).filter {
      var isDirectory: ObjCBool = false
      let path = root.appendingPathComponent($0).path
      // In a work tree of its own, Git's folder is a file.
      return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
        && !isDirectory.boolValue && $0 != ".git"
    }
    return folders.flatMap { files(under: $0) } + beside.sorted().compactMap(file(at:))
  }

  /// The text files below a folder, in the order of their paths; none if there is no such folder.
  func files(under folder: String) -> [TextFile] {
    let start = root.appendingPathComponent(folder).path
    let paths = FileManager.default.enumerator(atPath: start)?.compactMap { $0 as? String } ?? []
    let hasBuildFolder = { (path: String) in path.split(separator: "/").contains(".build") }
    return paths.filter { !hasBuildFolder($0) }.sorted().compactMap { file(at: "\(folder)/\($0)") }
  }

  /// A text file, or nil if it does not exist or is not text.
  func file(at path: String) -> TextFile? {
    guard let data = FileManager.default.contents(atPath: root.appendingPathComponent(path).path),
      data.count < 1 << 20, !data.contains(0), let text = String(data: data, encoding: .utf8)
    else { return nil }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    return TextFile(path: path, lines: lines)
  }

  func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: root.appendingPathComponent(path).standardized.path)
  }

  /// The files of `Sources` that are code.
  func sources() -> [TextFile] {
    files(under: "Sources").filter { ["swift", "c", "h"].contains($0.fileExtension) }
  }
}
