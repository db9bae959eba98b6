// How a program ends: with a code, and with one sentence if something is wrong.

import ArgumentParser
import Foundation
import Glibc
import Learning

/// The exit codes of the executables, beside 0 for success.
enum ExitStatus {
  /// Something was asked for that is not there to be asked for, as the argument parser ends, too.
  static let wrongUsage: Int32 = 64
  /// Two runs could not be compared.
  static let trouble: Int32 = 2
  /// Something failed; a sentence on standard error says what.
  static let failed: Int32 = 1
  /// A worker did its part, but the run it worked for has failed; the server says why.
  static let runFailed: Int32 = 3
  /// The run was stopped before its end and can be resumed.
  static let interrupted: Int32 = 130
}

/// Runs a command's work, and ends the process with its exit code, or with one sentence on standard
/// error and a code that is not zero.
///
/// What was asked for wrongly ends with the code of wrong usage, and without the usage itself: this
/// process may have been started by another program, whose usage is another one.
func reportingErrors(
  failingWith failure: Int32 = ExitStatus.failed, to log: Log = Log(), _ work: () throws -> Int32
) throws {
  // A file that may not grow is an error of its writing, which has a sentence, and no end.
  signal(SIGXFSZ, SIG_IGN)
  var code = failure
  do { code = try work() } catch let error as ValidationError {
    code = report(error.message, ExitStatus.wrongUsage, to: log)
  } catch let error as CatalogueError {
    code = report(error.description, ExitStatus.wrongUsage, to: log)
  } catch {
    code = report("\(error)", failure, to: log)
  }
  // Who reads the output may end when it has enough; a full disk is another matter.
  if fflush(nil) != 0, errno != EPIPE {
    log.fail("Cannot write the output: \(String(cString: strerror(errno))).")
    code = code == 0 ? failure : code
  }
  // Not `exit`: a thread may still be computing, and must not meet libraries that are taken down.
  _exit(code)
}

private func report(_ sentence: String, _ code: Int32, to log: Log) -> Int32 {
  fflush(nil)
  log.fail(sentence)
  return code
}

/// Writes a line to standard error as far as it can be written: the disk below it may be full,
/// which is no reason to end a run.
func sayOnStandardError(_ line: String) { writeToStandardError(line + "\n") }

/// Writes text to standard error as far as it can be written.
func writeToStandardError(_ text: String) {
  var text = text
  text.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
