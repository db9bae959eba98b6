// A live line on standard error for work that takes more than a few seconds.

import Foundation
import Training

#if canImport(Glibc)
  import Glibc
#endif

/// Counts towards a total on standard error, with the time left; silent without a terminal, so that
/// what is printed can be piped on.
final class ProgressLine {
  private let title: String
  private let start = ContinuousClock.now
  private var lastShown: ContinuousClock.Instant?
  private let isTerminal = isatty(STDERR_FILENO) == 1

  /// A line with a title, not shown yet.
  init(_ title: String) { self.title = title }

  /// Shows how much is done.
  func show(_ done: Int, of total: Int) {
    let now = ContinuousClock.now
    guard isTerminal, lastShown.map({ $0.duration(to: now) > .milliseconds(200) }) ?? true else {
      return
    }
    lastShown = now
    let left = start.duration(to: now).seconds / Double(max(1, done)) * Double(total - done)
    writeToStandardError("\r\(title) \(done)/\(total), \(readableDuration(left)) left      ")
  }

  /// Clears the line.
  func end() {
    if lastShown != nil {
      writeToStandardError("\r" + String(repeating: " ", count: 72) + "\r")
    }
  }
}
