// The numbers of a run at this moment, for programs that watch it.

import Learning
import Synchronization

/// What a server's loop knows of itself, told a few times a second.
struct ServerGauges: Sendable {
  /// When it was told.
  var at = ContinuousClock.now
  var workers = 0
  /// The replicas and the parts of evaluations that somebody computes now.
  var leasedReplicas = 0
  var leasedParts = 0
  var traffic = Traffic()
  /// How many messages were dropped, by reason.
  var drops: [String: Int] = [:]
  /// The seconds that the loop has spent with each activity.
  var seconds: [(activity: Activity, seconds: Double)] = []
  var tallies: [WorkerTallies.Tally] = []
  /// How long there was no worker at all while there was something to compute.
  var secondsAlone = 0.0
}

/// What has gone over a server's sockets.
struct Traffic: Sendable {
  var messagesReceived = 0
  var bytesReceived = 0
  var messagesSent = 0
  var bytesSent = 0

  /// A message came in.
  mutating func received(_ byteCount: Int) {
    messagesReceived += 1
    bytesReceived += byteCount
  }

  /// A message was taken by a socket.
  mutating func sent(_ byteCount: Int) {
    messagesSent += 1
    bytesSent += byteCount
  }
}

/// The numbers of a run, in the text format of Prometheus.
///
/// It watches the run, and what a server's loop knows beside that is published to it. Whoever asks
/// for the numbers gets those of that moment and holds nobody up.
public final class RunMetrics: RunObserver, Sendable {
  /// What is kept.
  struct Numbers: Sendable {
    var step = 0
    var steps = 0
    var seconds = 0.0
    /// The usual time of a step: a mean that follows the last ten or so.
    var usualSeconds: Double?
    var dataWait = 0.0
    var training: [String: Double] = [:]
    var evaluations: [Split: EvaluationReport] = [:]
    var checkpoints = 0
    var checkpointStep: Int?
    var gauges: ServerGauges?
  }

  private let numbers = Mutex(Numbers())
  private let run: String
  private let totalSteps: Int
  private let samplesPerStep: Int

  /// How long a server's loop may be silent before it counts as stuck, in seconds.
  static let secondsUntilStuck = 30.0

  /// The numbers of a run in a directory.
  ///
  /// - Parameter steps: how many the run is to have, where that is not the experiment's number.
  public init(of experiment: Experiment, in directory: RunDirectory, steps: Int? = nil) {
    run = directory.path
    totalSteps = steps ?? experiment.steps
    samplesPerStep = experiment.replicas * experiment.batchSize
  }

  /// Takes note of an event.
  public func observe(_ event: RunEvent) {
    numbers.withLock { numbers in
      switch event {
      case .step(let record):
        numbers.step = record.step
        numbers.steps += 1
        numbers.seconds += record.seconds
        let usual = numbers.usualSeconds ?? record.seconds
        numbers.usualSeconds = usual + 0.1 * (record.seconds - usual)
        numbers.dataWait += record.dataWait ?? 0
        numbers.training = record.metrics ?? [:]
        numbers.training[Metric.loss.path.description] = record.loss
        numbers.training[MetricPath.accuracy.description] = record.accuracy
      case .evaluation(let report): numbers.evaluations[report.split] = report
      case .checkpoint(let step):
        numbers.checkpoints += 1
        numbers.checkpointStep = step
      case .evaluationProgress, .joined, .left, .dropped, .note, .ended: break
      }
    }
  }

  /// A server's loop tells what it knows.
  ///
  /// It never waits: if somebody reads the numbers just now they are told the next time.
  func publish(_ gauges: ServerGauges) {
    _ = numbers.withLockIfAvailable { $0.gauges = gauges }
  }

  /// All numbers, a line each.
  public func exposition() -> String {
    let numbers = numbers.withLock { $0 }
    var page = MetricsPage()
    page.add("run_info", .gauge, "The run that is computed; always 1.", [(["run": run], 1)])
    page.add("steps_planned", .gauge, "The steps that the run is to have.", Double(totalSteps))
    page.add("step", .gauge, "The last step that was applied.", Double(numbers.step))
    page.addTraining(numbers, samplesPerStep: samplesPerStep)
    if let gauges = numbers.gauges { page.add(gauges) }
    return page.text
  }

  /// Why the run does not go on; `nil` if nothing is known against it.
  public func problem() -> String? {
    guard let gauges = numbers.withLock({ $0.gauges }) else { return nil }
    let silence = gauges.at.duration(to: .now).seconds
    return silence > Self.secondsUntilStuck
      ? "The server's loop has not moved for \(tenths(silence)) s." : nil
  }
}
