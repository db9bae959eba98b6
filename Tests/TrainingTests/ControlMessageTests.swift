// The JSON of the control messages, word for word: programs in other languages read it.

import Learning
import NeuralNetworks
import Tensors
import Testing

@testable import Training

@Suite struct ControlMessageTests {
  private static let experiment = Experiment(
    task: TaskChoice(family: "t", preset: "p", settings: .object(["a": .integer(1)])), seed: .max,
    replicas: 2, batchSize: 3, steps: 4,
    learningRate: .constant(rate: 0.25), evaluationInterval: 5)

  private static let messages: [(ControlMessage, String)] = [
    (
      .hello(
        .init(
          version: 1, numerics: ["openblas/fp32": Digest(rawValue: 255)], engine: "e", host: "h",
          process: 7)),
      #"{"hello":{"engine":"e","host":"h","numerics":{"openblas/fp32":"00000000000000ff"},"#
        + #""process":7,"version":1}}"#
    ),
    (
      .welcome(
        .init(
          run: 1 << 53 - 1, session: .max, worker: 4, dataPort: 3, experiment: experiment,
          layout: Digest(rawValue: 1), samples: Digest(rawValue: 2), chunkScalars: 65536,
          heartbeatSeconds: 0.5,
          silenceSeconds: 3)),
      #"{"welcome":{"chunkScalars":65536,"dataPort":3,"experiment":{"#
        + #""adam":{"beta1":0.9,"beta2":0.999,"epsilon":1e-08},"batchSize":3,"#
        + #""engine":"openblas","evaluationInterval":5,"frozen":[],"learningRate":{"constant":{"rate":0.25}},"#
        + #""precision":"fp32","replicas":2,"seed":18446744073709551615,"steps":4,"#
        + #""task":{"family":"t","preset":"p","settings":{"a":1}}},"heartbeatSeconds":0.5,"layout":"0000000000000001","#
        + #""run":9007199254740991,"samples":"0000000000000002","session":18446744073709551615,"#
        + #""silenceSeconds":3,"worker":4}}"#
    ),
    (.refused(.init(reason: "no")), #"{"refused":{"reason":"no"}}"#),
    (
      .lease(
        .init(
          run: 1, session: 2,
          lease: Lease(
            number: 3, step: 4, replicas: [5, 6],
            evaluations: [.init(step: 2, split: .validation, part: 1)]))),
      #"{"lease":{"lease":{"evaluations":[{"part":1,"split":"validation","step":2}],"number":3,"#
        + #""replicas":[5,6],"step":4},"run":1,"session":2}}"#
    ),
    (
      .heartbeat(.init(run: 1, session: 2, lease: 3, isBusy: true)),
      #"{"heartbeat":{"isBusy":true,"lease":3,"run":1,"session":2}}"#
    ),
    (.beat(.init(run: 1, step: 2)), #"{"beat":{"run":1,"step":2}}"#),
    (.rejoin(.init()), #"{"rejoin":{}}"#),
    (
      .failed(.init(run: 1, session: 2, step: 3, replica: 4, reason: "r")),
      #"{"failed":{"reason":"r","replica":4,"run":1,"session":2,"step":3}}"#
    ),
    (
      .failed(
        .init(
          run: 1, session: 2, evaluation: .init(step: 2, split: .test, part: 1), reason: "r")),
      #"{"failed":{"evaluation":{"part":1,"split":"test","step":2},"reason":"r","run":1,"session":2}}"#
    ),
    (
      .goodbye(.init(run: 1, session: 2, reason: "a \"b\"\n/")),
      #"{"goodbye":{"reason":"a \"b\"\n/","run":1,"session":2}}"#
    ),
    (.close(.init(run: 1, reason: "r")), #"{"close":{"isFailure":false,"reason":"r","run":1}}"#),
  ]

  @Test(arguments: messages.indices) func messagesAreTheirJSON(index: Int) throws {
    let (message, text) = Self.messages[index]
    #expect(String(decoding: message.encoded(), as: UTF8.self) == text)
    #expect(try ControlMessage(decoding: text.utf8) == message)
  }

  @Test(arguments: [
    "", "null", "[]", "{}", "hello", #"{"hello":{}}"#, #"{"unknown":{}}"#,
    #"{"rejoin":{},"close":{"run":1,"reason":"r"}}"#, #"{"beat":{"run":-1,"step":2}}"#,
    #"{"beat":{"run":1,"step":1e99}}"#, #"{"beat":{"run":"1","step":2}}"#, "\u{0}",
    #"{"beat":{"run":1,"step":2}"#,
  ])
  func whatIsNoMessageIsRefused(text: String) {
    #expect(throws: WireError.self) { try ControlMessage(decoding: text.utf8) }
  }

  @Test func hugeAndDeepMessagesAreRefused() {
    let long = #"{"refused":{"reason":""# + String(repeating: "a", count: 1 << 20) + #""}}"#
    #expect(throws: WireError.malformed("a control message of \(long.utf8.count) bytes")) {
      try ControlMessage(decoding: long.utf8)
    }
    let deep = String(repeating: "[", count: 500_000)
    #expect(throws: WireError.self) { try ControlMessage(decoding: deep.utf8) }
  }

  @Test func whateverArrivesIsOnlyReadOrRefused() {
    var random = CounterRandom(seed: 3, purpose: .trial, index: 0)
    for (message, _) in Self.messages {
      let original = message.encoded()
      for _ in 0..<300 {
        var bytes = original
        for _ in 0...random.integer(below: 3) {
          bytes[Int(random.integer(below: UInt32(bytes.count)))] = UInt8(random.integer(below: 256))
        }
        if let read = try? ControlMessage(decoding: bytes) {
          #expect((try? ControlMessage(decoding: read.encoded())) == read)
        }
      }
    }
  }
}
