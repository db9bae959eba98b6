// Messages between sockets over every transport, and the peers that misbehave.

import Foundation
import Glibc
import Messaging
import Testing

@Suite(.timeLimit(.minutes(1))) struct SocketTests {
  @Test(arguments: ["tcp", "ipc", "inproc"])
  func carriesBulkBothWays(transport: String) throws {
    let context = try Context()
    let server = try Socket(.router, in: context, options: options())
    let worker = try Socket(.dealer, in: context, options: options())
    let endpoint = try server.bind(to: freshEndpoint(transport))
    if case .tcp(_, let port) = endpoint.transport { #expect(port != 0) }
    try worker.connect(to: endpoint)

    let bulk = Bulk.pattern(1 << 20)
    try bulk.withUnsafeBytes { try worker.sendInTime([1, 2, 3], payload: .copied($0)) }
    let request = try server.nextMessage()
    #expect(request.frames.map(\.byteCount) == [3, 1 << 20])
    #expect(request.frames[0].bytes == [1, 2, 3])
    #expect(request.frames[1].bytes == bulk)

    let releases = Releases()
    do {
      let owner = Bulk(Array(bulk.reversed()), releases: releases)
      try server.sendInTime(
        [4], payload: .shared(owner.bytes, owner: owner), to: request.peer)
    }
    do {
      let answer = try worker.nextMessage()
      #expect(answer.peer == nil)
      #expect(answer.frames[0].bytes == [4])
      #expect(answer.frames[1].bytes == bulk.reversed())
    }
    #expect(releases.reach(1))
  }

  @Test func carriesEmptyFrames() throws {
    let context = try Context()
    let server = try Socket(.pair, in: context, options: options())
    let endpoint = try server.bind(to: freshEndpoint("inproc"))
    let worker = try Socket(.pair, in: context, options: options())
    try worker.connect(to: endpoint)
    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
    try worker.sendInTime([], payload: .copied(nothing))
    #expect(try server.nextMessage().frames.map(\.bytes) == [[], []])
    let releases = Releases()
    try worker.sendInTime(
      [], payload: .shared(nothing, owner: Bulk([], releases: releases)))
    #expect(try server.nextMessage().frames.map(\.bytes) == [[], []])
    #expect(releases.reach(1))
  }

  @Test func tenWorkersAreAnsweredInOrder() throws {
    let workerCount = 10
    let messageCount = 100
    let context = try Context()
    let server = try Socket(.router, in: context, options: options())
    let endpoint = try server.bind(to: freshEndpoint("tcp"))
    let failures = FailureList()
    for rank in 0..<workerCount {
      Thread.detachNewThread {
        do {
          let worker = try Socket(.dealer, in: context, options: options())
          try worker.connect(to: endpoint)
          for number in 0..<messageCount {
            try worker.sendInTime([UInt8(rank), UInt8(number)])
            let answer = try worker.nextMessage().frames[0].bytes
            if answer != [UInt8(number), UInt8(rank)] {
              failures.append("worker \(rank) got \(answer) in answer to \(number)")
            }
          }
        } catch {
          failures.append("worker \(rank): \(error)")
        }
        failures.finishOne()
      }
    }
    var expected = [UInt8](repeating: 0, count: workerCount)
    var peers: [PeerID: UInt8] = [:]
    for _ in 0..<workerCount * messageCount {
      let message = try server.nextMessage()
      let peer = try #require(message.peer)
      let bytes = message.frames[0].bytes
      #expect(peers[peer, default: bytes[0]] == bytes[0])
      peers[peer] = bytes[0]
      #expect(bytes[1] == expected[Int(bytes[0])])
      expected[Int(bytes[0])] += 1
      #expect(try server.send([bytes[1], bytes[0]], to: peer) == .sent)
    }
    #expect(peers.count == workerCount)
    #expect(failures.finished(workerCount) == [])
  }

  @Test func sendingToAStrangerOrADepartedPeerIsReported() throws {
    let context = try Context()
    let server = try Socket(.router, in: context, options: options())
    let other = try Socket(.router, in: context, options: options())
    let endpoint = try server.bind(to: freshEndpoint("tcp"))
    let worker = try Socket(.dealer, in: context, options: options())
    try worker.connect(to: endpoint)
    try worker.sendInTime([1])
    let peer = try #require(try server.nextMessage().peer)
    #expect(try other.send([2], to: peer) == .unreachable)
    #expect(try server.send([2], to: peer) == .sent)
    worker.close()
    let deadline = ContinuousClock.now.advanced(by: patience)
    var outcome = SendOutcome.sent
    while outcome != .unreachable, ContinuousClock.now < deadline {
      usleep(1000)
      outcome = try server.send([3], to: peer)
    }
    #expect(outcome == .unreachable)
  }

  @Test func fullQueuesAndMissingConnectionsBlockWithoutLoss() throws {
    let context = try Context()
    let small = options {
      $0.sendHighWaterMark = 2
      $0.receiveHighWaterMark = 2
      $0.kernelBufferByteCount = 1 << 14
    }
    let server = try Socket(.router, in: context, options: small)
    let worker = try Socket(.dealer, in: context, options: small)
    let endpoint = try server.bind(to: freshEndpoint("tcp"))
    #expect(try worker.send([0]) == .wouldBlock)
    try worker.connect(to: endpoint)
    try worker.sendInTime([0])
    let peer = try #require(try server.nextMessage().peer)

    let releases = Releases()
    let bulk = [UInt8](repeating: 7, count: 1 << 20)
    var sent = 0
    for number in 0..<64 {
      let owner = Bulk(bulk, releases: releases)
      let payload = Payload.shared(owner.bytes, owner: owner)
      guard try server.send([UInt8(number)], payload: payload, to: peer) == .sent else { break }
      sent += 1
    }
    #expect(sent >= 2 && sent < 64)
    for number in 0..<sent {
      let message = try worker.nextMessage()
      #expect(message.frames.map(\.byteCount) == [1, 1 << 20])
      #expect(message.frames[0].bytes == [UInt8(number)])
    }
    // The refused message let go of its owner as well.
    #expect(releases.reach(sent + 1))
  }

  @Test func closingWithMessagesQueuedLetsGoOfTheirOwners() throws {
    let releases = Releases()
    do {
      let context = try Context()
      let queueing = options { $0.sendsOnlyWhenConnected = false }
      let worker = try Socket(.dealer, in: context, options: queueing)
      try worker.connect(to: temporaryIPCEndpoint())
      for _ in 0..<3 {
        let owner = Bulk([1, 2, 3], releases: releases)
        #expect(try worker.send([1], payload: .shared(owner.bytes, owner: owner)) == .sent)
      }
      let start = ContinuousClock.now
      worker.close()
      #expect(ContinuousClock.now - start < .seconds(1))
    }
    #expect(releases.reach(3))
  }

  @Test func oversizeFramesAreDroppedAndTheServerLives() throws {
    let context = try Context()
    let server = try Socket(.router, in: context, options: options(frameByteCount: 1000))
    let endpoint = try server.bind(to: freshEndpoint("tcp"))
    let worker = try Socket(.dealer, in: context, options: options())
    try worker.connect(to: endpoint)
    try worker.sendInTime([UInt8](repeating: 1, count: 1000))
    #expect(try server.nextMessage().frames[0].byteCount == 1000)
    try worker.sendInTime([UInt8](repeating: 2, count: 1001))
    guard case .nothing = try server.next(within: .milliseconds(200)) else {
      throw Unexpected(description: "an oversize frame arrived")
    }
    let second = try Socket(.dealer, in: context, options: options())
    try second.connect(to: endpoint)
    try second.sendInTime([3])
    #expect(try server.nextMessage().frames[0].bytes == [3])
  }

  @Test func garbageFromATCPConnectionLeavesTheServerAlive() throws {
    let context = try Context()
    let server = try Socket(.router, in: context, options: options(frameByteCount: 1000))
    let endpoint = try server.bind(to: freshEndpoint("tcp"))
    let greeting: [UInt8] = [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 0]
    let hugeFrame =
      greeting + Array("NULL".utf8) + [UInt8](repeating: 0, count: 48)
      + [4, 41] + [5] + Array("READY".utf8) + [UInt8](repeating: 0xFF, count: 512)
    var state: UInt64 = 1
    let noise = (0..<100_000).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state >> 56)
    }
    for bytes in [[0], Array("GET / HTTP/1.1\r\n\r\n".utf8), greeting, hugeFrame, noise] {
      let descriptor = try rawConnection(to: endpoint, sending: bytes)
      #expect(try server.send([0], to: nobody(in: context)) == .unreachable)
      close(descriptor)
    }
    let worker = try Socket(.dealer, in: context, options: options())
    try worker.connect(to: endpoint)
    try worker.sendInTime([5, 5, 5, 5, 5])
    // Some of the garbage passes for messages; what matters is that the true one arrives too.
    var found = false
    for _ in 0..<10_000 where !found {
      let reception = try server.next()
      guard case .message(let message) = reception else {
        if case .nothing = reception { break }
        continue
      }
      found = message.frames.map(\.bytes) == [[5, 5, 5, 5, 5]]
    }
    #expect(found)
  }

  @Test func messagesWithTooManyFramesAreDiscardedWhole() throws {
    let context = try Context()
    // A message of two frames is one too many here.
    let server = try Socket(
      .router, in: context, options: options { $0.maximumFrameCount = 1 })
    let endpoint = try server.bind(to: freshEndpoint("inproc"))
    let worker = try Socket(.dealer, in: context, options: options())
    try worker.connect(to: endpoint)
    try [9].withUnsafeBytes { try worker.sendInTime([1], payload: .copied($0)) }
    try worker.sendInTime([2])
    guard case .discarded(let peer, frameCount: 2) = try server.next() else {
      throw Unexpected(description: "the long message was not discarded")
    }
    let message = try server.nextMessage()
    #expect(message.peer == peer)
    #expect(message.frames.map(\.bytes) == [[2]])
  }

  @Test(arguments: ["tcp", "ipc"])
  func anAddressInUseIsNamedWithWhatToDo(transport: String) throws {
    let context = try Context()
    let first = try Socket(.router, in: context, options: options())
    let second = try Socket(.router, in: context, options: options())
    let endpoint = try first.bind(to: freshEndpoint(transport))
    let error = #expect(throws: MessagingError.self) { try second.bind(to: endpoint) }
    #expect(error?.code == .addressInUse)
    #expect(error?.description.contains("cannot listen on \(endpoint)") == true)
    #expect(error?.description.contains("choose another address") == true)
    // The first still has it.
    let worker = try Socket(.dealer, in: context, options: options())
    try worker.connect(to: endpoint)
    try worker.sendInTime([1])
    #expect(try first.nextMessage().frames[0].bytes == [1])
  }

  @Test func onlyASocketLeftByADeadServerIsTakenOver() throws {
    let context = try Context()
    let server = try Socket(.router, in: context, options: options())
    let endpoint = try temporaryIPCEndpoint()
    guard case .ipc(let path) = endpoint.transport else { return }

    #expect(FileManager.default.createFile(atPath: path, contents: Data([1])))
    let error = #expect(throws: MessagingError.self) { try server.bind(to: endpoint) }
    #expect(error?.description.contains("not a socket") == true)
    #expect(FileManager.default.contents(atPath: path) == Data([1]))
    try FileManager.default.removeItem(atPath: path)

    try leaveSocketBehind(at: path)
    try server.bind(to: endpoint)
    let worker = try Socket(.dealer, in: context, options: options())
    try worker.connect(to: endpoint)
    try worker.sendInTime([1])
    #expect(try server.nextMessage().frames[0].bytes == [1])
  }

  @Test func addressesThatCannotServeAreExplained() throws {
    let context = try Context()
    let socket = try Socket(.router, in: context, options: options())
    let foreign = #expect(throws: MessagingError.self) {
      try socket.bind(to: Endpoint("192.0.2.1:5555"))
    }
    #expect(foreign?.code == .addressUnavailable)
    let missing = #expect(throws: MessagingError.self) {
      try socket.bind(to: Endpoint("ipc:///nonexistent/directory/socket"))
    }
    #expect(missing?.description.contains("ipc:///nonexistent/directory/socket") == true)
    for text in ["127.0.0.1:0", "*:5555"] {
      let error = #expect(throws: MessagingError.self) { try socket.connect(to: Endpoint(text)) }
      #expect(error?.code == .malformedEndpoint)
    }
  }

  @Test func allAddressesMeansIPv6AndIPv4() throws {
    let context = try Context()
    let server = try Socket(.router, in: context, options: options())
    let endpoint = try server.bind(to: Endpoint("*:0"))
    guard case .tcp(_, let port) = endpoint.transport else { return }
    let worker = try Socket(.dealer, in: context, options: options())
    try worker.connect(to: Endpoint("localhost:\(port)"))
    try worker.sendInTime([1])
    #expect(try server.nextMessage().frames[0].bytes == [1])
  }

  /// The name of a peer that no other socket knows.
  private func nobody(in context: Context) throws -> PeerID {
    let server = try Socket(.router, in: context, options: options())
    let endpoint = try server.bind(to: freshEndpoint("inproc"))
    let worker = try Socket(.dealer, in: context, options: options())
    try worker.connect(to: endpoint)
    try worker.sendInTime([1])
    return try #require(try server.nextMessage().peer)
  }
}

/// What threads of a test report, as they cannot record issues of it themselves.
private final class FailureList: @unchecked Sendable {
  private let condition = NSCondition()
  private var failures: [String] = []
  private var finishedCount = 0

  func append(_ failure: String) {
    condition.withLock { failures.append(failure) }
  }

  func finishOne() {
    condition.withLock {
      finishedCount += 1
      condition.broadcast()
    }
  }

  func finished(_ count: Int) -> [String] {
    condition.withLock {
      let deadline = Date(timeIntervalSinceNow: 10)
      while finishedCount < count {
        guard condition.wait(until: deadline) else { return failures + ["threads did not finish"] }
      }
      return failures
    }
  }
}
