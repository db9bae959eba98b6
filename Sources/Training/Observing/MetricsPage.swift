// Numbers as text that Prometheus reads, version 0.0.4 of its format.

import Learning

/// A page of metrics, a family after the other.
struct MetricsPage {
  enum Kind: String {
    case gauge
    case counter
  }

  /// The page so far.
  private(set) var text = ""

  /// Adds a family that has one value for each set of labels.
  mutating func add(
    _ name: String, _ kind: Kind, _ help: String, _ samples: [([String: String], Double)]
  ) {
    guard !samples.isEmpty else { return }
    text += "# HELP relate_\(name) \(help)\n# TYPE relate_\(name) \(kind.rawValue)\n"
    for (labels, value) in samples {
      let shown = labels.sorted { $0.key < $1.key }
        .map { "\($0.key)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",")
      text += "relate_\(name)\(shown.isEmpty ? "" : "{\(shown)}") \(Self.number(value))\n"
    }
  }

  /// Adds a family of one value.
  mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
    add(name, kind, help, [([:], value)])
  }

  private static func escaped(_ label: String) -> String {
    label.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
      .replacing("\n", with: "\\n")
  }

  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    return value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
  }
}

extension MetricsPage {
  /// Adds what steps, evaluations and checkpoints tell.
  mutating func addTraining(_ numbers: RunMetrics.Numbers, samplesPerStep: Int) {
    add(
      "steps_total", .counter, "The steps that this process has applied.", Double(numbers.steps))
    add(
      "samples_total", .counter, "The samples of these steps.",
      Double(numbers.steps * samplesPerStep))
    add("step_seconds_total", .counter, "The wall time of these steps.", numbers.seconds)
    if let usual = numbers.usualSeconds, usual > 0 {
      add("steps_per_second", .gauge, "Over the last ten or so steps.", 1 / usual)
    }
    if let loss = numbers.training[Metric.loss.path.description] {
      add("loss", .gauge, "The mean loss of the last step's mini-batches.", loss)
    }
    add(
      "training", .gauge, "What was measured of the last step's mini-batches.",
      numbers.training.sorted { $0.key < $1.key }.map { (["metric": $0.key], $0.value) })
    let reports = numbers.evaluations.values.sorted { $0.split.rawValue < $1.split.rawValue }
    add(
      "evaluation", .gauge, "The last evaluation on a split, by metric.",
      reports.flatMap { report in
        report.metrics.sorted { $0.key < $1.key }.map {
          (["metric": $0.key, "split": report.split.rawValue], $0.value)
        }
      })
    add(
      "evaluation_step", .gauge, "The step whose version was evaluated last.",
      reports.map { (["split": $0.split.rawValue], Double($0.step)) })
    add(
      "checkpoints_total", .counter, "The checkpoints that this process has written.",
      Double(numbers.checkpoints))
    if let step = numbers.checkpointStep {
      add("checkpoint_step", .gauge, "The step of the last checkpoint.", Double(step))
    }
    let alone = numbers.gauges.map { [(["reason": "no_worker"], $0.secondsAlone)] } ?? []
    add(
      "lost_seconds_total", .counter,
      "Time in which steps stood still: for want of data, or of any worker.",
      [(["reason": "data"], numbers.dataWait)] + alone)
  }

  /// Adds what a server's loop tells.
  mutating func add(_ gauges: ServerGauges) {
    add("workers", .gauge, "The workers that have joined.", Double(gauges.workers))
    add(
      "leases_outstanding", .gauge, "What somebody computes now.",
      [
        (["kind": "replica"], Double(gauges.leasedReplicas)),
        (["kind": "evaluation"], Double(gauges.leasedParts)),
      ])
    let traffic = gauges.traffic
    func both(_ received: Int, _ sent: Int) -> [([String: String], Double)] {
      [(["direction": "in"], Double(received)), (["direction": "out"], Double(sent))]
    }
    add(
      "bytes_total", .counter, "The bytes of messages.",
      both(traffic.bytesReceived, traffic.bytesSent))
    add(
      "messages_total", .counter, "The messages from and to workers.",
      both(traffic.messagesReceived, traffic.messagesSent))
    add(
      "dropped_messages_total", .counter, "What came in and was not ours, by reason.",
      gauges.drops.sorted { $0.key < $1.key }.map { (["reason": $0.key], Double($0.value)) })
    add(
      "server_seconds_total", .counter, "What the server's loop spends its time with.",
      gauges.seconds.map { (["activity": $0.activity.name], $0.seconds) })
    add(gauges.tallies)
  }

  /// Adds what workers have done.
  private mutating func add(_ tallies: [WorkerTallies.Tally]) {
    func labels(_ tally: WorkerTallies.Tally) -> [String: String] {
      ["host": tally.host, "process": "\(tally.process)"]
    }
    add(
      "worker_replicas_total", .counter, "The replicas that the server took from a worker.",
      tallies.map { (labels($0), Double($0.replicas)) })
    add(
      "worker_replicas_lost_total", .counter,
      "The replicas of a worker that were given to others as well.",
      tallies.map { (labels($0), Double($0.lost)) })
    add(
      "worker_seconds_total", .counter, "What a worker spends its time with, as it says.",
      tallies.flatMap { tally in
        let times = [
          ("computing", tally.times.computing), ("sending", tally.times.sending),
          ("waiting", tally.times.waiting), ("data", tally.times.data),
        ]
        return times.map { name, seconds in
          (labels(tally).merging(["activity": name]) { $1 }, seconds)
        }
      })
  }
}
