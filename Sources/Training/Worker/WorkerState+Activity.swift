// What a worker's computing does or waits for, as its state says.

extension WorkerState {
  /// What the worker's time is spent with now, and what that is about.
  var activity: (Activity, Stopwatch.Subject) {
    if let (job, _) = computing { return (.computing, Stopwatch.Subject(job)) }
    guard case .joined(let member) = phase, member.isPrepared else {
      return (.gathering, Stopwatch.Subject())
    }
    let isOut = !member.deliveries.isEmpty
    return (isOut ? .delivering : .waitingForValues, Stopwatch.Subject(step: member.lease.step))
  }
}

extension Stopwatch.Subject {
  /// A job's step and replica, or its version and part.
  init(_ job: Job) {
    switch job {
    case .training(let step, let replica): self.init(step: step, index: replica)
    case .evaluation(let lease): self.init(step: lease.step, index: lease.part)
    }
  }
}
