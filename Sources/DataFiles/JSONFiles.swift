// Files of JSON, and of a piece of JSON a line.

import Files
import Foundation

/// Reads a file of JSON of at most `limit` bytes.
///
/// Throws, naming the file and the key, if it is not there, is larger, or is not what `type` wants.
public func readJSON<Value: Decodable>(
  _ type: Value.Type, from path: String, limit: Int = 1 << 28
) throws(FileError) -> Value {
  let data = try readFile(path, limit: limit)
  guard !data.isEmpty else { throw FileError(in: path, "the file is empty") }
  do { return try JSONDecoder().decode(type, from: data) } catch {
    throw FileError(in: path, "it is damaged or of another kind: \(readableReason(error))")
  }
}

/// Reads a file with a piece of JSON a line, of at most `limit` bytes.
///
/// Throws, naming the file, the line and the key, if it is not there, is larger, or has a line that
/// is not what `type` wants. The last line may lack its end.
public func readJSONLines<Line: Decodable>(
  _ type: Line.Type, from path: String, limit: Int = 1 << 28
) throws(FileError) -> [Line] {
  let data = try readFile(path, limit: limit)
  var lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
  if lines.last?.isEmpty == true { lines.removeLast() }
  let decoder = JSONDecoder()
  var values: [Line] = []
  for (index, line) in lines.enumerated() {
    do { values.append(try decoder.decode(type, from: line)) } catch {
      throw FileError(
        in: path, "line \(index + 1) is damaged or of another kind: \(readableReason(error))")
    }
  }
  return values
}
