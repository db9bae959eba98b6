// relate bench sync: what it costs to synchronise workers, whatever they compute.

import ArgumentParser
import Foundation
import Glibc
import Messaging
import NeuralNetworks
import Tensors
import Training

/// `relate bench sync`.
struct BenchSyncCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sync",
    abstract: "Time a synchronous step of a server and workers that have nothing to compute.",
    discussion: """
      A run like any other, with Adam on the server: each worker gets the new values and answers \
      with a gradient that is there already. What is timed is a step, from one update to the next.

      Example: relate bench sync --workers 10 --parameters 484000 --steps 50 --json
      """)

  /// How the processes reach each other.
  enum Transport: String, ExpressibleByArgument, CaseIterable {
    case shm, ipc, tcp
  }

  @Option(help: ArgumentHelp("Worker processes.", valueName: "n")) var workers = 4
  @Option(help: ArgumentHelp("Parameters of the model.", valueName: "n")) var parameters = 364_402
  @Option(help: ArgumentHelp("Steps that are timed.", valueName: "n")) var steps = 20
  @Option(
    help: ArgumentHelp(
      "Unix sockets with shared memory, without it, or TCP over loopback.",
      valueName: "shm|ipc|tcp"))
  var transport = Transport.shm
  @OptionGroup var keys: KeyOptions
  @Flag(help: "Print JSON instead of text.") var json = false

  /// Steps before those that are timed.
  private static let warmUp = 2

  func validate() throws {
    guard (1...1024).contains(workers), (1...100_000).contains(steps),
      (1...SynchronizationTrial.parameterLimit).contains(parameters)
    else {
      throw ValidationError(
        "--workers must be from 1 to 1024, --steps from 1 to 100000, --parameters from 1 to "
          + "\(SynchronizationTrial.parameterLimit).")
    }
  }

  func run() throws {
    try reportingErrors {
      let stop = StopRequest(endsWithParent: false)
      let scratch = try Cluster.makePrivateDirectory()
      defer { try? FileManager.default.removeItem(atPath: scratch) }
      let progress = ProgressLine("step", everywhere: true)
      let times = StepTimes(progress, total: Self.warmUp + steps)
      let ending = try serve(in: scratch, watchedBy: times, until: stop)
      progress.end()
      guard ending == .completed else { return ExitStatus.interrupted }
      let result = Result(of: self, times: times, adam: Self.adamSeconds(parameters: parameters))
      if json { print(try line(result)) } else { print(result.sentence) }
      return 0
    }
  }

  /// Runs the server here and each worker in a process of its own.
  private func serve(
    in scratch: String, watchedBy times: StepTimes, until stop: StopRequest
  ) throws -> RunEnding {
    let context = try computeContext(engine: .best(for: .fp32), precision: .fp32)
    let trial = SynchronizationTrial(
      parameters: parameters, workers: workers, steps: Self.warmUp + steps, engine: context.engine)
    let address = try Endpoint(transport == .tcp ? "127.0.0.1:0" : "ipc://\(scratch)/server")
    let listener = try Listener(
      on: address,
      admission: try keys.place.directory(for: address)?.admission { sayOnStandardError($0) })
    let record = ExperimentRecord(
      trial.experiment, numerics: Numerics.fingerprint(of: context),
      engine: context.engineDescription, relate: relateVersion, machine: "")
    let (recorder, state) = try RunRecorder.starting(
      record, in: RunDirectory(path: scratch + "/run"), facts: trial.facts,
      checkpointEvery: .steps(.max))
    var options = ServerOptions()
    options.expectedWorkers = workers
    options.sharesMemory = transport == .shm
    // With fewer workers it would be another measurement.
    options.deadlines.gatherSeconds = options.deadlines.waitSeconds
    let children = try (1...workers).map { number in
      try Child(
        "Worker", ["--server", "\(listener.endpoint)", "--child"] + keys.arguments,
        log: "\(scratch)/worker-\(number).log")
    }
    defer { for child in children { child.end(within: 2) } }
    // Looked at by the thread that serves, which is this one.
    nonisolated(unsafe) let crew = children
    let setting = RunSetting(recorder: recorder, observers: [times]) {
      stop.isRequested || crew.contains { !$0.isRunning }
    }
    let ending = try ServerLoop(
      from: state, setting: setting, listener: listener, options: options
    ).run().ending
    if ending == .stopped, let dead = children.first(where: { !$0.isRunning }), !stop.isRequested {
      throw TrainingError("\(dead.ending), before the steps were done.")
    }
    return ending
  }

  /// The seconds that one step of Adam takes on so many parameters, in this process alone.
  private static func adamSeconds(parameters: Int) -> Double {
    var values = Tensor.zeros([parameters])
    var moments = AdamMoments(count: parameters)
    let gradient = Tensor(repeating: 0.5, shape: [parameters])
    let times = (1...7).map { step in
      let start = ContinuousClock.now
      AdamStep(step, learningRate: 1e-4).update(
        &values, moments: &moments, in: 0..<parameters, gradient: gradient)
      return start.duration(to: .now).seconds
    }
    return median(times)
  }
}

/// When each step was applied, and what this process had used by then.
private final class StepTimes: RunObserver {
  struct Step {
    let seconds: Double
    let processorSeconds: Double
    let pageFaults: Int
  }

  private(set) var steps: [Step] = []
  private let progress: ProgressLine
  private let total: Int

  init(_ progress: ProgressLine, total: Int) {
    self.progress = progress
    self.total = total
  }

  func observe(_ event: RunEvent) {
    guard case .step(let record) = event else { return }
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
    steps.append(
      Step(
        seconds: record.seconds,
        processorSeconds: seconds(usage.ru_utime) + seconds(usage.ru_stime),
        pageFaults: usage.ru_minflt))
    progress.show(record.step, of: total)
  }
}

extension BenchSyncCommand {
  /// What is printed: the names that `scripts/bench/gloo_sync.py` has, and more.
  fileprivate struct Result: Encodable {
    var transport: String
    var isEncrypted: Bool
    var servers = 1
    var workers: Int
    var parameters: Int
    var steps: Int
    var msMin: Double
    var msMedian: Double
    /// The step without Adam, which is timed by itself.
    var msAllreduceMedian: Double
    /// Each worker's gradient counts once a step.
    var gigabytesPerSecond: Double
    /// Of the server's process, by step.
    var serverProcessorMs: Double
    var serverPageFaults: Double

    enum CodingKeys: String, CodingKey {
      case transport, servers, workers, parameters, steps
      case isEncrypted = "encrypted"
      case msMin = "ms_min"
      case msMedian = "ms_median"
      case msAllreduceMedian = "ms_allreduce_median"
      case gigabytesPerSecond = "gradient_GB_per_s"
      case serverProcessorMs = "server_cpu_ms"
      case serverPageFaults = "server_page_faults"
    }

    init(of command: BenchSyncCommand, times: StepTimes, adam: Double) {
      let timed = times.steps.suffix(command.steps)
      let seconds = timed.map(\.seconds)
      let median = median(seconds)
      transport = command.transport.rawValue
      isEncrypted = command.transport == .tcp && !command.keys.insecure
      workers = command.workers
      parameters = command.parameters
      steps = timed.count
      msMin = rounded((seconds.min() ?? 0) * 1000)
      msMedian = rounded(median * 1000)
      msAllreduceMedian = rounded(max(0, median - adam) * 1000)
      gigabytesPerSecond = rounded(Double(workers * parameters * 4) / median * 1e-9)
      let (first, last) = (times.steps[times.steps.count - timed.count - 1], times.steps.last)
      let count = Double(timed.count)
      serverProcessorMs = rounded(
        ((last?.processorSeconds ?? 0) - first.processorSeconds) * 1000 / count)
      serverPageFaults = rounded(Double((last?.pageFaults ?? 0) - first.pageFaults) / count)
    }

    var sentence: String {
      """
      \(workers) worker(s), \(parameters) parameters, \(transport)\
      \(isEncrypted ? ", encrypted" : ""): \(decimals(msMedian, 2)) ms a step (median of \(steps), \
      least \(decimals(msMin, 2))), \(decimals(gigabytesPerSecond, 2)) GB/s of gradients; the \
      server's process used \(decimals(serverProcessorMs, 2)) ms of processor time and \
      \(decimals(serverPageFaults, 0)) page faults a step
      """
    }
  }
}
