// How many threads, from the command line.

import ArgumentParser

/// A number of threads that a machine can have.
struct ThreadCount: ExpressibleByArgument {
  let count: Int

  init(_ count: Int) { self.count = count }

  init?(argument: String) {
    guard let count = Int(argument), (1...1024).contains(count) else { return nil }
    self.count = count
  }

  var defaultValueDescription: String { String(count) }
}
