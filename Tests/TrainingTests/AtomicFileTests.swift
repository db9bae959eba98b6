// Files that are written whole or not at all.

import Foundation
import Testing

@testable import Training

@Suite struct AtomicFileTests {
  private func withDirectory(_ body: (String) throws -> Void) throws {
    let path = NSTemporaryDirectory() + "training-tests-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(path)
  }

  @Test func writesAndReplaces() throws {
    try withDirectory { directory in
      let path = directory + "/file"
      for text in ["first", "", "second"] {
        try AtomicFile.write(Data(text.utf8), to: path)
        #expect(FileManager.default.contents(atPath: path) == Data(text.utf8))
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["file"])
    }
  }

  @Test func aFailureLeavesTheOldContentAndNothingElse() throws {
    try withDirectory { directory in
      let path = directory + "/file"
      try AtomicFile.write(Data("old".utf8), to: path)
      #expect(throws: RunFileError.self) {
        try AtomicFile.write(to: path) { descriptor throws(RunFileError) in
          try AtomicFile.writeAll(Data("ne".utf8), to: descriptor, path: path)
          throw RunFileError("The power went.")
        }
      }
      #expect(FileManager.default.contents(atPath: path) == Data("old".utf8))
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["file"])
    }
  }

  @Test func aMissingDirectoryIsNamed() {
    #expect {
      try AtomicFile.write(Data(), to: "/no/such/directory/file")
    } throws: { error in
      "\(error)"
        == "Cannot create /no/such/directory/file.partial: No such file or directory."
    }
  }

  @Test func aFullDiskIsSaidWithWhatToDo() throws {
    let descriptor = open("/dev/full", O_WRONLY)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    #expect {
      try AtomicFile.writeAll(Data("text".utf8), to: descriptor, path: "steps.jsonl")
    } throws: { error in
      "\(error)" == """
        Cannot write steps.jsonl: No space left on device. Free some space, then go on with \
        --resume.
        """
    }
  }
}
