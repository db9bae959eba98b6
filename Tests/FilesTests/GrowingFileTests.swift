// Files that records are added to.

import Files
import Foundation
import Testing

@Suite struct GrowingFileTests {
  @Test func whatIsThereStays() throws {
    let path = NSTemporaryDirectory() + "files-tests-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: path) }
    for text in ["first\n", "second\n"] {
      let file = try GrowingFile(path)
      try file.append(Data(text.utf8))
      try file.flush()
    }
    #expect(FileManager.default.contents(atPath: path) == Data("first\nsecond\n".utf8))
  }

  @Test func aFullDiskIsSaidWithWhatToDo() throws {
    let file = try GrowingFile("/dev/full")
    #expect {
      try file.append(Data("text".utf8))
    } throws: { error in
      "\(error)"
        == "Cannot write /dev/full: No space left on device. Free some space, then try again."
    }
  }

  @Test func whatCannotBeFlushedIsSaid() throws {
    let file = try GrowingFile("/dev/full")
    #expect {
      try file.flush()
    } throws: { error in
      "\(error)" == "Cannot flush /dev/full: Invalid argument."
    }
  }

  @Test func aMissingDirectoryIsNamed() {
    #expect {
      _ = try GrowingFile("/no/such/directory/file")
    } throws: { error in
      "\(error)" == "Cannot open /no/such/directory/file: No such file or directory."
    }
  }
}
