// Ctrl-C and SIGTERM, and the end of the process that started this one.

import Dispatch
import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Whether somebody asked this process to stop. The first request is noted, a second one ends the
/// process at once.
final class StopRequest: Sendable {
  private let requested = Mutex(false)
  private let sources = Mutex<[any DispatchSourceSignal]>([])

  /// Listens for SIGTERM and, unless the process was started by `relate train`, which passes a
  /// request on itself, for Ctrl-C.
  ///
  /// - Parameter endsWithParent: whether the end of standard input, which only the process that
  ///   started this one holds open, counts as a request too. It ends with that process, however
  ///   that ends.
  init(endsWithParent: Bool) {
    watch(SIGTERM)
    if endsWithParent {
      signal(SIGINT, SIG_IGN)
      let thread = Thread { [self] in
        var byte: UInt8 = 0
        while read(STDIN_FILENO, &byte, 1) != 0 {
          if errno == EBADF { break }
        }
        request()
      }
      thread.stackSize = 64 << 10
      thread.start()
    } else {
      watch(SIGINT)
    }
  }

  /// Whether a stop was asked for.
  var isRequested: Bool { requested.withLock { $0 } }

  private func watch(_ number: Int32) {
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
    source.setEventHandler { [weak self] in
      guard let self else { return }
      if self.isRequested { exit(ExitStatus.interrupted) }
      self.request()
    }
    source.resume()
    sources.withLock { $0.append(source) }
  }

  private func request() { requested.withLock { $0 = true } }
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
