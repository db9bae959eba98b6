// Ctrl-C and SIGTERM, and the end of the process that started this one.

import Dispatch
import Foundation
import Glibc
import Synchronization
import Training

/// Whether somebody asked this process to stop.
///
/// The first request is noted; one that comes more than a second later ends the process at once.
/// (Within the second it is the same request: a signal to a whole group of processes can arrive
/// twice.)
///
/// `@unchecked Sendable`: the signal sources are only kept alive here.
final class StopRequest: @unchecked Sendable {
  private final class Flag: Sendable {
    private let raisedAt = Mutex<ContinuousClock.Instant?>(nil)
    var isRaised: Bool { raisedAt.withLock { $0 != nil } }
    func raise() { raisedAt.withLock { $0 = $0 ?? .now } }
    var wasRaisedLongAgo: Bool {
      raisedAt.withLock { $0.map { $0.duration(to: .now) > .seconds(1) } ?? false }
    }
  }

  private let flag = Flag()
  private let sources: [any DispatchSourceSignal]

  /// Listens for SIGTERM, Ctrl-C and, unless `nohup` said otherwise, the end of the terminal.
  ///
  /// - Parameters:
  ///   - endsWithParent: for a process that `relate train` started. Ctrl-C is then left to that
  ///     process, which passes the request on; and the end of standard input, which only that
  ///     process holds open, counts as a request too: it comes however that process ends.
  ///   - answer: answers the first signal, so that nobody believes it was not heard.
  init(endsWithParent: Bool, answer: (@Sendable () -> Void)? = nil) {
    let flag = flag
    // Who reads the output may end before the run does.
    signal(SIGPIPE, SIG_IGN)
    sources = [SIGTERM, SIGINT, SIGHUP].compactMap { number in
      let before = unsafeBitCast(signal(number, SIG_IGN), to: Int.self)
      if number == SIGHUP && before == unsafeBitCast(SIG_IGN, to: Int.self) { return nil }
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        if endsWithParent && number == SIGINT { return }
        if flag.wasRaisedLongAgo { _exit(ExitStatus.interrupted) }
        if let answer, !flag.isRaised { answer() }
        flag.raise()
      }
      source.resume()
      return source
    }
    guard endsWithParent else { return }
    let thread = Thread {
      var byte: UInt8 = 0
      while true {
        let count = read(STDIN_FILENO, &byte, 1)
        if count == 0 || count < 0 && errno != EINTR { break }
      }
      flag.raise()
    }
    thread.stackSize = 256 << 10
    thread.start()
  }

  /// Whether a stop was asked for.
  var isRequested: Bool { flag.isRaised }

  /// The answer of a program that finishes a step before it stops.
  static func finishesStep(_ log: Log) -> @Sendable () -> Void {
    let answer =
      "Stopping after this step, with a checkpoint. Once more: stop at once, without one."
    return {
      // Below the live line, in which a terminal may show Ctrl-C as well.
      let line = log.format == .text ? "\n" + answer : answer
      log.say(LogEntry(.info, line), on: .errors)
    }
  }
}

/// Ctrl-Z: this process stops with its children, and goes on with them.
final class Suspension {
  private final class Flag: Sendable { let isRaised = Mutex(false) }

  private let flag = Flag()
  private let source: any DispatchSourceSignal

  /// Listens for SIGTSTP.
  init() {
    let flag = flag
    signal(SIGTSTP, SIG_IGN)
    source = DispatchSource.makeSignalSource(signal: SIGTSTP, queue: .global())
    source.setEventHandler { flag.isRaised.withLock { $0 = true } }
    source.resume()
  }

  /// Stops the children and this process if that was asked for, and returns when somebody lets this
  /// process go on.
  func passOn(to children: [Child]) {
    let wasRequested = flag.isRaised.withLock { wanted in
      defer { wanted = false }
      return wanted
    }
    guard wasRequested else { return }
    for child in children { child.send(SIGSTOP) }
    kill(getpid(), SIGSTOP)
    for child in children { child.send(SIGCONT) }
  }
}
