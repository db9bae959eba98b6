// relate train: a run as a cluster of processes, on this machine or on several, or as one process.

import ArgumentParser
import Foundation
import Learning
import NeuralNetworks
import Tensors
import Training

/// `relate train`.
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a model: on a parameter server and workers, or in one process.",
    discussion: """
      The result depends on the experiment alone (task, settings, schedule, seed, replicas), not \
      on how many processes compute it. Ctrl-C finishes the step and writes a checkpoint.

      Example: relate train sort-of-clevr --preset quick --workers 2
      By ssh:  relate train sort-of-clevr --hosts FILE --package PACKAGE
      Resume:  relate train --run runs/sort-of-clevr-quick-seed1 --resume
      """)

  @OptionGroup var experiment: ExperimentOptions
  @OptionGroup var place: RunOptions
  @OptionGroup var observing: ObservingOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Worker processes; as many as cores unless said.", valueName: "n"))
  var workers: Int?

  @Flag(help: "Compute everything in this process, for debugging.")
  var singleProcess = false

  @Option(
    help: ArgumentHelp(
      "Threads of each process that computes. Bits do not depend on it.", valueName: "n"))
  var threads: ThreadCount?

  @OptionGroup(title: "Other hosts") var others: HostOptions
  @OptionGroup var audit: AuditOptions

  func validate() throws {
    if singleProcess && workers != nil {
      throw ValidationError("Say --workers or --single-process, not both.")
    }
    try audit.requireWorkers(singleProcess ? 1 : workers)
    if others.hosts != nil, singleProcess || workers != nil || threads != nil {
      throw ValidationError(
        "The file of --hosts says what is computed where: leave out --single-process, --workers "
          + "and --threads.")
    }
    if others.hosts == nil, !others.arguments.isEmpty {
      throw ValidationError("\(others.arguments[0]) belongs to --hosts FILE, which is missing.")
    }
    if let workers, !(1...1024).contains(workers) {
      throw ValidationError("--workers must be from 1 to 1024, not \(workers).")
    }
  }

  func run() throws {
    let log = observing.log.log
    try reportingErrors(to: log) {
      let plan = try place.choose(experiment)
      if try showIfComplete(plan, log) { return 0 }
      let cores = ProcessInfo.processInfo.activeProcessorCount
      if singleProcess { return try trainAlone(plan, threads: threads?.count ?? cores) }
      if others.hosts == nil { try audit.requireWorkers(workers ?? cores) }
      // Workers would find it out one by one.
      let settled = try plan.beginning ?? plan.directory.readExperiment().experiment
      try requireData(of: settled, at: experiment.data.place)
      let stop = StopRequest(endsWithParent: false, answer: StopRequest.finishesStep(log))
      let data = experiment.data.path
      let crew = try others.crew(for: plan, data: data, stop: stop, log: log)
      if let crew, try !crew.gather() { return ExitStatus.interrupted }
      let local = Crew(
        workerCount: workers ?? cores, threads: threads?.count ?? 1,
        arguments: observing.log.arguments + (data.map { ["--data", $0] } ?? []), log: log)
      let cluster = Cluster(
        plan,
        options: .init(
          data: data, server: serverOptions, trace: observing.trace,
          beginning: beginningOptions(plan),
          hint: .train(options: others.arguments, data: data)),
        workforce: crew ?? local, stop: stop, log: log)
      return try cluster.run()
    }
  }

  /// What the server of a cluster is told however often it is started.
  private var serverOptions: [String] {
    ["--checkpoint-every", place.checkpointEvery.defaultValueDescription]
      + (others.hosts == nil ? [] : ["--data-port", String(others.dataPort)])
      + others.arguments.flatMap { ["--launched-with", $0] } + observing.arguments
      + audit.arguments
  }

  /// What the server of a cluster is told beside the experiment when the run begins.
  private func beginningOptions(_ plan: RunPlan) -> [String] {
    var options: [String] = []
    if let from = experiment.origin.from { options += ["--from", from] }
    if let take = experiment.origin.take { options += ["--take", take] }
    if let steps = plan.moreSteps { options += ["--steps", String(steps)] }
    return options
  }

  private func trainAlone(_ plan: RunPlan, threads: Int) throws -> Int32 {
    let settled = try plan.beginning ?? plan.directory.readExperiment().experiment
    let context = try computeContext(
      threadCount: threads, engine: settled.engine, precision: settled.precision)
    // Before the run's files are touched.
    if plan.beginning == nil {
      try plan.directory.readExperiment().requireNumerics(of: context)
    }
    let log = observing.log.log
    let (metrics, trace) = (try observing.serve(plan), try observing.openTrace())
    let task = try openTask(of: settled, at: experiment.data.place)
    let run = try PreparedRun(plan, task: task, checkpointEvery: place.checkpointEvery)
    let stop = StopRequest(endsWithParent: false, answer: StopRequest.finishesStep(log))
    let (ending, step) = try run.computeAlone(
      task,
      watchedBy: Watchers(display: run.display(log), trace: trace, metrics: metrics),
      until: stop, context)
    return try conclude(
      ending, in: plan.directory, step: step,
      hint: .train(singleProcess: true, data: experiment.data.path), log)
  }
}
