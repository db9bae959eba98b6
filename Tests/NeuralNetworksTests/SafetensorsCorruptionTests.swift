// Files that nobody vouches for: each fault has its error, and nothing traps.

import Files
import Foundation
import NeuralNetworks
import Tensors
import Testing

/// A file with the given header, and `dataCount` bytes after it.
private func file(_ json: String, dataCount: Int, statedLength: UInt64? = nil) -> Data {
  let header = Data(json.utf8)
  var data = Data()
  withUnsafeBytes(of: (statedLength ?? UInt64(header.count)).littleEndian) {
    data.append(contentsOf: $0)
  }
  return data + header + Data(count: dataCount)
}

/// The header of one tensor `a`.
private func one(_ scalar: String, _ shape: String, _ offsets: String) -> String {
  #"{"a":{"dtype":"\#(scalar)","shape":\#(shape),"data_offsets":\#(offsets)}}"#
}

/// The header of two vectors of bytes, `a` and `b`.
private func two(_ a: Range<Int>, _ b: Range<Int>) -> String {
  func entry(_ range: Range<Int>) -> String {
    #"{"dtype":"U8","shape":[\#(range.count)],"data_offsets":[\#(range.lowerBound),\#(range.upperBound)]}"#
  }
  return "{\"a\":\(entry(a)),\"b\":\(entry(b))}"
}

private let good = #"{"dtype":"U8","shape":[0],"data_offsets":[0,0]}"#

@Suite struct SafetensorsCorruptionTests {
  @Test(arguments: [
    (Data(), "it has 0 bytes, too few"),
    (Data([1, 2, 3]), "it has 3 bytes, too few"),
    (file("{}", dataCount: 0, statedLength: 3), "its header has 3 bytes, but only 2 follow"),
    (file("{}", dataCount: 0, statedLength: .max), "it is no safetensors file"),
    (file("{}", dataCount: 0, statedLength: 100_000_001), "it is no safetensors file"),
    (file("", dataCount: 0), "byte 8: expected {"),
    (file("{}", dataCount: 1), "1 bytes follow the header, but its tensors take 0"),
    (file("{} x", dataCount: 0), "text follows the end"),
    (file("[]", dataCount: 0), "expected {"),
    (file("{", dataCount: 0), "expected \""),
    (file(#"{"a"}"#, dataCount: 0), "expected :"),
    (file(#"{"a":\#(good),}"#, dataCount: 0), "expected \""),
    (file(#"{"a":\#(good)"#, dataCount: 0), "expected }"),
    (file(#"{"a":\#(good),"a":\#(good)}"#, dataCount: 0), #"the name "a" occurs twice"#),
    (file(#"{"a":{"dtype":"U8","dtype":"U8"}}"#, dataCount: 0), #"has "dtype" twice"#),
    (file(#"{"a":{"dtype":"U8","shape":[0]}}"#, dataCount: 0), #"has no "data_offsets""#),
    (file(#"{"a":{"type":"U8"}}"#, dataCount: 0), #"unknown key "type""#),
    (file(#"{"a":{"dtype":8}}"#, dataCount: 0), "expected \""),
    (file(#"{"__metadata__":{"x":1}}"#, dataCount: 0), "expected \""),
    (file(#"{"__metadata__":{"x":"1","x":"2"}}"#, dataCount: 0), #"metadata "x" occurs twice"#),
    (file("{\"a", dataCount: 0), "a string does not end"),
    (file("{\"a\\", dataCount: 0), "a string does not end"),
    (file("{\"a\n\":1}", dataCount: 0), "control character"),
    (file(#"{"\x":1}"#, dataCount: 0), "unknown escape"),
    (file(#"{"\u12"#, dataCount: 0), "incomplete escape"),
    (file(#"{"\u+123":1}"#, dataCount: 0), "incomplete escape"),
    (file(#"{"\ud800":1}"#, dataCount: 0), "half a surrogate pair"),
    (file(#"{"\ud800\u0041":1}"#, dataCount: 0), "half a surrogate pair"),
    (file(one("F32", "[1.0]", "[0,4]"), dataCount: 4), "expected ]"),
    (file(one("F32", "[-1]", "[0,4]"), dataCount: 4), "expected a whole number"),
    (file(one("F32", "[01]", "[0,4]"), dataCount: 4), "expected a whole number"),
    (file(one("F32", "[9223372036854775808]", "[0,4]"), dataCount: 4), "expected a whole number"),
    (file(one("F32", "[4611686018427387904,4]", "[0,4]"), dataCount: 4), "is too large"),
    (file(one("F32", "[0,4611686018427387904,4]", "[0,0]"), dataCount: 0), "is too large"),
    (file(one("F8_E4M3", "[1]", "[0,1]"), dataCount: 1), #"dtype "F8_E4M3" is not supported"#),
    (file(one("F32", "[2]", "[0,4]"), dataCount: 4), "F32 [2] takes 8 bytes, but it has 4"),
    (file(one("F32", "[]", "[0,8]"), dataCount: 8), "F32 [] takes 4 bytes, but it has 8"),
    (file(one("F32", "[1]", "[4,0]"), dataCount: 4), "are not a range"),
    (file(one("F32", "[1]", "[0,2,4]"), dataCount: 4), "are not a range"),
    (file(one("F32", "[1]", "[]"), dataCount: 4), "are not a range"),
    (file(one("F32", "[2]", "[0,8]"), dataCount: 7), "after the 7 bytes"),
    (file(one("F32", "[1]", "[4,8]"), dataCount: 8), "4 bytes before it belong to no tensor"),
    (file(one("F32", "[1]", "[0,4]"), dataCount: 8), "8 bytes follow the header"),
    (file(two(0..<4, 3..<6), dataCount: 6), #"tensor "b": its bytes 3..<6 overlap"#),
    (file(two(0..<4, 5..<6), dataCount: 6), #"tensor "b": 1 bytes before it"#),
    (file(two(0..<4, 2..<2), dataCount: 4), #"tensor "b": its bytes 2..<2 overlap"#),
  ])
  func everyFaultHasItsError(data: Data, sentence: String) throws {
    let error = try #require(throws: SafetensorsError.self) {
      try Safetensors(decoding: data, file: "x.safetensors")
    }
    #expect(error.description.hasPrefix("x.safetensors: "))
    #expect(error.description.contains(sentence), "\(error)")
  }

  @Test func notUTF8() throws {
    var data = file("{\"a\":1}", dataCount: 0)
    data[10] = 0xFF
    let error = try #require(throws: SafetensorsError.self) {
      try Safetensors(decoding: data, file: "x")
    }
    #expect(error.description.contains("not UTF-8"))
  }

  @Test func escapesAndSpacesAreRead() throws {
    let json = " {\n\"\\ud83d\\ude00\\u00fC\\/\" : \(good) , \"b\":\(good)}\t  "
    let read = try Safetensors(decoding: file(json, dataCount: 0), file: "x")
    #expect(Set(read.entries.map(\.name)) == ["😀ü/", "b"])
  }

  @Test func slicesOfDataAreRead() throws {
    let whole = try Data(contentsOf: URL(fileURLWithPath: Golden.path("exact")))
    let slice = (Data([9, 9, 9]) + whole)[3...]
    let read = try Safetensors(decoding: slice, file: "x")
    #expect(try read.integers("step") == [123_456_789_012])
    #expect(try read.tensor("b.weight").scalars == [0, 0.25, 0.5, 0.75, 1, 1.25])
  }

  /// Reads whatever opens, too: what passes the checks must be in range.
  @Test func mutationsNeverTrap() throws {
    let whole = try Data(contentsOf: URL(fileURLWithPath: Golden.path("types")))
    var random = CounterRandom(seed: 1, purpose: .trial, index: 0)
    var rejected = 0
    for _ in 0..<6000 {
      var data = whole
      for _ in 0...random.integer(below: 3) {
        let position = Int(random.integer(below: UInt32(data.count)))
        switch random.integer(below: 5) {
        case 0: data[position] = UInt8(random.integer(below: 256))
        case 1: data[position] ^= 1 << UInt8(random.integer(below: 8))
        case 2: data.remove(at: position)
        case 3: data.insert(UInt8(ascii: "9"), at: position)
        default: data = data.prefix(max(position, 1))
        }
      }
      guard let read = try? Safetensors(decoding: data, file: "x") else {
        rejected += 1
        continue
      }
      for entry in read.entries {
        _ = try? read.tensor(entry.name)
        _ = try? read.integers(entry.name)
      }
    }
    #expect(rejected > 3000)
  }

  @Test func randomBytesNeverTrap() {
    var random = CounterRandom(seed: 2, purpose: .trial, index: 0)
    for _ in 0..<2000 {
      let length = random.integer(below: 60)
      let json = (0..<length).map { _ in
        "{}[]\",:\\u09aA \n".unicodeScalars.randomElement(using: &random)
      }
      let text = String(String.UnicodeScalarView(json.compactMap(\.self)))
      #expect(throws: SafetensorsError.self) {
        try Safetensors(decoding: file("{" + text, dataCount: 3), file: "x")
      }
    }
  }
}
