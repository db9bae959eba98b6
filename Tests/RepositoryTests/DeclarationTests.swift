// What a search can find out about declarations: how long functions are, and whether anybody uses
// what is declared.

import Foundation
import Testing

@Suite struct DeclarationTests {
  private let tree = SourceTree()
  private static let longestFunction = 60

  // MARK: Length

  /// The functions of a formatted file with the lines each takes: from its first line to the brace
  /// that closes it, which stands where the first line begins.
  private func functions(in file: TextFile) -> [(line: Int, length: Int, text: Substring)] {
    let begins =
      file.fileExtension == "swift"
      ? #/^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:\w+(?:\(set\))?\s+)*(?:func\s|init[?(<]|deinit\b|subscript[(<])/#
      : #/^(?:static\s+)?(?:inline\s+)?(?:const\s+)?\w[\w\s*]*\([^;]*$/#
    return file.lines.indices.compactMap { start in
      let line = file.lines[start]
      guard line.firstMatch(of: begins) != nil else { return nil }
      let indentation = line.prefix { $0 == " " }
      // A declaration on one line, or a requirement without a body, ends before anything deeper.
      guard !line.hasSuffix("}"),
        let end = file.lines[(start + 1)...].firstIndex(where: {
          $0.hasPrefix(indentation + "}")
            || !$0.isEmpty && !$0.hasPrefix(indentation + " ") && !$0.hasPrefix(indentation + ")")
        }), file.lines[end].hasPrefix(indentation + "}")
      else { return nil }
      return (start + 1, end - start + 1, line)
    }
  }

  @Test func functionsAreMeasured() {
    let lines = [
      "struct A {", "  func f(", "    _ a: Int", "  ) {", "    g {", "    }", "  }", "",
      "  private static func g() {", "  }", "  init() {}", "}",
    ].map { $0[...] }
    let found = functions(in: TextFile(path: "A.swift", lines: lines))
    #expect(found.map(\.line) == [2, 9] && found.map(\.length) == [6, 2])
    let c = ["static void f(int a,", "              int b) {", "}"].map { $0[...] }
    #expect(functions(in: TextFile(path: "a.c", lines: c)).map(\.length) == [3])
  }

  @Test func noFunctionIsLongerThanAScreen() {
    var count = 0
    var offences: [String] = []
    for file in tree.sources() + tree.files(under: "Tests").filter({ $0.fileExtension == "swift" })
    {
      for function in functions(in: file) {
        count += 1
        if function.length > Self.longestFunction {
          offences.append("\(file.path):\(function.line): \(function.length) lines")
        }
      }
    }
    #expect(count > 500, "the search finds no functions any more")
    #expect(offences == [])
  }

  // MARK: Use

  /// Names that something outside of the sources calls: the language, the libraries we build on.
  private static let calledFromOutside: Set<String> = [
    "main", "run", "validate", "description", "encode", "hash", "stringValue", "intValue",
    "defaultValueDescription", "allValueStrings", "configuration", "next",
    // Of the state machine and the slices, what only tests ask for as yet.
    "isJoined", "cut",
  ]

  /// The names that a file declares, line by line.
  private func declarations(in file: TextFile) -> [(line: Int, name: String)] {
    let pattern =
      #/^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|private|fileprivate|static|final|mutating|consuming|borrowing|indirect|nonisolated)(?:\(set\))?\s+)*(?:func|var|let|struct|class|enum|protocol|typealias|case)\s+`?(\w+)/#
    return file.lines.enumerated().compactMap { number, line in
      // A case with a colon, other than that of a label, is one of a switch.
      line.firstMatch(of: #/^\s*case [^(]*:/#) != nil
        ? nil : line.firstMatch(of: pattern).map { (number + 1, String($0.1)) }
    }
  }

  /// How often each word occurs in some files, outside of comments.
  private func words(in files: [TextFile]) -> [String: Int] {
    var counts: [String: Int] = [:]
    for file in files {
      for line in file.lines {
        let code = line.firstRange(of: "//").map { line[..<$0.lowerBound] } ?? line
        for word in code.split(whereSeparator: { !$0.isLetter && !$0.isNumber && $0 != "_" }) {
          counts[String(word), default: 0] += 1
        }
      }
    }
    return counts
  }

  @Test func everythingThatIsDeclaredIsUsed() {
    let sources = tree.sources().filter { $0.fileExtension == "swift" }
    // What people call from their own programs is shown to them by an example.
    let users = tree.files(under: "examples").filter { $0.fileExtension == "swift" }
    let used = words(in: sources + users)
    let tested = words(in: tree.files(under: "Tests").filter { $0.fileExtension == "swift" })
    var count = 0
    var offences: [String] = []
    for file in sources {
      for (line, name) in declarations(in: file) where !Self.calledFromOutside.contains(name) {
        count += 1
        let isPublic = file.lines[line - 1].contains("public ")
        // A library's user may be a test alone; inside of it nothing is declared for tests.
        let uses = used[name, default: 0] + (isPublic ? tested[name, default: 0] : 0)
        if uses < 2 { offences.append("\(file.path):\(line): \(name)") }
      }
    }
    #expect(count > 1000, "the search finds no declarations any more")
    #expect(offences == [])
  }

  // MARK: Rooms

  /// A task is one folder, and nothing outside of the papers' library knows its name.
  @Test func noTaskIsKnownOutsideOfItsLibrary() {
    let strangers = tree.files(under: "Sources").filter {
      !$0.path.hasPrefix("Sources/RelationNetworks/")
    }
    #expect(strangers.count > 100)
    let offences = strangers.flatMap { file in
      file.offences { $0.contains("SortOfCLEVR") || $0.lowercased().contains("relational") }
    }
    #expect(offences == [])
  }
}
