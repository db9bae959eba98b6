// Batches drawn ahead: which are foreseen, that they are the same ones, and what waiting is.

import Foundation
import Learning
import Synchronization
import Tensors
import Testing

@testable import Training

@Suite struct BatchForecastTests {
  /// What is foreseen after each of some requests, as `step.replica`.
  private func foreseen(
    _ requests: [(Int, Int)], replicas: Int = 4, steps: Int = 99
  ) -> [String] {
    var forecast = BatchForecast(replicas: replicas, steps: steps)
    return requests.map { step, replica in
      forecast.next(after: MiniBatch(step: step, replica: replica))
        .map { "\($0.step).\($0.replica)" } ?? "-"
    }
  }

  @Test func aSingleProcessIsForeseenFromTheStart() {
    #expect(
      foreseen([(1, 0), (1, 1), (2, 0), (2, 1), (3, 0)], replicas: 2)
        == ["1.1", "2.0", "2.1", "3.0", "3.1"])
    #expect(foreseen([(5, 0), (6, 0)], replicas: 1) == ["6.0", "7.0"])
  }

  @Test func theReplicasOfALeaseAreForeseenOnceTheyWereComputed() {
    #expect(
      foreseen([(1, 1), (1, 2), (2, 1), (2, 2), (3, 1)])
        == ["1.2", "1.3", "2.2", "3.1", "3.2"])
    #expect(foreseen([(1, 2), (2, 2), (3, 2)]) == ["1.3", "3.2", "4.2"])
  }

  @Test func anotherLeaseIsForeseenAfterOneRound() {
    let requests = [(1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (3, 3), (4, 0), (4, 3), (5, 0)]
    #expect(
      foreseen(requests)
        == ["1.1", "1.2", "2.1", "3.0", "3.1", "4.0", "4.3", "5.0", "5.3"])
  }

  @Test func aRollbackOrAPauseTeachesNothing() {
    #expect(
      foreseen([(8, 0), (8, 1), (9, 0), (3, 1), (4, 0), (4, 0), (90, 1), (91, 0)])
        == ["8.1", "8.2", "9.1", "4.0", "4.1", "4.1", "91.0", "91.1"])
  }

  @Test func nothingIsForeseenBeyondTheLastStep() {
    #expect(foreseen([(1, 3), (2, 2), (2, 3)], steps: 2) == ["2.0", "2.3", "-"])
  }
}

/// One at a time: times are measured.
@Suite(.serialized) struct BatchPreparationTests {
  private let experiment = syntheticExperiment(steps: 9, evaluationInterval: 4)

  private func sameBatch(_ one: SyntheticModel.Batch, _ other: SyntheticModel.Batch) -> Bool {
    one.points == other.points && one.labels == other.labels && one.categories == other.categories
  }

  @Test func whateverWasForeseenTheBatchIsTheRightOne() throws {
    let task = HinderedTask { samples in usleep(UInt32(samples[0] % 3) * 200) }
    let batches = BatchPreparation(of: task, experiment: experiment)
    var random = CounterRandom(seed: 4, purpose: .trial, index: 0)
    var number = MiniBatch(step: 1, replica: 0)
    for _ in 0..<300 {
      // Mostly the usual order, now and then anything.
      if random.integer(below: 3) == 0 {
        number = MiniBatch(
          step: 1 + Int(random.integer(below: 9)), replica: Int(random.integer(below: 4)))
      } else {
        number.replica = (number.replica + 1) % 4
        if number.replica == 0 { number.step = number.step % 9 + 1 }
      }
      let expected = try trainingBatch(
        of: task.base, step: number.step, replica: number.replica, experiment: experiment)
      let batch = try batches.batch(step: number.step, replica: number.replica).batch
      #expect(sameBatch(batch, expected), "\(number)")
    }
  }

  @Test func nobodyWaitsForABatchThatWasDrawnInTime() throws {
    let drawn = Journal<pthread_t>()
    let task = HinderedTask { _ in
      usleep(100_000)
      drawn.append(pthread_self())
    }
    let batches = BatchPreparation(of: task, experiment: experiment)
    for index in 0..<6 {
      let waited = try batches.batch(step: 1 + index / 4, replica: index % 4).waited
      if index == 0 { #expect(waited >= 0.1) } else { #expect(waited < 0.05, "batch \(index)") }
      // What is done meanwhile takes longer than drawing.
      try drawn.wait(for: index + 2)
    }
    #expect(drawn.entries[0] == pthread_self() && !drawn.entries[1...].contains(pthread_self()))
    usleep(150_000)
    #expect(drawn.entries.count == 7, "one batch ahead and no more")
  }

  @Test func theWaitForASlowBatchIsMeasured() throws {
    let task = HinderedTask { _ in usleep(20_000) }
    let batches = BatchPreparation(of: task, experiment: experiment)
    // Drawing begins when the batch before is handed out, and nothing is done in between.
    let waited = try (0..<8).reduce(0) { sum, index in
      try sum + batches.batch(step: 1 + index / 4, replica: index % 4).waited
    }
    #expect(waited > 0.08 && waited < 0.8)
  }

  @Test func aFailureIsToldToWhoAsksForThatBatch() throws {
    let order = SampleOrder(
      sampleCount: SyntheticTask.trainingCount, replicas: 4, batchSize: 5, seed: experiment.seed)
    let missing = order.samples(step: 1, replica: 2)
    let attempts = Journal<pthread_t>()
    let task = HinderedTask { samples in
      guard samples == missing else { return }
      attempts.append(pthread_self())
      throw TrainingError("no such sample")
    }
    let batches = BatchPreparation(of: task, experiment: experiment)
    func ask(_ replica: Int, step: Int = 1) throws {
      _ = try batches.batch(step: step, replica: replica)
    }
    try ask(0)
    try ask(1)
    try attempts.wait(for: 1)
    #expect(throws: TrainingError.self) { try ask(2) }
    #expect(
      attempts.entries.count == 1 && attempts.entries[0] != pthread_self(),
      "the failure of the other thread is the one that is told")
    // Another guess of what fails, which nobody asks for.
    try ask(1)
    try attempts.wait(for: 2)
    try ask(3)
    try ask(0, step: 2)
  }

  @Test func theThreadEndsWithItsOwner() throws {
    let drawn = Journal<pthread_t>()
    weak var token: HinderedTask.Token?
    do {
      let task = HinderedTask { _ in drawn.append(pthread_self()) }
      token = task.token
      let batches = BatchPreparation(of: task, experiment: experiment)
      _ = try batches.batch(step: 1, replica: 0)
      try drawn.wait(for: 2)
      #expect(token != nil)
    }
    // The thread holds the task to its end.
    let deadline = ContinuousClock.now.advanced(by: .seconds(10))
    while token != nil, ContinuousClock.now < deadline { usleep(1000) }
    #expect(token == nil)
  }

  @Test func aSingleProcessHasTheBitsOfARunThatPreparesNothing() throws {
    let reference = TemporaryRun(experiment)
    var expected: [Digest] = []
    var state = try TrainingState(experiment, layout: reference.task.layout)
    let context = try ComputeContext(engine: experiment.engine)
    while state.step < experiment.steps {
      expected.append(try reference.advance(&state, context: context).digest)
    }
    let run = TemporaryRun(experiment)
    let drawn = Journal<pthread_t>()
    let task = HinderedTask { _ in
      usleep(2000)
      drawn.append(pthread_self())
    }
    state = try TrainingState(experiment, layout: task.facts.layout)
    let ending = try trainInSingleProcess(
      task, from: &state, setting: run.setting(try run.start()), context: context)
    #expect(ending == .completed)
    #expect(try run.digests() == expected)
    #expect(drawn.entries.count == 36 && Set(drawn.entries).count == 2, "on two threads")
    let steps = try run.directory.readSteps()
    for step in steps {
      let wait = try #require(step.dataWait)
      #expect(wait > 0 && wait <= step.seconds, "step \(step.step)")
    }
    #expect(try #require(steps[0].dataWait) >= 0.002)
  }

  @Test func aClusterRecordsTheWaitForData() throws {
    let expected = TemporaryRun(experiment)
    #expect(try expected.train() == .completed)
    let run = TemporaryRun(experiment)
    let server = try ServerOnThread(run, expecting: 2)
    let drawn = Journal<pthread_t>()
    let workers = (0..<2).map { _ in
      WorkerOnThread(server.endpoint) { _ in
        HinderedTask { _ in
          usleep(10_000)
          drawn.append(pthread_self())
        }
      }
    }
    #expect(try server.ending.wait() == .completed)
    for worker in workers { #expect(try worker.ending.wait() == .closed("the run is complete")) }
    #expect(try run.digests() == expected.digests())
    let steps = try run.directory.readSteps()
    #expect(steps.count == 9)
    for step in steps {
      let wait = try #require(step.dataWait)
      #expect(wait <= step.seconds, "step \(step.step)")
    }
    #expect(try #require(steps[0].dataWait) >= 0.01)
    #expect(Set(drawn.entries).count == 4, "on two threads of each worker")
  }
}
