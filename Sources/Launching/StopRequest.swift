// Ctrl-C and SIGTERM, and the end of the process that started this one.

import Dispatch
import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Whether somebody asked this process to stop. The first request is noted, a second one ends the
/// process at once.
///
/// `@unchecked Sendable`: the signal sources are only kept alive here.
final class StopRequest: @unchecked Sendable {
  private final class Flag: Sendable {
    private let value = Mutex(false)
    var isRaised: Bool { value.withLock { $0 } }
    func raise() { value.withLock { $0 = true } }
  }

  private let flag = Flag()
  private let sources: [any DispatchSourceSignal]

  /// Listens for SIGTERM and for Ctrl-C.
  ///
  /// - Parameter endsWithParent: for a process that `relate train` started. Ctrl-C is then left to
  ///   that process, which passes the request on; and the end of standard input, which only that
  ///   process holds open, counts as a request too: it comes however that process ends.
  init(endsWithParent: Bool) {
    let flag = flag
    sources = [SIGTERM, SIGINT].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        if endsWithParent && number == SIGINT { return }
        if flag.isRaised { exit(ExitStatus.interrupted) }
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
  /// Something failed; a sentence on standard error says what.
  static let failed: Int32 = 1
  /// The run was stopped before its end and can be resumed.
  static let interrupted: Int32 = 130
}

/// Ends a command with a sentence on standard error.
func fail(_ reason: some CustomStringConvertible) -> Never {
  fflush(nil)
  FileHandle.standardError.write(Data("Error: \(reason)\n".utf8))
  exit(ExitStatus.failed)
}
