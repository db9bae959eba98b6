// Ctrl-C and SIGTERM, and the end of the process that started this one.

import ArgumentParser
import Dispatch
import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

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
  /// - Parameter endsWithParent: for a process that `relate train` started. Ctrl-C is then left to
  ///   that process, which passes the request on; and the end of standard input, which only that
  ///   process holds open, counts as a request too: it comes however that process ends.
  init(endsWithParent: Bool) {
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
}

/// The exit codes of the executables, beside 0 for success and 64 for wrong usage.
enum ExitStatus {
  /// Two runs could not be compared.
  static let trouble: Int32 = 2
  /// Something failed; a sentence on standard error says what.
  static let failed: Int32 = 1
  /// The run was stopped before its end and can be resumed.
  static let interrupted: Int32 = 130
}

/// Runs a command's work, and ends the process with its exit code, or with one sentence on standard
/// error and a code that is not zero.
func reportingErrors(
  failingWith failure: Int32 = ExitStatus.failed, _ work: () throws -> Int32
) throws {
  var code = failure
  do { code = try work() } catch let error as ValidationError { throw error } catch {
    fflush(nil)
    FileHandle.standardError.write(Data("Error: \(error)\n".utf8))
  }
  // Not `exit`: a thread may still be computing, and must not meet libraries that are taken down.
  fflush(nil)
  _exit(code)
}
