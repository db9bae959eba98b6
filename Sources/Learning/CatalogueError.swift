// What is wrong with a name or a number that a person gave.

/// Why there is no such task, model or preset, or why a configuration cannot be built.
public struct CatalogueError: Error, CustomStringConvertible, Hashable, Sendable {
  /// One sentence: what is wrong and what to do.
  public let description: String

  /// An error with the given sentence.
  public init(_ description: String) { self.description = description }

  /// There is no `kind` called `name`; the known ones are listed, the closest spelling first.
  public init(unknown name: String, kind: String, known: [String]) {
    let closest = known.enumerated().sorted {
      (Self.edits(from: name, to: $0.element), $0.offset)
        < (Self.edits(from: name, to: $1.element), $1.offset)
    }
    description =
      "there is no \(kind) called \"\(name)\"; known are "
      + closest.map(\.element).joined(separator: ", ")
  }

  /// How many characters have to be put in, taken out or replaced (Levenshtein), regardless of
  /// case.
  private static func edits(from a: String, to b: String) -> Int {
    let (a, b) = (Array(a.lowercased()), Array(b.lowercased()))
    var row = Array(0...b.count)
    for i in a.indices {
      var diagonal = row[0]
      row[0] = i + 1
      for j in b.indices {
        let replaced = diagonal + (a[i] == b[j] ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
      }
    }
    return row[b.count]
  }

  /// A task whose samples lie in a data set cannot do without it.
  public init(missing data: DataSetIdentity) {
    self.init("the data set \(data.name) is to be read: say where it is with --data DIR")
  }
}
