// A place for the files of one test.

import Foundation

/// Runs `body` with a path that does not exist yet, and removes what is there afterwards.
func withDirectory(_ body: (URL) throws -> Void) throws {
  let directory = FileManager.default.temporaryDirectory
    .appendingPathComponent("relate-\(UUID().uuidString)", isDirectory: true)
  defer { try? FileManager.default.removeItem(at: directory) }
  try body(directory)
}
