// Files are read whole or not at all, and what goes wrong is said in words.

import Files
import Foundation
import Testing

@Suite struct ReadingTests {
  private let path = NSTemporaryDirectory() + "files-tests-" + UUID().uuidString

  private func withFile(_ content: Data, _ body: () throws -> Void) throws {
    try content.write(to: URL(fileURLWithPath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body()
  }

  @Test(arguments: [0, 1, 5000, 1 << 17])
  func filesAreReadUpToALimit(count: Int) throws {
    let content = Data((0..<count).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8) })
    try withFile(content) {
      #expect(try readFile(path, limit: count) == content)
      #expect(try readFile(path, limit: 1 << 20) == content)
      if count > 0 {
        let error = try #require(throws: FileError.self) { try readFile(path, limit: count - 1) }
        #expect(error.description.contains("\(path): it is larger than \(count - 1) bytes"))
      }
      let mapped = try MappedFile(path)
      #expect(mapped.byteCount == count && mapped.path == path)
      #expect(mapped.withBytes { Data($0) } == content)
    }
  }

  /// Files of the kernel, which have no size, and one that never ends.
  @Test func filesWithoutASizeAreRead() throws {
    #expect(try readFile("/proc/self/status", limit: 1 << 20).count > 100)
    #expect(throws: FileError.self) { try readFile("/proc/self/status", limit: 10) }
    #expect(throws: FileError.self) { try readFile("/dev/zero", limit: 100_000) }
    #expect(try readFile("/dev/null", limit: 0) == Data())
  }

  @Test func aMappedFileStaysWhatItWas() throws {
    try withFile(Data("old".utf8)) {
      let mapped = try MappedFile(path)
      try AtomicFile.write(Data("newer".utf8), to: path)
      #expect(mapped.withBytes { Data($0) } == Data("old".utf8))
    }
  }

  @Test(arguments: [
    ("/no/such/file", "No such file or directory"), ("/tmp", "Is a directory"),
    ("/dev/null/x", "Not a directory"),
  ])
  func whatCannotBeReadIsNamed(path: String, reason: String) throws {
    for read in [{ _ = try readFile(path, limit: 10) }, { _ = try MappedFile(path) }] {
      let error = try #require(throws: FileError.self, performing: read)
      #expect(error.description.contains(path) && error.description.contains(reason), "\(error)")
    }
  }

  @Test func directoriesAreMade() throws {
    let nested = path + "/a/b"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try makeDirectory(nested)
    try makeDirectory(nested)
    try Data().write(to: URL(fileURLWithPath: nested + "/file"))
    let error = try #require(throws: FileError.self) { try makeDirectory(nested + "/file/c") }
    #expect(error.description.contains("Cannot create the directory \(nested)/file/c: "))
    #expect(error.description.hasSuffix("Not a directory."), "\(error)")
    let other = try #require(throws: FileError.self) { try makeDirectory("/proc/relate/x") }
    #expect(other.description.hasSuffix("No such file or directory."), "\(other)")
  }
}

@Suite struct ReadableReasonTests {
  private func reason(_ body: () throws -> Void) throws -> String {
    let error = try #require(throws: (any Error).self, performing: body)
    return readableReason(error)
  }

  @Test func errorsOfFoundationBecomeWords() throws {
    let manager = FileManager.default
    let directory = NSTemporaryDirectory() + "files-tests-" + UUID().uuidString
    try manager.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? manager.removeItem(atPath: directory) }
    let file = URL(fileURLWithPath: directory + "/file")
    try Data([0xFF]).write(to: file)
    let missing = URL(fileURLWithPath: directory + "/no/file")
    let none = "No such file or directory"
    #expect(try reason { _ = try Data(contentsOf: missing) } == none)
    #expect(try reason { try Data().write(to: missing) } == none)
    #expect(try reason { try Data().write(to: missing, options: .atomic) } == none)
    #expect(try reason { try manager.removeItem(at: missing) } == none)
    #expect(try reason { _ = try manager.contentsOfDirectory(atPath: missing.path) } == none)
    #expect(
      try reason { _ = try Data(contentsOf: URL(fileURLWithPath: directory)) } == "Is a directory")
    #expect(
      try reason { try Data().write(to: URL(fileURLWithPath: directory)) } == "Is a directory")
    #expect(
      try reason { try Data([1]).write(to: URL(fileURLWithPath: "/dev/full")) }
        == "No space left on device")
    #expect(
      try reason { _ = try String(contentsOf: file, encoding: .utf8) }
        == "it is not in the expected format")
    #expect(
      try reason { try manager.createDirectory(at: file, withIntermediateDirectories: false) }
        == "File exists")
    for name in ["/proc/x", "/proc/x/y"] {
      for isDeep in [true, false] {
        let text = try reason {
          try manager.createDirectory(atPath: name, withIntermediateDirectories: isDeep)
        }
        #expect(!text.contains("NSCocoa") && !text.contains("error "), "\(text)")
      }
    }
  }

  @Test func noCodeOfFoundationIsShownAsANumber() {
    for code in [4, 256, 257, 258, 259, 260, 261, 262, 263, 264, 512, 513, 514, 516, 517, 640, 642]
    {
      let text = readableReason(CocoaError(CocoaError.Code(rawValue: code)))
      #expect(!text.contains("NSCocoaErrorDomain"), "\(code): \(text)")
    }
  }

  @Test func errorsOfTheSystemBecomeWords() {
    #expect(readableReason(POSIXError(.EACCES)) == "Permission denied")
    #expect(readableReason(POSIXError(.EROFS)) == "Read-only file system")
    #expect(readableReason(CocoaError(.fileWriteNoPermission)) == "Permission denied")
    #expect(readableReason(CocoaError(.fileWriteOutOfSpace)) == "No space left on device")
    let wrapped = NSError(
      domain: NSCocoaErrorDomain, code: 512,
      userInfo: [NSUnderlyingErrorKey: NSError(domain: NSPOSIXErrorDomain, code: 28)])
    #expect(readableReason(wrapped) == "No space left on device")
    let error = FileError("write", "x", because: wrapped)
    #expect(error.isOutOfSpace)
    #expect(
      error.description
        == "Cannot write x: No space left on device. Free some space, then try again.")
    #expect(!FileError("It is gone.").isOutOfSpace)
  }

  @Test func otherErrorsSayWhatTheySay() {
    struct Odd: Error, CustomStringConvertible { let description = "It is odd." }
    #expect(readableReason(Odd()) == "It is odd")
    #expect(readableReason(FileError("It is gone.")) == "It is gone")
  }

  private struct Record: Decodable {
    var images: [Image]
    struct Image: Decodable { var name: String }
  }

  @Test(arguments: [
    (#"{}"#, #""images" is missing"#), (#"{"images":[{}]}"#, #""images[0].name" is missing"#),
    (#"{"images":[{"name":"a"},{"name":7}]}"#, #""images[1].name": "#),
    (#"{"images":null}"#, #""images": "#), ("[]", "Expected"), ("{", "JSON"), ("", "JSON"),
  ])
  func errorsOfDecodingNameTheKey(json: String, sentence: String) throws {
    let text = try reason { _ = try JSONDecoder().decode(Record.self, from: Data(json.utf8)) }
    #expect(text.contains(sentence) && !text.isEmpty && !text.hasSuffix("."), "\(text)")
    #expect(!text.contains("DecodingError") && !text.contains("NSCocoa"), "\(text)")
  }
}
