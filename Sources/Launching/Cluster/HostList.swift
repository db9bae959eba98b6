// The hosts of a run, from a file with a line for each.

import Files
import Foundation

/// One host, as a line of the file says.
struct HostLine: Equatable, Sendable {
  /// What ssh is told: `host` or `user@host`.
  var destination: String
  /// The port of its ssh; `nil` for the usual one, or what ssh's own configuration says.
  var port: UInt16?
  /// The number of workers; `nil` for one on each core.
  var workers: Int?
  /// The threads of each worker.
  var threads = 1
  /// Where the data are on that host; `nil` for the same place as here.
  var data: String?
  /// Where Relate is installed on that host; `nil` has the package brought there.
  var relate: String?

  /// The name of the host, for people.
  var name: String {
    destination.lastIndex(of: "@").map { String(destination[destination.index(after: $0)...]) }
      ?? destination
  }
}

/// The hosts of a file, each once.
struct HostList: Equatable, Sendable {
  let hosts: [HostLine]

  /// Reads a file.
  ///
  /// Throws a sentence that names the file and the line if it says anything that is not understood.
  init(path: String) throws(FileError) {
    try self.init(
      parsing: String(decoding: try readFile(path, limit: 1 << 20), as: UTF8.self), path: path)
  }

  init(parsing text: String, path: String) throws(FileError) {
    var hosts: [HostLine] = []
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (index, line) in lines.enumerated() {
      let said = line.prefix { $0 != "#" }
      let words = said.split(whereSeparator: \.isWhitespace).map(String.init)
      guard let first = words.first else { continue }
      let place = "\(path), line \(index + 1)"
      var host = HostLine(destination: try Self.destination(first, place))
      for word in words.dropFirst() { try Self.apply(word, to: &host, place) }
      guard !hosts.contains(where: { $0.name == host.name && $0.port == host.port }) else {
        throw FileError("\(place): \(host.name) is there already; say workers=N for more workers.")
      }
      hosts.append(host)
    }
    guard !hosts.isEmpty else {
      throw FileError(
        in: path, "there is no host in it. Write a line for each: user@host workers=4")
    }
    self.hosts = hosts
  }

  private static func destination(_ word: String, _ place: String) throws(FileError) -> String {
    // What begins with a dash would be an option of ssh.
    let isPlain =
      !word.hasPrefix("-") && !word.contains("=")
      && word.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"'\"`$\\;&|<>()".utf8.contains($0) }
    guard isPlain, !word.hasSuffix("@"), !word.hasPrefix("@") else {
      throw FileError("\(place): '\(word)' is no host. A line begins with host or user@host.")
    }
    return word
  }

  private static func apply(
    _ word: String, to host: inout HostLine, _ place: String
  ) throws(FileError) {
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let (name, value) = (String(parts[0]), parts.count == 2 ? String(parts[1]) : "")
    func number(_ range: ClosedRange<Int>) throws(FileError) -> Int {
      guard let number = Int(value), range.contains(number) else {
        throw FileError(
          "\(place): \(name)= takes a number from \(range.lowerBound) to \(range.upperBound), "
            + "not '\(value)'.")
      }
      return number
    }
    switch name {
    case "workers": host.workers = try number(1...1024)
    case "threads": host.threads = try number(1...1024)
    case "port": host.port = UInt16(try number(1...65_535))
    case "data" where !value.isEmpty: host.data = value
    case "relate" where !value.isEmpty: host.relate = value
    default:
      throw FileError(
        """
        \(place): '\(word)' is not understood. After the host come workers=N, threads=N, port=N, \
        data=DIR and relate=DIR.
        """)
    }
  }
}
