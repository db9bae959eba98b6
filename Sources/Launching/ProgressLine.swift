// A live line on standard error for work that takes more than a few seconds.

import Foundation
import Glibc
import Training

/// Counts towards a total on standard error, with the time left: one live line on a terminal.
///
/// Elsewhere a line every ten seconds, or none, so that what is printed can be piped on.
final class ProgressLine {
  private let title: String
  private let start = ContinuousClock.now
  private var lastShown: ContinuousClock.Instant?
  private let isTerminal = isatty(STDERR_FILENO) == 1

  private let everywhere: Bool

  /// A line with a title, not shown yet; `everywhere` also without a terminal.
  init(_ title: String, everywhere: Bool = false) {
    self.title = title
    self.everywhere = everywhere
  }

  /// Shows how much is done.
  func show(_ done: Int, of total: Int) {
    let now = ContinuousClock.now
    let pause: Duration = isTerminal ? .milliseconds(200) : .seconds(10)
    guard isTerminal || everywhere, (lastShown ?? start).duration(to: now) > pause else { return }
    lastShown = now
    let left = start.duration(to: now).seconds / Double(max(1, done)) * Double(total - done)
    let text = "\(title) \(done)/\(total), \(readableDuration(left)) left"
    writeToStandardError(isTerminal ? "\r\(text)      " : text + "\n")
  }

  /// Clears the line.
  func end() {
    guard isTerminal, lastShown != nil else { return }
    lastShown = nil
    writeToStandardError("\r" + String(repeating: " ", count: 72) + "\r")
  }
}
