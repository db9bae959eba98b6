// What the coordinator does for evaluations, and for a single process.

import Learning
import Testing

@testable import Training

extension CoordinatorTests {
  @Test func resultsOfEvaluationsOfAnotherLengthAreDropped() {
    var server = training(workers: 1)
    _ = server.addEvaluation(of: 0, on: .validation)
    let header = DataHeader(kind: .measurements, purpose: .validation, run: 9, session: 1, step: 0)
    for count in [0, 1, 3] {
      let others = [Measurement](repeating: .nothing, count: count)
      #expect(server.receive(header, measurements: others, from: 11, now: 0) == [])
    }
    for _ in 0..<2 {
      #expect(
        server.receive(header, measurements: numbers, from: 11, now: 0)
          == [.acknowledge(header, to: 11)])
    }
    var contribution = header
    contribution.kind = .contribution
    #expect(server.receive(contribution, from: 11, now: 0) == [])
  }

  @Test func anEvaluationIsTheSumOfItsParts() {
    var server = server(step: 5)
    _ = server.addEvaluation(of: 0, on: .test)
    join(1, &server, now: 0)
    var actions: [Action] = []
    // Two are leased at a time.
    for part in [1, 2, 0] {
      let header = DataHeader(
        kind: .measurements, purpose: .test, run: 9, session: 1, step: 0, index: part)
      let measured = [Measurement(sum: Double(part), weight: 1), Measurement(sum: 1, weight: 2)]
      actions += server.receive(header, measurements: measured, from: 11, now: 0)
    }
    let sum = Measurements(
      run.facts.metrics, [Measurement(sum: 3, weight: 3), Measurement(sum: 3, weight: 6)])
    #expect(actions.contains(.finishEvaluation(step: 0, split: .test, sum)))
  }

  @Test func theEvaluationOfAStuckWorkerGoesToOthers() {
    var server = server(step: 5)
    _ = server.addEvaluation(of: 4, on: .validation)
    for worker in 1...2 { join(worker, &server, now: 0) }
    #expect(server.phase == .evaluating)
    #expect(server.sessions[1]?.lease.evaluations.isEmpty == false)
    // Worker 1 is alive and busy, and nothing comes from it; worker 2 is done with its own.
    for part in server.sessions[2]?.lease.evaluations ?? [] {
      let result = DataHeader(
        kind: .measurements, purpose: part.split, run: 9, session: 2, step: part.step,
        index: part.part)
      #expect(!server.receive(result, measurements: numbers, from: 21, now: 1).isEmpty)
    }
    _ = live(1...2, to: 31, from: 1, &server)
    #expect(server.sessions[1]?.isStuck == true)
    #expect(server.sessions[1]?.lease.evaluations == [])
    #expect(server.sessions[2]?.lease.evaluations.isEmpty == false)
  }

  @Test func anEvaluationOfNoSamplesIsDoneAtOnce() {
    var server = training(workers: 1)
    let nothing = Measurements(of: run.facts.metrics)
    var configuration = server.configuration
    configuration.facts = TaskFacts(
      layout: run.facts.layout, metrics: [.accuracy()], selector: .accuracy,
      sampleCounts: [.training: 9])
    server = Coordinator(configuration, step: 1, now: 0)
    #expect(
      server.addEvaluation(of: 0, on: .validation)
        == [.finishEvaluation(step: 0, split: .validation, nothing)])
    #expect(server.evaluations.isEmpty)
  }

  @Test func aSingleProcessEvaluatesBeforeItGoesOn() {
    var process = server()
    _ = process.addEvaluation(of: 0, on: .validation)
    _ = process.joinLocally(as: 1, now: 0)
    var jobs: [Job] = []
    while let job = process.localJob, jobs.count < 20 {
      jobs.append(job)
      let actions = process.computed(job, numbers, dataWait: 0, now: 100)
      for case .applyStep(let step, _, let waitedFor, _) in actions {
        #expect(step == process.step && waitedFor == nil)
        _ = process.stepApplied(now: 100)
      }
    }
    let expected =
      (0..<5).map { Job.evaluation(.init(step: 0, split: .validation, part: $0)) }
      + (1...2).flatMap { step in (0..<4).map { .training(step: step, replica: $0) } }
      + (0..<5).map { .evaluation(.init(step: 2, split: .validation, part: $0)) }
      + [.training(step: 3, replica: 0), .training(step: 3, replica: 1)]
    #expect(jobs == expected)
    #expect(process.workerCount == nil)
  }
}
