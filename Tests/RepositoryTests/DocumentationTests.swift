// Documents that name files name files that exist, and the map shows every file there is.

import Foundation
import Testing

@Suite struct DocumentationTests {
  private let tree = SourceTree()

  private func documents() -> [TextFile] {
    let beside = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].compactMap(tree.file(at:))
    return beside + tree.files(under: "docs").filter { $0.fileExtension == "md" }
  }

  /// The text without its fenced blocks, whose contents are examples.
  private func prose(_ document: TextFile) -> [Substring] {
    var isFenced = false
    return document.lines.filter { line in
      let isFence = line.drop { $0 == " " }.hasPrefix("```")
      if isFence { isFenced.toggle() }
      return !isFence && !isFenced
    }
  }

  /// The targets of links to files, without anchors.
  private func linkedPaths(_ line: Substring) -> [String] {
    line.matches(of: /\]\(([^)\s]+)(?:\s+"[^"]*")?\)/).compactMap { match in
      let target = match.1.prefix { $0 != "#" }
      let isElsewhere = target.contains("://") || target.hasPrefix("mailto:")
      return isElsewhere || target.isEmpty ? nil : String(target)
    }
  }

  /// What stands in backticks and begins with a folder of ours, also within a command.
  ///
  /// Names with placeholders, such as `docs/NNNN-<title>.md` or `Sources/*`, name no one file.
  private func quotedPaths(_ line: Substring) -> [String] {
    let folders = ["Sources", "Tests", "docs", "scripts", "examples", "models"]
    return line.matches(of: /`([^`]+)`/).flatMap { match in
      match.1.split(separator: " ").compactMap { word in
        var path = word
        if path.hasPrefix("./") { path = path.dropFirst(2) }
        guard folders.contains(where: { path.hasPrefix($0 + "/") }),
          path.wholeMatch(of: /[A-Za-z0-9_.+\/-]+/) != nil
        else { return nil }
        return String(path)
      }
    }
  }

  @Test func pathsAreRecognised() {
    #expect(
      linkedPaths("a [b](docs/X.md#part) [c](https://x.y) [d](#here) [e](../f \"title\")")
        == ["docs/X.md", "../f"])
    #expect(
      quotedPaths("`scripts/check.sh --all` `Sources/*` `docs/<n>.md` Sources/A `./docs/B.md`")
        == ["scripts/check.sh", "docs/B.md"])
  }

  @Test func linksLeadToFiles() {
    let broken = documents().flatMap { document in
      prose(document).flatMap(linkedPaths).filter { target in
        !tree.exists(document.folder.isEmpty ? target : "\(document.folder)/\(target)")
      }.map { "\(document.path) links to \($0)" }
    }
    #expect(broken == [])
  }

  @Test func quotedPathsExist() {
    let missing = documents().flatMap { document in
      prose(document).flatMap(quotedPaths).filter { !tree.exists($0) }
        .map { "\(document.path) names \($0)" }
    }
    #expect(missing == [])
  }

  /// What CONTRIBUTING.md shows of a task of one's own is a part of the example that is built.
  @Test func theTaskThatIsShownIsTheOneThatIsBuilt() throws {
    let example = try #require(tree.file(at: "examples/Sources/OwnTask/ClosePairs.swift"))
    let document = try #require(tree.file(at: "CONTRIBUTING.md"))
    let shown = try #require(document.text.firstMatch(of: /```swift\n((?s).*?)```/)).1
      .split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
      .filter { !$0.isEmpty && $0 != "…" && $0 != "..." }
    #expect(shown.count > 5)
    var rest = example.lines.map { $0.trimmingCharacters(in: .whitespaces) }[...]
    for line in shown {
      let index = try #require(
        rest.firstIndex(of: line), "\(line) is not in the example, or not in this order")
      rest = rest[(index + 1)...]
    }
  }

  @Test func theMapShowsEveryFile() {
    guard let map = tree.file(at: "docs/ARCHITECTURE.md") else { return }
    // A system library is one station: its folder stands for the two files in it.
    let systemLibraries = tree.files(under: "Sources").filter { $0.name == "module.modulemap" }
      .map(\.folder)
    let files = tree.sources().filter { !systemLibraries.contains($0.folder) }.map(\.name)
    let folders = systemLibraries.map { ($0 as NSString).lastPathComponent }
    // Files of the same name in different folders need a mention each.
    let needed = Dictionary((files + folders).map { ($0, 1) }, uniquingKeysWith: +)
    let words = map.text.split { !$0.isLetter && !$0.isNumber && !"_.+-".contains($0) }
      .map { $0.hasSuffix(".") ? $0.dropLast() : $0 }
    let shown = Dictionary(words.map { (String($0), 1) }, uniquingKeysWith: +)
    let missing = needed.filter { shown[$0.key, default: 0] < $0.value }.keys.sorted()
    #expect(missing == [], "docs/ARCHITECTURE.md does not show these files of Sources")
  }
}
