// Tables: RFC 4180 and nothing else.

import DataFiles
import Files
import Foundation
import Testing

@Suite struct CSVTests {
  private func table(_ text: String) throws -> CSVTable {
    try CSVTable(decoding: Data(text.utf8), file: "x.csv")
  }

  private func rows(_ text: String) throws -> [[String]] {
    let table = try table(text)
    return [table.columns] + (0..<table.count).map { Array(table[$0]) }
  }

  @Test(arguments: [
    ("a,b\n1,2\n", [["a", "b"], ["1", "2"]]),
    ("a,b\r\n1,2\r\n3,4", [["a", "b"], ["1", "2"], ["3", "4"]]),
    ("a,b\n1,\n,\n", [["a", "b"], ["1", ""], ["", ""]]),
    ("a,b\n1,", [["a", "b"], ["1", ""]]),
    (",b\n\"\",2", [["", "b"], ["", "2"]]),
    ("a\n\"x,y\"\n\"p\nq\"\n\"r\r\ns\"\n", [["a"], ["x,y"], ["p\nq"], ["r\r\ns"]]),
    ("a,b\n\"he said \"\"no\"\"\",\"\"\"\"\n", [["a", "b"], ["he said \"no\"", "\""]]),
    ("a,b\n 1 ,\t2\n", [["a", "b"], [" 1 ", "\t2"]]),
    ("\u{FEFF}a,b\n1,2", [["a", "b"], ["1", "2"]]),
    ("a,b\n,\u{301}x\n", [["a", "b"], ["", "\u{301}x"]]),
    ("a\nx\u{2028}y\u{85}z\u{0B}\n", [["a"], ["x\u{2028}y\u{85}z\u{0B}"]]),
    ("a\n\n", [["a"], [""]]), ("\n", [[""]]), ("a", [["a"]]),
  ])
  func tablesAreRead(text: String, expected: [[String]]) throws {
    #expect(try rows(text) == expected)
  }

  @Test(arguments: [
    ("", "the file is empty"), ("\u{FEFF}", "the file is empty"),
    ("a,b\n1,2\n3\n", "line 3 has fewer fields than the 2 columns"),
    ("a,b\n1,2,3\n", "line 2 has more fields than the 2 columns"),
    ("a,b\n\"x\ny\",2\n\n", "line 4 has fewer fields"),
    ("a,b\n1,\"2\n3,4\n", "line 2: a quotation mark is never closed"),
    ("a,b\n1,\"2", "line 2: a quotation mark is never closed"),
    ("a\n\"\"\"", "line 2: a quotation mark is never closed"),
    ("a,b\n1,x\"y\"\n", "line 2: a quotation mark in a field"),
    ("a,b\n1,\"x\"y\n", "line 2: text follows a closing quotation mark"),
    ("a,b\n\"x\" ,y\n", "line 2: text follows a closing quotation mark"),
    ("a,b\r1,2\r", "line 1: a carriage return without a line feed"),
    ("a,b\n1,2\r", "line 2: a carriage return without a line feed"),
    ("a,b\n1,\0\n", "line 2: a field is not UTF-8 text"),
    ("a,b,a\n1,2,3\n", "two of its columns have the same name"),
  ])
  func everyFaultHasItsLine(text: String, expected: String) throws {
    let error = try sentence { _ = try table(text) }
    #expect(error.hasPrefix("x.csv: ") && error.contains(expected), "\(error)")
  }

  @Test func notUTF8() throws {
    for quote in [Data(), Data("\"".utf8)] {
      let data = Data("a\n".utf8) + quote + Data([0xC3, 0x28]) + quote
      #expect(
        try sentence { _ = try CSVTable(decoding: data, file: "x") }
          == "x: line 2: a field is not UTF-8 text.")
    }
  }

  @Test func columnsAreFoundByName() throws {
    let table = try table("id,name\n1,x\n2,y\n")
    #expect(try table.column("name") == ["x", "y"])
    #expect(table.count == 2)
    #expect(try sentence { _ = try table.column("Name") } == "x.csv: it has no column \"Name\".")
  }

  @Test func longLinesAndManyColumnsAreNoProblem() throws {
    let long = String(repeating: "x", count: 20_000_000)
    #expect(try table("a\n\"\(long)\"\n\(long)\n")[1].first?.utf8.count == 20_000_000)
    let commas = String(repeating: ",", count: 1_000_000)
    #expect(try sentence { _ = try table(commas) }.contains("more than 65536 columns"))
    try withDirectory { directory in
      try write(Data("a\n1\n".utf8), directory + "/x.csv")
      #expect(try CSVTable(contentsOf: directory + "/x.csv").columns == ["a"])
      let error = try sentence { _ = try CSVTable(contentsOf: directory + "/x.csv", limit: 3) }
      #expect(error.contains("larger than 3 bytes"))
    }
  }

  @Test func damageNeverTraps() throws {
    let whole = Data("\u{FEFF}a,b,c\r\n1,\"x\"\"y\",3\n\"p\r\nq\",é,\n".utf8)
    for count in 0..<whole.count { _ = try? CSVTable(decoding: whole.prefix(count), file: "x") }
    var numbers = RepeatableNumbers(2)
    for _ in 0..<20_000 {
      _ = try? CSVTable(decoding: whole.damaged(&numbers), file: "x")
    }
    let alphabet = Array("\"\",,\n\r\0a\u{FEFF}".utf8)
    for _ in 0..<20_000 {
      let length = numbers.next(below: 20)
      let bytes = (0..<length).map { _ in alphabet[numbers.next(below: alphabet.count)] }
      guard let table = try? CSVTable(decoding: Data(bytes), file: "x") else { continue }
      for row in 0..<table.count { #expect(table[row].count == table.columns.count) }
    }
  }
}
