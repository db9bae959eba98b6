// What a server's loop tells of itself, read off its parts.

extension ServerGauges {
  /// What the parts of a loop say now.
  init<Peer>(
    _ coordinator: Coordinator<Peer>, _ traffic: Traffic, _ drops: DropCounter, _ times: Stopwatch,
    secondsAlone: Double
  ) {
    workers = coordinator.sessions.count
    leasedReplicas = coordinator.sessions.keys.reduce(0) {
      $0 + coordinator.replicas.held(by: $1).count
    }
    leasedParts = coordinator.evaluations.reduce(0) { sum, evaluation in
      sum + coordinator.sessions.keys.reduce(0) { $0 + evaluation.held(by: $1).count }
    }
    self.traffic = traffic
    self.drops = drops.counts
    seconds = Activity.ofServers.map { ($0, times[$0]) }
    tallies = coordinator.tallies.tallies
    self.secondsAlone = secondsAlone
  }
}
