// relate train: a run on this machine, as a cluster of processes or as one.

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
    abstract: "Train a model on this machine: a parameter server and workers, or one process.",
    discussion: """
      The result depends on the experiment alone (task, settings, schedule, seed, replicas), not \
      on how many processes compute it. Ctrl-C finishes the step and writes a checkpoint.

      Example: relate train sort-of-clevr --preset quick --workers 2
      Resume:  relate train --run runs/sort-of-clevr-quick-seed1 --resume
      """)

  @OptionGroup var experiment: ExperimentOptions
  @OptionGroup var place: RunOptions

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

  @OptionGroup var audit: AuditOptions

  func validate() throws {
    if singleProcess && workers != nil {
      throw ValidationError("Say --workers or --single-process, not both.")
    }
    try audit.requireWorkers(singleProcess ? 1 : workers)
    if let workers, !(1...1024).contains(workers) {
      throw ValidationError("--workers must be from 1 to 1024, not \(workers).")
    }
  }

  func run() throws {
    try reportingErrors {
      let plan = try place.choose(experiment)
      if try showIfComplete(plan) { return 0 }
      let cores = ProcessInfo.processInfo.activeProcessorCount
      if singleProcess { return try trainAlone(plan, threads: threads?.count ?? cores) }
      try audit.requireWorkers(workers ?? cores)
      // Workers would find it out one by one.
      let settled = try plan.beginning ?? plan.directory.readExperiment().experiment
      try requireData(of: settled, at: experiment.data.place)
      let cluster = LocalCluster(
        plan,
        options: .init(
          workers: workers ?? cores, threads: threads?.count ?? 1, data: experiment.data.path,
          server: ["--checkpoint-every", place.checkpointEvery.defaultValueDescription]
            + audit.arguments,
          beginning: beginningOptions(plan)))
      return try cluster.run()
    }
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
    let task = try openTask(of: settled, at: experiment.data.place)
    let run = try PreparedRun(plan, task: task, checkpointEvery: place.checkpointEvery)
    let stop = StopRequest(endsWithParent: false, answer: StopRequest.finishesStep)
    let (ending, step) = try run.computeAlone(
      task, showing: ProgressDisplay(settled, facts: run.facts), until: stop, context)
    return try conclude(
      ending, in: plan.directory, step: step,
      hint: .train(singleProcess: true, data: experiment.data.path))
  }
}
