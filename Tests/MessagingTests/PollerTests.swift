// Waits end when they should: at a message, at a signal from another thread, at the deadline.

import Foundation
import Glibc
import Messaging
import Testing

@Suite(.timeLimit(.minutes(1))) struct PollerTests {
  @Test(arguments: [-50, 0, 1, 60]) func deadlineIsHonoured(milliseconds: Int) throws {
    let context = try Context()
    let socket = try Socket(.router, in: context, options: options())
    try socket.bind(to: freshEndpoint("inproc"))
    var poller = Poller()
    let source = poller.add(socket)
    let start = ContinuousClock.now
    let events = try poller.wait(until: start.advanced(by: .milliseconds(milliseconds)))
    let elapsed = ContinuousClock.now - start
    #expect(events.isEmpty && !events.canReceive(source))
    #expect(elapsed >= .milliseconds(milliseconds))
    #expect(elapsed < .milliseconds(max(milliseconds, 0)) + .seconds(2))
  }

  @Test func tellsWhichSocketIsReady() throws {
    let context = try Context()
    let quiet = try Socket(.router, in: context, options: options())
    try quiet.bind(to: freshEndpoint("inproc"))
    let server = try Socket(.router, in: context, options: options())
    let endpoint = try server.bind(to: freshEndpoint("tcp"))
    let worker = try Socket(.dealer, in: context, options: options())
    var poller = Poller()
    let (first, second) = (poller.add(quiet), poller.add(server))
    let third = poller.add(worker, for: .send)
    #expect(try poller.wait(for: .milliseconds(10)).isEmpty)
    try worker.connect(to: endpoint)
    #expect(try poller.wait(for: patience).canSend(third))
    try worker.sendInTime([1])
    poller.setInterest([], for: third)
    let events = try poller.wait(for: patience)
    #expect(!events.canReceive(first) && events.canReceive(second) && !events.canSend(third))
  }

  @Test func aClosedSocketIsNeverReady() throws {
    let context = try Context()
    let server = try Socket(.router, in: context, options: options())
    let endpoint = try server.bind(to: freshEndpoint("inproc"))
    let worker = try Socket(.dealer, in: context, options: options())
    try worker.connect(to: endpoint)
    try worker.sendInTime([1])
    var poller = Poller()
    let source = poller.add(server)
    #expect(try poller.wait(for: patience).canReceive(source))
    server.close()
    #expect(try !poller.wait(for: .milliseconds(10)).canReceive(source))
  }

  @Test func anotherThreadWakesTheWait() throws {
    let wakeup = try Wakeup()
    var poller = Poller()
    let source = poller.add(wakeup)
    Thread.detachNewThread {
      usleep(50_000)
      wakeup.signal()
      wakeup.signal()
    }
    let start = ContinuousClock.now
    #expect(try poller.wait(for: patience).canReceive(source))
    #expect(ContinuousClock.now - start < .seconds(5))
    // Both signals are over once the thread has had time for the second.
    usleep(50_000)
    _ = try poller.wait(for: .zero)
    #expect(try poller.wait(for: .milliseconds(20)).isEmpty)
  }

  @Test func aSignalBeforeTheWaitIsNotLost() throws {
    let wakeup = try Wakeup()
    var poller = Poller()
    let source = poller.add(wakeup)
    for _ in 0..<3 { wakeup.signal() }
    #expect(try poller.wait(for: patience).canReceive(source))
    #expect(try poller.wait(for: .milliseconds(10)).isEmpty)
  }

  @Test func interruptingSignalsDoNotEndTheWait() throws {
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in }
    #expect(sigaction(SIGUSR1, &action, nil) == 0)
    let wakeup = try Wakeup()
    var poller = Poller()
    _ = poller.add(wakeup)
    let waiting = pthread_self()
    Thread.detachNewThread {
      for _ in 0..<5 {
        usleep(10_000)
        pthread_kill(waiting, SIGUSR1)
      }
    }
    let start = ContinuousClock.now
    #expect(try poller.wait(for: .milliseconds(150)).isEmpty)
    #expect(ContinuousClock.now - start >= .milliseconds(150))
  }
}
