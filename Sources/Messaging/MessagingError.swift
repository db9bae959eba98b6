// What can go wrong on the way to or from the wire, in a sentence a person can act on.

import CZeroMQ
import Glibc

/// A failure of the operating system or of ZeroMQ, with what was tried and where.
///
/// Peers that are away or slow are not errors: sending reports them as a `SendOutcome`.
public struct MessagingError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What kind of failure it was, for code that must tell them apart.
  public enum Code: Hashable, Sendable {
    /// The text is not an endpoint.
    case malformedEndpoint
    /// Somebody listens there already.
    case addressInUse
    /// The address is not one of this machine's.
    case addressUnavailable
    /// The user may not listen there: a port below 1024, or a directory without write permission.
    case permissionDenied
    /// Anything else, as the `errno` of the call.
    case system(Int32)
  }

  /// The kind of failure.
  public let code: Code
  /// What was being done, such as `listen` or `receive`.
  public let operation: String
  /// The endpoint concerned, as text because it may be the malformed one.
  public let endpoint: String?
  /// Why it failed and what to do about it.
  public let reason: String

  /// One sentence that names the operation, the endpoint and the remedy.
  public var description: String {
    guard let endpoint else { return "cannot \(operation): \(reason)" }
    return "cannot \(operation) \(endpoint): \(reason)"
  }

  init(_ code: Code, _ operation: String, endpoint: String? = nil, reason: String) {
    self.code = code
    self.operation = operation
    self.endpoint = endpoint
    self.reason = reason
  }

  /// The error that the last failed call of this thread left in `errno`.
  init(lastErrorOf operation: String, endpoint: Endpoint? = nil) {
    let number = zmq_errno()
    let (code, reason) = Self.explain(number)
    self.init(code, operation, endpoint: endpoint?.description, reason: reason)
  }

  private static func explain(_ number: Int32) -> (Code, String) {
    switch number {
    case EADDRINUSE:
      (
        .addressInUse,
        "another program, perhaps an earlier server, is listening there; "
          + "stop it or choose another address (port 0 takes any free port)"
      )
    case EADDRNOTAVAIL, ENODEV:
      (
        .addressUnavailable,
        "this machine has no such address; give one of its IP addresses, or * for all of them"
      )
    case EACCES, EPERM:
      (
        .permissionDenied,
        "permission denied; choose a port from 1024 upwards or a directory you may write to"
      )
    case EMFILE, ENFILE:
      (.system(number), "too many files are open; raise the limit with 'ulimit -n'")
    default:
      (.system(number), String(cString: zmq_strerror(number)))
    }
  }
}
