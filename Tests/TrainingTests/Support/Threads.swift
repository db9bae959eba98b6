// A server and workers on threads of this process, for the tests of the loops.

import Foundation
import Learning
import Messaging
import NeuralNetworks
import Synchronization
import Tensors
import Testing

@testable import Training

/// A number that threads share.
final class Counter: Sendable {
  private let value = Mutex(0)

  var count: Int { value.withLock { $0 } }

  @discardableResult func increment() -> Int {
    value.withLock {
      $0 += 1
      return $0
    }
  }
}

/// A value that one thread makes and another waits for.
final class Promise<Value: Sendable>: Sendable {
  private let value = Mutex<Result<Value, any Error>?>(nil)

  func fulfil(_ result: Result<Value, any Error>) { value.withLock { $0 = result } }

  /// The value, or an error after so many seconds.
  func wait(seconds: Double = 30) throws -> Value {
    let deadline = ContinuousClock.now.advanced(by: .seconds(seconds))
    while ContinuousClock.now < deadline {
      if let result = value.withLock({ $0 }) { return try result.get() }
      usleep(2000)
    }
    throw TrainingError("Nothing happened for \(seconds) s.")
  }
}

/// Runs `body` on a thread of its own.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) -> Promise<Value> {
  let promise = Promise<Value>()
  let thread = Thread { promise.fulfil(Result { try body() }) }
  thread.stackSize = 16 << 20
  thread.start()
  return promise
}

/// Deadlines for processes that are a few microseconds apart.
func quickDeadlines() -> Deadlines {
  var deadlines = Deadlines()
  deadlines.silenceSeconds = 0.8
  deadlines.resendSeconds = 0.3
  deadlines.gatherSeconds = 3
  deadlines.waitSeconds = 10
  deadlines.joinSeconds = 10
  return deadlines
}

/// A server on a thread.
final class ServerOnThread: Sendable {
  let endpoint: Endpoint
  let ending: Promise<RunEnding>
  private let stop: Counter

  /// Starts or resumes the run of a directory.
  init(
    _ run: TemporaryRun, facts: TaskFacts? = nil, samples: Digest? = nil,
    listeningAt address: String = "127.0.0.1:0", expecting workers: Int,
    auditing share: Double = 0, admission: Admission? = nil
  ) throws {
    let bound = Promise<Endpoint>()
    let stop = Counter()
    let (path, experiment, facts) = (run.path, run.experiment, facts ?? run.task.facts)
    ending = onThread {
      let run = RunDirectory(path: path)
      let context = try ComputeContext(engine: experiment.engine)
      do {
        let (recorder, state) =
          try run.holdsRun
          ? RunRecorder.resuming(run, facts: facts)
          : RunRecorder.starting(
            ExperimentRecord(
              experiment, samples: samples, numerics: Numerics.fingerprint(of: context),
              engine: "this one",
              relate: "0", machine: "this one"), in: run, facts: facts)
        let listener = try Listener(on: try Endpoint(address), admission: admission)
        var options = ServerOptions()
        options.expectedWorkers = workers
        options.deadlines = quickDeadlines()
        options.auditShare = share
        let loop = try ServerLoop(
          from: state,
          setting: RunSetting(
            recorder: recorder, observers: [],
            isStopRequested: { stop.count > 0 }), listener: listener, options: options)
        bound.fulfil(.success(listener.endpoint))
        return try loop.run().ending
      } catch {
        bound.fulfil(.failure(error))
        throw error
      }
    }
    self.stop = stop
    endpoint = try bound.wait()
  }

  func requestStop() { stop.increment() }
}

/// A worker on a thread.
final class WorkerOnThread: Sendable {
  let ending: Promise<WorkerEnding>
  let log = Mutex<[String]>([])
  private let leave: Counter

  init(
    _ server: Endpoint, deadlines: Deadlines = quickDeadlines(),
    builder: @escaping TaskBuilder = buildSyntheticTask
  ) {
    let leave = Counter()
    self.leave = leave
    let promise = Promise<WorkerEnding>()
    ending = promise
    let thread = Thread { [self] in
      promise.fulfil(
        Result {
          var options = WorkerOptions(server: .addresses([server]))
          options.deadlines = deadlines
          return try WorkerLoop(
            options, threads: ThreadPool(threadCount: 1), builder: builder,
            log: { line in self.log.withLock { $0.append(line.message) } },
            isLeaveRequested: { leave.count > 0 }
          ).run()
        })
    }
    thread.stackSize = 16 << 20
    thread.start()
  }

  func requestLeave() { leave.increment() }
}
