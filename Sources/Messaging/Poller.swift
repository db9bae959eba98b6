// Waits for several sockets and for other threads at once, and never longer than a deadline.

import CZeroMQ
import Glibc

/// The sockets and wakeups that one thread waits for.
public struct Poller {
  /// What to wait for on a socket.
  public struct Interest: OptionSet, Sendable {
    /// The bits of `zmq_poll`.
    public let rawValue: Int16

    /// The interest with these bits of `zmq_poll`.
    public init(rawValue: Int16) { self.rawValue = rawValue }

    /// A message waits to be received.
    public static let receive = Interest(rawValue: Int16(ZMQ_POLLIN))
    /// A message could be sent.
    ///
    /// On a router this means to at least one peer, not to a given one: after `.wouldBlock` wait
    /// for a while or for that peer's next message, or the loop spins.
    public static let send = Interest(rawValue: Int16(ZMQ_POLLOUT))
  }

  /// The name of a socket or wakeup within its poller.
  public struct Source: Hashable, Sendable {
    fileprivate let index: Int
  }

  /// What a wait found; empty when the deadline passed.
  public struct Events: Sendable {
    fileprivate var ready: [Interest]

    /// Whether nothing happened before the deadline.
    public var isEmpty: Bool { ready.allSatisfy(\.isEmpty) }

    /// Whether a message waits on the socket, or the wakeup was signalled.
    public func canReceive(_ source: Source) -> Bool { ready[source.index].contains(.receive) }

    /// Whether the socket takes messages.
    public func canSend(_ source: Source) -> Bool { ready[source.index].contains(.send) }
  }

  private enum Target {
    case socket(SocketHandle)
    case wakeup(Wakeup)
  }

  private var targets: [Target] = []
  private var items: [zmq_pollitem_t] = []

  /// A poller that waits for nothing yet.
  public init() {}

  /// Waits for `socket` from now on; once closed it is never ready again.
  public mutating func add(_ socket: borrowing Socket, for interest: Interest = .receive) -> Source
  {
    add(.socket(socket.handle), socket: socket.handle.pointer, descriptor: 0, interest)
  }

  /// Waits for `wakeup` from now on; a wait that reports it also resets it.
  public mutating func add(_ wakeup: Wakeup) -> Source {
    add(.wakeup(wakeup), socket: nil, descriptor: wakeup.descriptor, .receive)
  }

  /// Waits for an event of `monitor` from now on.
  public mutating func add(_ monitor: borrowing ConnectionMonitor) -> Source {
    add(monitor.events)
  }

  /// Changes what to wait for on a socket; an empty interest leaves it out.
  public mutating func setInterest(_ interest: Interest, for source: Source) {
    items[source.index].events = interest.rawValue
  }

  /// Waits until something happens or the deadline passes; a past deadline only looks.
  public mutating func wait(until deadline: ContinuousClock.Instant) throws(MessagingError)
    -> Events
  {
    leaveOutClosedSockets()
    while true {
      let remaining = ContinuousClock.now.duration(to: deadline).milliseconds
      let count = zmq_poll(&items, Int32(items.count), Int(remaining))
      if count < 0 {
        // A signal handler ran; whoever installed it may have asked this loop to stop by a wakeup.
        guard zmq_errno() == EINTR else { throw MessagingError(lastErrorOf: "wait for messages") }
      } else if count > 0 || ContinuousClock.now >= deadline {
        return collectEvents()
      }
    }
  }

  /// Waits until something happens, but no longer than `duration`.
  public mutating func wait(for duration: Duration) throws(MessagingError) -> Events {
    try wait(until: ContinuousClock.now.advanced(by: duration))
  }

  private mutating func add(
    _ target: Target, socket: UnsafeMutableRawPointer?, descriptor: Int32, _ interest: Interest
  ) -> Source {
    targets.append(target)
    items.append(
      zmq_pollitem_t(socket: socket, fd: descriptor, events: interest.rawValue, revents: 0))
    return Source(index: items.count - 1)
  }

  private mutating func leaveOutClosedSockets() {
    for (index, target) in targets.enumerated() {
      if case .socket(let handle) = target, handle.pointer == nil {
        // The system's poll passes over negative descriptors.
        items[index] = zmq_pollitem_t(socket: nil, fd: -1, events: 0, revents: 0)
      }
    }
  }

  private func collectEvents() -> Events {
    for (target, item) in zip(targets, items) {
      if case .wakeup(let wakeup) = target, item.revents != 0 { wakeup.reset() }
    }
    return Events(ready: items.map { Interest(rawValue: $0.revents) })
  }
}
