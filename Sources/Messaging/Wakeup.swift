// Lets any thread wake the one that waits in a poller, without sharing a socket.

import CZeroMQ
import Glibc

/// A flag that any thread may raise and that ends the wait of the poller it was added to.
public final class Wakeup: Sendable {
  let descriptor: Int32

  /// A flag that is down.
  public init() throws(MessagingError) {
    descriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
    if descriptor < 0 { throw MessagingError(lastErrorOf: "make an event descriptor") }
  }

  deinit { Glibc.close(descriptor) }

  /// Raises the flag: the wait under way, or else the next one, ends at once.
  ///
  /// May be called from any thread at any time; signals before one wait count as one.
  public func signal() {
    // Any failure but an interruption means that the flag is up already.
    while eventfd_write(descriptor, 1) != 0, errno == EINTR {}
  }

  func reset() {
    var count: eventfd_t = 0
    while eventfd_read(descriptor, &count) != 0, errno == EINTR {}
  }
}
