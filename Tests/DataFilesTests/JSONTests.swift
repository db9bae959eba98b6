// Files of JSON: what is wrong is said with path, line and key.

import DataFiles
import Files
import Foundation
import Testing

@Suite struct JSONTests {
  private struct Record: Codable, Equatable {
    var name: String
    var sizes: [Int]
  }

  private func withFile(_ text: String, _ body: (String) throws -> Void) throws {
    try withDirectory { directory in
      try write(Data(text.utf8), directory + "/x.json")
      try body(directory + "/x.json")
    }
  }

  @Test func filesAreRead() throws {
    try withFile(#"{"name":"a","sizes":[1,2]}"#) { path in
      let record = try readJSON(Record.self, from: path)
      #expect(record == Record(name: "a", sizes: [1, 2]))
      let error = try sentence { _ = try readJSON(Record.self, from: path, limit: 5) }
      #expect(error.contains("larger than"))
    }
  }

  @Test(arguments: [
    ("", "the file is empty"), ("{", "damaged or of another kind: "),
    (#"{"name":"a"}"#, #""sizes" is missing"#),
    (#"{"name":"a","sizes":[1,"x"]}"#, #""sizes[1]": "#),
    (#"{"name":null,"sizes":[]}"#, #""name": "#),
    (#"{"name":"a","sizes":[99999999999999999999]}"#, "damaged"), ("\u{0}\u{1}", "damaged"),
  ])
  func everyFaultHasItsSentence(text: String, expected: String) throws {
    try withFile(text) { path in
      let error = try sentence { _ = try readJSON(Record.self, from: path) }
      #expect(error.hasPrefix("\(path): ") && error.contains(expected), "\(error)")
    }
  }

  @Test func deepNestingIsAnError() throws {
    try withFile(String(repeating: "[", count: 200_000)) { path in
      let error = try sentence { _ = try readJSON([Int].self, from: path) }
      #expect(error.contains("damaged"))
    }
  }

  @Test func linesAreRead() throws {
    let line = #"{"name":"a","sizes":[]}"#
    let record = Record(name: "a", sizes: [])
    for (text, count) in [("", 0), (line, 1), (line + "\n", 1), (line + "\n" + line + "\n", 2)] {
      try withFile(text) { path in
        let lines = try readJSONLines(Record.self, from: path)
        #expect(lines == [Record](repeating: record, count: count))
      }
    }
    for (text, expected) in [
      (line + "\n\n" + line, "line 2 is damaged"), (line + "\n{\"name\":\"a\"}\n", "line 2"),
      (line + "\n" + line.dropLast(), "line 2"),
    ] {
      try withFile(text) { path in
        let error = try sentence { _ = try readJSONLines(Record.self, from: path) }
        #expect(error.hasPrefix("\(path): ") && error.contains(expected), "\(error)")
      }
    }
  }

  @Test func aMissingFileIsNamed() throws {
    for read in [
      { _ = try readJSON(Record.self, from: "/no/x") },
      { _ = try readJSONLines(Record.self, from: "/no/x") },
    ] { #expect(try sentence(read) == "Cannot open /no/x: No such file or directory.") }
  }
}
