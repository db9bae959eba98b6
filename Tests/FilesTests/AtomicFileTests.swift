// Files that are written whole or not at all.

import Files
import Foundation
import Testing

@Suite struct AtomicFileTests {
  private func withDirectory(_ body: (String) throws -> Void) throws {
    let path = NSTemporaryDirectory() + "files-tests-" + UUID().uuidString
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

  /// A device or a link that somebody named by accident stays what it is.
  @Test func onlyPlainFilesAreReplaced() throws {
    try withDirectory { directory in
      let link = directory + "/link"
      try AtomicFile.write(Data("old".utf8), to: directory + "/file")
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "file")
      #expect(throws: FileError.self) { try AtomicFile.write(Data("new".utf8), to: link) }
      #expect(FileManager.default.contents(atPath: directory + "/file") == Data("old".utf8))
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: directory).sorted() == ["file", "link"])
    }
  }

  @Test func aDirectoryHasOneWriterAtATime() throws {
    try withDirectory { directory in
      let lock = try DirectoryLock(directory)
      #expect(throws: FileError(in: directory, "another process is writing there")) {
        try DirectoryLock(directory)
      }
      lock.release()
      try DirectoryLock(directory).release()
    }
  }

  @Test func aFileThatIsNotCommittedLeavesNothing() throws {
    try withDirectory { directory in
      let path = directory + "/file"
      try AtomicFile.write(Data("old".utf8), to: path)
      do {
        var file = try AtomicFile(replacing: path)
        Data("ne".utf8).withUnsafeBytes { file.append($0) }
        #expect(FileManager.default.contents(atPath: path + ".partial") == Data("ne".utf8))
      }
      #expect(FileManager.default.contents(atPath: path) == Data("old".utf8))
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["file"])
    }
  }

  /// The partial file is a link to a device that is always full.
  @Test func aFailureLeavesTheOldContentAndNothingElse() throws {
    try withDirectory { directory in
      let path = directory + "/file"
      try AtomicFile.write(Data("old".utf8), to: path)
      try FileManager.default.createSymbolicLink(
        atPath: path + ".partial", withDestinationPath: "/dev/full")
      #expect {
        try AtomicFile.write(Data("new".utf8), to: path)
      } throws: { error in
        "\(error)"
          == "Cannot write \(path).partial: No space left on device. Free some space, then try again."
      }
      #expect(FileManager.default.contents(atPath: path) == Data("old".utf8))
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["file"])
    }
  }

  @Test func aFileThatCannotTakeItsNameIsRemoved() throws {
    try withDirectory { directory in
      let path = directory + "/file"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
      #expect {
        try AtomicFile.write(Data("new".utf8), to: path)
      } throws: { error in
        "\(error)" == "Cannot rename \(path).partial: Is a directory."
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["file"])
    }
  }

  /// A link to itself cannot be opened.
  @Test func whatItDidNotMakeItDoesNotRemove() throws {
    try withDirectory { directory in
      let path = directory + "/file"
      try FileManager.default.createSymbolicLink(
        atPath: path + ".partial", withDestinationPath: path + ".partial")
      #expect {
        try AtomicFile.write(Data("new".utf8), to: path)
      } throws: { error in
        "\(error)" == "Cannot create \(path).partial: Too many levels of symbolic links."
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["file.partial"])
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
}
