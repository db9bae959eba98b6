// A whole run in one process, for debugging: the same coordinator and values, no sockets.

import Learning
import NeuralNetworks
import Tensors

/// Trains in this process alone, on the context's threads.
///
/// - Parameter state: the version to begin with; the last one afterwards.
public func trainInSingleProcess<Task: LearningTask>(
  _ task: Task, from state: inout TrainingState, setting: RunSetting, context: ComputeContext
) throws -> RunEnding {
  let startedAt = ContinuousClock.now
  func now() -> Double { startedAt.duration(to: .now).seconds }
  let record = setting.recorder.record
  let jobs = JobComputer(of: task, experiment: record.experiment, context: context)
  let spans = SpanBuffer()
  let times = Stopwatch(
    beginning: .receiving, startedAt: startedAt,
    spans: setting.trace.map { _ in (spans, .computing) })
  var run = try LiveRun<Int, RunRecorder>(
    .init(
      run: 0, dataPort: 0, experiment: record.experiment, facts: jobs.facts,
      numerics: record.numerics, engine: record.engine, expectedWorkers: 1,
      deadlines: Deadlines()),
    from: state, store: setting.recorder, observers: setting.observers, times: times,
    now: now())
  func handOnSpans() {
    setting.trace?.add(spans.take(), of: 0, named: "relate", dropped: spans.takeDropped())
  }
  defer {
    state = run.state
    handOnSpans()
    if let line = setting.trace?.finish() { setting.observers.tell(.note(line)) }
    setting.observers.drain()
  }
  try run.joinLocally(as: 0, now: now())
  while run.ending == nil, let job = run.coordinator.localJob {
    if setting.isStopRequested(), run.coordinator.mayStop(before: job) {
      _ = try run.end(.stopped, now: now())
      break
    }
    guard let values = run.values(ofStep: job.version) else {
      preconditionFailure("\(job) is to be computed on a version that is not kept")
    }
    let result: JobResult
    times.turn(to: .computing, .init(job))
    do { result = try jobs.compute(job, values: values) } catch {
      _ = try run.end(.failed("\(job): \(error)"), now: now())
      break
    }
    times.began(with: .waitingForData, for: result.dataWait)
    times.turn(to: .receiving)
    try run.computed(job, result, now: now())
    if spans.count > SpanBuffer.limit / 2 { handOnSpans() }
  }
  return run.ending ?? .stopped
}
