// Messages that were changed by accident or on purpose: none ends a process, none changes a bit.

import Foundation
import Learning
import Tensors
import Testing

import struct Learning.Measurement

@testable import Training

@Suite struct FuzzTests {
  /// How many frames each test tries, and from which seed: `scripts/fuzz.sh` names others.
  private static let frames = number("RELATE_FUZZ_FRAMES") ?? 60_000
  private static let seed = UInt64(number("RELATE_FUZZ_SEED") ?? 1)

  private static func number(_ name: String) -> Int? {
    ProcessInfo.processInfo.environment[name].flatMap(Int.init)
  }

  private static let toy = ToyRun(steps: 6, replicas: 4, evaluationInterval: 2)

  /// What the real functions make of frames.
  private enum Decoded {
    case control(ControlMessage)
    case data(DataHeader, payload: [UInt8])
  }

  private static func decode(_ frames: WireFrames) throws -> Decoded {
    switch frames {
    case .control(let bytes): return .control(try ControlMessage(decoding: bytes))
    case .data(let header, let payload):
      let decoded = try header.withUnsafeBytes { header in
        try payload.withUnsafeBytes { try DataHeader(decoding: header, payload: $0) }
      }
      return .data(decoded, payload: payload)
    }
  }

  /// What is read is what would be written; what is not is dropped and counted.
  @Test func decodersTakeWhatIsSoundAndCountTheRest() throws {
    let corpus = FrameCorpus(Self.toy, run: 9, session: 1)
    var mutator = FrameMutator(seed: Self.seed)
    var drops = DropCounter()
    var (taken, dropped) = (0, 0)
    for _ in 0..<Self.frames {
      let frames = mutator.next(of: corpus)
      do {
        switch try Self.decode(frames) {
        case .control(let message):
          #expect(try ControlMessage(decoding: message.encoded()) == message)
        case .data(let header, let payload):
          let again = payload.withUnsafeBytes { header.encoded(payload: $0) }
          // Flags are not read, and written as zero.
          guard case .data(let bytes, _) = frames, bytes[46..<48] == [0, 0] else { break }
          #expect(again == bytes)
        }
        taken += 1
      } catch let error as WireError {
        drops.count(error)
        dropped += 1
      }
    }
    #expect(taken > Self.frames / 10 && dropped > Self.frames / 10)
    // What strangers send does not grow memory, and none of it is lost to the count.
    let lines = drops.report(now: 0)
    #expect(lines.count <= 101)
    let counted = lines.compactMap { Int($0.split(separator: " ")[1]) }.reduce(0, +)
    #expect(counted == dropped)
  }

  @Test func measurementsAndMissingChunksAreReadOrRefused() {
    var random = CounterRandom(seed: Self.seed, purpose: .trial, index: 4)
    var (taken, dropped) = (0, 0)
    for _ in 0..<Self.frames {
      let bytes = (0..<random.integer(below: 49)).map { _ in
        random.integer(below: 2) == 0 ? 0 : UInt8(random.integer(below: 256))
      }
      bytes.withUnsafeBytes { bytes in
        for isTaken in [
          (try? [Measurement](decoding: bytes)) != nil,
          (try? MissingChunks(decoding: bytes, chunkCount: 3)) != nil,
        ] {
          if isTaken { taken += 1 } else { dropped += 1 }
        }
      }
    }
    #expect(taken > 0 && dropped > 0)
  }

  /// Whoever speaks in the name of a session that is welcome reaches everything behind the checks:
  /// nothing there traps, whatever the numbers are.
  @Test func theStateMachinesTakeAnythingThatCanBeRead() throws {
    var mutator = FrameMutator(seed: Self.seed + 1)
    var reached: Set<String> = []
    for _ in 0..<max(1, Self.frames / 500) {
      var server = try Self.trainingServer()
      var worker = Self.joinedWorker()
      let corpus = FrameCorpus(Self.toy, run: 9, session: 1)
      var now = 1.0
      for _ in 0..<250 {
        now += Double(mutator.integer(below: 100)) * 0.001
        guard let decoded = try? Self.decode(mutator.next(of: corpus)) else { continue }
        switch decoded {
        case .control(let message):
          _ = try server.receive(message, from: 10, now: now)
          Self.note(worker.receive(message, now: now), in: &reached)
        case .data(let header, let payload):
          let outgoing = try? payload.withUnsafeBytes {
            try server.receive(header, payload: $0, from: 11, now: now)
          }
          if outgoing?.isEmpty == false { reached.insert("answer to \(header.kind)") }
          let missing = payload.withUnsafeBytes {
            try? MissingChunks(decoding: $0, chunkCount: Self.toy.chunking.chunkCount).chunks
          }
          Self.note(worker.receive(header, missing: missing ?? [], now: now), in: &reached)
        }
        _ = try server.tick(now: now)
        Self.note(worker.tick(now: now), in: &reached)
      }
    }
    let expected: Set = [
      "store", "answer to knock", "answer to fetch", "answer to inquiry", "compute",
    ]
    #expect(reached.isSuperset(of: expected), "\(reached)")
  }

  private static func note(_ actions: [WorkerAction], in reached: inout Set<String>) {
    for action in actions {
      switch action {
      case .storeValues: reached.insert("store")
      case .compute: reached.insert("compute")
      default: continue
      }
    }
  }

  /// A server that trains on three sessions of one worker each.
  private static func trainingServer() throws -> LiveRun<Int, SimulatedStorage> {
    let storage = SimulatedStorage(toy)
    var server = try LiveRun<Int, SimulatedStorage>(
      coordinatorConfiguration(toy, number: 9, expectedWorkers: 3), from: toy.versions[0],
      store: storage, observers: RunObservers([]), now: 0)
    for worker in 1...3 {
      _ = try server.receive(.hello(fittingHello()), from: 10 * worker, now: 0)
      let knock = DataHeader(kind: .knock, run: 9, session: SessionID(worker), step: 0)
      _ = try server.receive(
        knock, payload: UnsafeRawBufferPointer(start: nil, count: 0), from: 10 * worker + 1, now: 0)
    }
    return server
  }

  /// A worker that has joined as session 1 and has built its task.
  private static func joinedWorker() -> WorkerState {
    var worker = WorkerState(
      .init(server: "server:1", hello: fittingHello(), deadlines: Deadlines()), now: 0)
    _ = worker.receive(
      .welcome(
        .init(
          run: 9, session: 1, worker: 1, dataPort: 2, experiment: toy.experiment,
          layout: toy.facts.fingerprint, samples: nil, chunkScalars: toy.chunking.chunkScalars,
          heartbeatSeconds: 0.5, silenceSeconds: 3)), now: 0)
    _ = worker.prepared(valueCount: toy.chunking.count, now: 0)
    return worker
  }

  /// An insider with a key of its own sends changed messages in the names of all others, while they
  /// train: the bits are those of an undisturbed run.
  @Test(arguments: 0..<4) func changedMessagesChangeNoBit(course: Int) {
    let run = ToyRun(steps: 10, replicas: 4, evaluationInterval: 3)
    var misfortune = Misfortune(name: "changed messages")
    (misfortune.insiderCount, misfortune.hasKeys) = (1, true)
    misfortune.changedFrames = max(500, Self.frames / 40)
    var cluster = SimulatedCluster(run, misfortune, seed: Self.seed &+ UInt64(course))
    cluster.runToEnd()
    #expect(SimulationTests.faults(of: cluster) == [])
    #expect(cluster.lines.all.contains { $0.contains("belongs to another key") })
  }
}
